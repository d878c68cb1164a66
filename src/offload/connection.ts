import type Sqlite from 'better-sqlite3'
import { OffloadError } from '../threads/errors.ts'
import type { ConnectionAccess, ConnectionOptions, ConnectionReport } from './connection-options.ts'
import type { Database, FunctionOptions, Statement } from './database.ts'
import { openDatabase, reportOf } from './driver.ts'
import { LogUpkeep } from './log-upkeep.ts'
import { requireNoTransactionControl, Statements } from './statements.ts'
import { Transactions } from './transactions.ts'

/** The most notices that are kept until the next reply. */
const mostNotices = 1_000

/** One better-sqlite3 connection, with what the engine needs to know of it. */
export class Connection implements Database {
  readonly sqlite: Sqlite.Database
  readonly access: ConnectionAccess
  readonly transactions: Transactions
  readonly logUpkeep: LogUpkeep
  /** Statements of operations that changed something, or failed and may have. */
  changes = 0
  /** Rows that operations are reading. */
  iterators = new Set<IterableIterator<unknown>>()
  /** What operations want logged. */
  readonly #notices: string[] = []
  readonly #statements: Statements
  /** The engine's own, such as `begin`. */
  readonly #own = new Map<string, Sqlite.Statement>()

  /** @throws {OffloadError} */
  constructor(options: ConnectionOptions) {
    this.access = options.access
    this.sqlite = openDatabase(options)
    this.#statements = new Statements(this.sqlite, this)
    this.logUpkeep = new LogUpkeep(this.sqlite, options)
    this.transactions = new Transactions(this, options)
  }

  prepare<Row = unknown>(sql: string): Statement<Row> {
    return this.#statements.get(sql) as Statement<Row>
  }

  exec(sql: string): void {
    requireNoTransactionControl(sql)
    const { inTransaction } = this.sqlite
    this.changes++
    this.sqlite.exec(sql)
    if (inTransaction && !this.sqlite.inTransaction)
      throw new OffloadError('failed', 'an operation ended the transaction that it shares')
  }

  pragma(pragma: string): unknown {
    return this.sqlite.pragma(pragma, { simple: true })
  }

  function(name: string, run: (...args: never[]) => unknown, options: FunctionOptions = {}): void {
    this.sqlite.function(name, options, run as (...args: unknown[]) => unknown)
  }

  notice(message: string): void {
    if (this.#notices.length < mostNotices) this.#notices.push(message)
  }

  /** What operations wanted logged since this was last asked. */
  takeNotices(): readonly string[] | undefined {
    return this.#notices.length > 0 ? this.#notices.splice(0) : undefined
  }

  leaveNoTrace(): void {
    this.transactions.noteErased()
  }

  /** Has later operations see no rows that are being read, and not close them. Returns these. */
  setIteratorsAside(): Set<IterableIterator<unknown>> {
    const aside = this.iterators
    this.iterators = new Set()
    return aside
  }

  /** Closes what operations left open. */
  closeIterators(): void {
    for (const rows of this.iterators) rows.return?.()
    this.iterators.clear()
  }

  /** Runs a statement that is not an operation's. */
  execute(sql: string): void {
    let statement = this.#own.get(sql)
    if (!statement) {
      statement = this.sqlite.prepare(sql)
      this.#own.set(sql, statement)
    }
    statement.run()
  }

  report(): ConnectionReport {
    return reportOf(this.sqlite, this.access)
  }

  /** Closes the connection. Returns what failed while it did: nothing keeps it from closing. */
  close(): string[] {
    return this.logUpkeep.close()
  }
}
