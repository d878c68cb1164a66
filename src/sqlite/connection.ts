import Sqlite from 'better-sqlite3'
import { writeResult } from '../operations/json-text.ts'
import type { Step, Steps } from '../operations/operation.ts'
import type { Access, ConnectionOptions, ConnectionReport } from './connection-options.ts'
import { toStoreError } from './errors.ts'
import { requireSafeSqlite } from './versions.ts'

const reportedPragmas = [
  'foreign_keys',
  'journal_mode',
  'synchronous',
  'busy_timeout',
  'query_only',
  'cache_size',
  'mmap_size',
] as const

/**
 * How many pages the write-ahead log gathers before the writer folds them into the file: 16 MiB. Pages
 * that many writes touch are folded in once, and the two flushes of a checkpoint are shared by more
 * writes. Four times SQLite's default; measured, inserts in groups take 0.7 of the time for it.
 */
const pagesBetweenCheckpoints = 4_000

/** Prepared statements that a connection keeps. Many more than there are statements. */
const mostPrepared = 256

/** One better-sqlite3 connection, on which operations run to their end without a pause. */
export class Connection {
  readonly sqlite: Sqlite.Database
  readonly access: Access
  readonly #prepared = new Map<string, Sqlite.Statement>()

  /** @throws {StoreError} */
  constructor(options: ConnectionOptions) {
    const { path, access, busyTimeout } = options
    this.access = access
    const readonly = access === 'read'
    this.sqlite = translated(() => new Sqlite(path, { readonly, timeout: busyTimeout }))
    try {
      translated(() => this.#setUp(options))
    } catch (error) {
      this.sqlite.close()
      throw error
    }
  }

  /** Drives an operation: runs each statement that it yields, and hands it the answer or the failure. */
  run<Result>(steps: Steps<Result>): Result {
    let step = steps.next()
    while (!step.done) {
      let answer: unknown
      try {
        answer = this.#execute(step.value)
      } catch (error) {
        step = steps.throw(toStoreError(error))
        continue
      }
      step = steps.next(answer)
    }
    return step.value
  }

  /** As `run`, and writes the result as JSON text. */
  runToText(steps: Steps<unknown>): string {
    return writeResult(this.run(steps))
  }

  /** Runs a statement that is not an operation's. */
  execute(sql: string): void {
    this.#prepare(sql).run()
  }

  /**
   * Does the work in one transaction: a writer's holds the write lock from its beginning, a reader's
   * sees one snapshot.
   */
  transaction<Result>(work: () => Result): Result {
    // A deferred transaction that turns to writing fails at once where another process wrote.
    this.execute(this.access === 'write' ? 'begin immediate' : 'begin')
    try {
      const result = work()
      this.execute('commit')
      return result
    } catch (error) {
      if (this.sqlite.inTransaction) this.execute('rollback')
      throw error
    }
  }

  /** Does the work inside the open transaction; where it throws, undoes it alone. */
  savepoint<Result>(work: () => Result): Result {
    this.execute('savepoint call')
    try {
      const result = work()
      this.execute('release call')
      return result
    } catch (error) {
      if (this.sqlite.inTransaction) {
        this.execute('rollback to call')
        this.execute('release call')
      }
      throw error
    }
  }

  report(): ConnectionReport {
    const pragmas = reportedPragmas.map((name) => [name, this.#pragma(name)])
    return {
      access: this.access,
      sqliteVersion: this.#sqliteVersion,
      pragmas: Object.fromEntries(pragmas),
    }
  }

  /**
   * Closes the connection. The writer first refreshes what the planner knows, and folds the
   * write-ahead log into the file. Answers what of that could not be done, as where another process
   * holds a lock; it keeps nothing from closing.
   */
  close(): string[] {
    const undone: string[] = []
    if (this.access === 'write')
      for (const upkeep of ['optimize', 'wal_checkpoint(TRUNCATE)'])
        try {
          this.sqlite.pragma(upkeep)
        } catch (error) {
          undone.push(`PRAGMA ${upkeep}: ${toStoreError(error).message}`)
        }
    this.sqlite.close()
    return undone
  }

  get #sqliteVersion(): string {
    return this.sqlite.prepare('select sqlite_version()').pluck().get() as string
  }

  #setUp({ access, durability, busyTimeout, cacheSize, mmapSize }: ConnectionOptions): void {
    requireSafeSqlite(this.#sqliteVersion)
    this.sqlite.pragma('foreign_keys = ON')
    this.sqlite.pragma(`busy_timeout = ${busyTimeout}`)
    this.sqlite.pragma(`synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`)
    this.sqlite.pragma(`cache_size = ${-cacheSize}`)
    this.sqlite.pragma(`mmap_size = ${mmapSize}`)
    // Else each page that a savepoint may have to restore is first written to a temporary file.
    this.sqlite.pragma('temp_store = MEMORY')
    if (access === 'read') this.sqlite.pragma('query_only = ON')
    else this.sqlite.pragma(`wal_autocheckpoint = ${pagesBetweenCheckpoints}`)
  }

  #pragma(name: string): string | number {
    return this.sqlite.pragma(name, { simple: true }) as string | number
  }

  #execute({ statement, params, want }: Step): unknown {
    const { sql, bind } = statement.compiled('sqlite')
    const prepared = this.#prepare(sql)
    const values = bind(params as Record<string, unknown>)
    return want === 'rows' ? prepared.all(...values) : prepared.run(...values).changes
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

function translated<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw toStoreError(error)
  }
}
