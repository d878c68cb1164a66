import type Sqlite from 'better-sqlite3'
import { StoreError } from '../errors.ts'
import type { UnitView } from '../knowledge/document.ts'
import { writeResult } from '../operations/json-text.ts'
import type { RankingIndex } from '../ranking/ranking-index.ts'
import { type Notice, type Question, type Step, type Steps, takeWithin } from '../sql/steps.ts'
import type { ConnectionAccess, ConnectionOptions, ConnectionReport } from './connection-options.ts'
import { openDatabase, reportOf } from './driver.ts'
import { toStoreError } from './errors.ts'
import { LogUpkeep } from './log-upkeep.ts'
import { Transactions } from './transactions.ts'

/** The most prepared statements that are kept: far more than there are statements. */
const mostPrepared = 256

/** The most notices that are kept until the next reply. */
const mostNotices = 1_000

/** One better-sqlite3 connection, which runs operations synchronously. */
export class Connection {
  readonly sqlite: Sqlite.Database
  readonly access: ConnectionAccess
  readonly transactions: Transactions
  readonly logUpkeep: LogUpkeep
  /** What a ranker answers questions from. */
  index: RankingIndex | undefined
  /** Statements of operations that changed something, or failed and may have. */
  changes = 0
  /** What operations want logged. */
  readonly notices: string[] = []
  readonly #prepared = new Map<string, Sqlite.Statement>()

  /** @throws {StoreError} */
  constructor(options: ConnectionOptions) {
    this.access = options.access
    this.sqlite = openDatabase(options)
    this.logUpkeep = new LogUpkeep(this.sqlite, options)
    this.transactions = new Transactions(this, options)
  }

  /** Runs an operation: carries out each statement that it yields, and hands it the answer or the failure. */
  run<Result>(steps: Steps<Result>): Result {
    let step = steps.next()
    while (!step.done) {
      let answer: unknown
      try {
        answer = this.#carryOut(step.value)
      } catch (error) {
        step = steps.throw(toStoreError(error))
        continue
      }
      step = steps.next(answer)
    }
    return step.value
  }

  /** Runs an operation, and writes its result as JSON text, with its units in the given view. */
  runToText(steps: Steps<unknown>, view?: UnitView): string {
    return writeResult(this.run(steps), view)
  }

  /** Runs a statement that is not an operation's. */
  execute(sql: string): void {
    this.#prepare(sql).run()
  }

  report(): ConnectionReport {
    return reportOf(this.sqlite, this.access)
  }

  /** Closes the connection. Returns what failed while it did: nothing keeps it from closing. */
  close(): string[] {
    return this.logUpkeep.close()
  }

  #carryOut(step: Step | Notice | Question): unknown {
    if ('notice' in step) return this.#keepNotice(step.notice)
    if ('ask' in step) {
      if (!this.index && step.ifThere) return undefined
      if (!this.index) throw new StoreError('internal', 'only a ranker has an index to ask')
      return step.ask(this.index)
    }
    const { statement, params, want, mostText, erases } = step
    const { sql, bind } = statement.compiled('sqlite')
    const prepared = this.#prepare(sql)
    const values = bind(params as Record<string, unknown>)
    if (want === 'rows')
      return mostText === undefined
        ? prepared.all(...values)
        : takeWithin(mostText, prepared.iterate(...values) as IterableIterator<object>)
    // Counted first, since a statement that fails may have changed something.
    this.changes++
    const { changes } = prepared.run(...values)
    if (changes === 0) this.changes--
    else if (erases) this.transactions.noteErased()
    return changes
  }

  #keepNotice(notice: string): void {
    if (this.notices.length < mostNotices) this.notices.push(notice)
  }

  #prepare(sql: string): Sqlite.Statement {
    const known = this.#prepared.get(sql)
    if (known) return known
    if (this.#prepared.size >= mostPrepared) this.#forgetOldest()
    const prepared = this.sqlite.prepare(sql)
    this.#prepared.set(sql, prepared)
    return prepared
  }

  #forgetOldest(): void {
    const [oldest] = this.#prepared.keys()
    if (oldest !== undefined) this.#prepared.delete(oldest)
  }
}
