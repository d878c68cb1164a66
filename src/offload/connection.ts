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

/** Those that do something in the place of what they are asked for. */
const hidingTriggers = `select count(*) from (
  select sql from sqlite_schema where type = 'trigger' union all
  select sql from sqlite_temp_schema where type = 'trigger')
  where sql like '%instead%of%' or sql like '%raise%ignore%'`

/** One better-sqlite3 connection, with what the engine needs to know of it. */
export class Connection implements Database {
  readonly sqlite: Sqlite.Database
  readonly access: ConnectionAccess
  readonly transactions: Transactions
  readonly logUpkeep: LogUpkeep
  /** Statements of operations that changed something, or failed and may have. */
  changes = 0
  unchanged = 0
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
    this.requireTransaction()
    this.changes++
    this.sqlite.exec(sql)
  }

  pragma(pragma: string): unknown {
    if (/[=(]/.test(pragma)) {
      this.requireTransaction()
      this.changes++
    }
    return this.sqlite.pragma(pragma, { simple: true })
  }

  function(name: string, run: (...args: never[]) => unknown, options: FunctionOptions = {}): void {
    this.sqlite.function(name, options, run as (...args: unknown[]) => unknown)
  }

  /**
   * Refuses to go on if SQLite has rolled the transaction back, as `insert or rollback` does: what came next would be
   * committed at once.
   * @throws {OffloadError} `failed`
   */
  requireTransaction(): void {
    if (this.transactions.isOpen && !this.sqlite.inTransaction)
      throw new OffloadError('failed', 'SQLite has rolled the transaction back')
  }

  /** Whether there are triggers by which a statement changes something and says that it did not. */
  get mayHideChanges(): boolean {
    const count = this.#statements.get(hidingTriggers).pluck<number>().get()
    return count !== 0
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
