import Sqlite from 'better-sqlite3'
import { StoreError } from '../errors.ts'
import type { UnitView } from '../knowledge/document.ts'
import { writeResult } from '../operations/json-text.ts'
import {
  type Notice,
  type Question,
  type Step,
  type Steps,
  takeWithin,
} from '../operations/operation.ts'
import type { RankingIndex } from '../ranking/ranking-index.ts'
import { CheckpointRequest } from './checkpoint-request.ts'
import type { Access, ConnectionOptions, ConnectionReport, Tidied } from './connection-options.ts'
import { toStoreError } from './errors.ts'
import { Flushes } from './flushes.ts'
import { OpenFile } from './open-file.ts'
import { logState } from './readable-file.ts'
import { requireSafeSqlite } from './versions.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

const reportedPragmas = [
  'foreign_keys',
  'journal_mode',
  'synchronous',
  'busy_timeout',
  'query_only',
  'cache_size',
  'mmap_size',
] as const

/** Prepared statements that a connection keeps. Many more than there are statements. */
const mostPrepared = 256

/** How many times the usual page cache there is while whole tables are filled: enough for a million units. */
const bulkCacheFactor = 16
/** The largest page cache that SQLite takes, in KiB. */
const mostCacheSize = 2_147_483_647

/** Notices that wait to be told with a reply. */
const mostNotices = 1_000

/** Failures of upkeep that are kept to be told. */
const mostUndone = 20

/** One better-sqlite3 connection, on which operations run to their end without a pause. */
export class Connection {
  readonly sqlite: Sqlite.Database
  readonly access: Access
  readonly #logAsFound: string | undefined
  /** What a ranker answers questions from. */
  index: RankingIndex | undefined
  /** Statements of operations that changed something, or failed and may have. */
  changes = 0
  /** What operations wanted logged. */
  readonly notices: string[] = []
  /** Whether something that the open transaction took out must leave no trace. */
  #erases = false
  readonly #prepared = new Map<string, Sqlite.Statement>()
  /** Where this connection writes. */
  #log: WriteAheadLog | undefined
  /** What this connection writes to, once that is open. */
  #file: OpenFile | undefined
  readonly #flushes: Flushes
  /** What of the writer's duties could not be done, and nobody was told yet. */
  readonly #undone: string[] = []

  /** @throws {StoreError} */
  constructor(options: ConnectionOptions) {
    const { path, access, busyTimeout, durability, logAsFound } = options
    this.access = access
    this.#logAsFound = logAsFound
    this.#flushes = new Flushes(durability === 'normal')
    const readonly = access === 'read' || access === 'rank'
    this.sqlite = translated(() => new Sqlite(path, { readonly, timeout: busyTimeout }))
    try {
      translated(() => this.#setUp(options))
      if (options.file !== undefined && options.file !== new OpenFile(path).identity) throw moved()
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

  /** As `run`, and writes the result as JSON text, its units seen as the view. */
  runToText(steps: Steps<unknown>, view?: UnitView): string {
    return writeResult(this.run(steps), view)
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
    if (this.access === 'write') return this.#write(work, this.#flushes.areDue)
    this.execute('begin')
    try {
      return work()
    } finally {
      // Where the work fails SQLite may have ended it, and nothing is lost where that fails.
      this.#rollBack()
    }
  }

  /** @param isFlushed whether its commit waits for the disk, where commits do not anyway */
  #write<Result>(work: () => Result, isFlushed: boolean): Result {
    this.#requireFile()
    if (isFlushed) this.sqlite.pragma('synchronous = FULL')
    try {
      this.execute('begin immediate')
      this.#erases = false
      let result: Result
      try {
        result = work()
      } catch (error) {
        this.#rollBack()
        throw error
      }
      this.#commit()
      this.#flushes.noteCommit(isFlushed)
      this.#attempt('wal_checkpoint', () => this.#log?.afterCommit(this.#erases))
      return result
    } finally {
      if (isFlushed) this.sqlite.pragma('synchronous = NORMAL')
    }
  }

  #rollBack(): void {
    try {
      if (this.sqlite.inTransaction) this.execute('rollback')
    } catch {
      // Whoever has the connection finds that it is in a transaction still.
    }
  }

  /** @throws {StoreError} `outcome_unknown` where the disk failed when the end of it may be on it already */
  #commit(): void {
    try {
      this.execute('commit')
    } catch (error) {
      this.#rollBack()
      const { code = '' } = error as { code?: string }
      if (!code.startsWith('SQLITE_IOERR')) throw error
      const why = `${toStoreError(error).message}; it may be stored all the same`
      throw new StoreError('outcome_unknown', why, { cause: error })
    }
  }

  /**
   * Presses all to the disk that was committed: by a commit that changes nothing and is written all the same.
   * @throws {StoreError} what kept it from being written
   */
  flush(): void {
    this.#write(() => {
      this.sqlite.pragma(`user_version = ${this.#pragma('user_version')}`)
    }, this.#flushes.areOwn)
  }

  /** @throws {StoreError} `unavailable` where another file, or none, lies where this one did */
  #requireFile(): void {
    if (this.#file?.isMoved) throw moved()
  }

  /**
   * As `transaction`, for work that fills whole tables: pages that it comes back to stay in a larger
   * cache, and what it sorts goes to a temporary file where it would fill the memory.
   */
  bulkTransaction<Result>(work: () => Result): Result {
    const cacheSize = this.#pragma('cache_size')
    const larger = Math.max(Number(cacheSize) * bulkCacheFactor, -mostCacheSize)
    this.sqlite.pragma(`cache_size = ${larger}`)
    this.sqlite.pragma('temp_store = FILE')
    try {
      return this.transaction(work)
    } finally {
      for (const pragma of [`cache_size = ${cacheSize}`, 'temp_store = MEMORY', 'shrink_memory'])
        this.sqlite.pragma(pragma)
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
   * What the writer does while nobody writes: empties the write-ahead log. Answers whether readers let it,
   * and what could not be done.
   */
  tidy(): Tidied {
    const isDone = this.#attempt('wal_checkpoint', () => this.#log?.truncate())
    // A reader is in the way, and may be for long.
    if (isDone === false && this.#flushes.areOwed) this.#attempt('user_version', () => this.flush())
    return { isDone: isDone !== false, undone: this.#undone.splice(0) }
  }

  /**
   * Folds what it can of the write-ahead log into the file whenever the writer asks for it, until this
   * is closed, or nobody is to wait for that any more.
   */
  async checkpointWhenAsked(request: CheckpointRequest): Promise<void> {
    const upkeep = 'wal_checkpoint(PASSIVE)'
    while ((await request.whenPending()) && this.sqlite.open) {
      request.take()
      this.#attempt(upkeep, () => this.sqlite.pragma(upkeep))
      request.done()
    }
  }

  /**
   * Closes the connection. The writer first folds the write-ahead log into the file. A reader takes away a log that came to be since it was opened, see
   * `logAsFound`. Answers what of that could not be done, as where another process holds a lock; it
   * keeps nothing from closing.
   */
  close(): string[] {
    if (this.access === 'write') {
      const upkeep = 'wal_checkpoint(TRUNCATE)'
      this.#attempt(upkeep, () => this.sqlite.pragma(upkeep))
    }
    this.sqlite.close()
    const { name } = this.sqlite
    if (this.#logAsFound !== undefined && this.#logAsFound !== logState(name))
      this.#attempt('wal_checkpoint', () => closeLog(name))
    return this.#undone.splice(0)
  }

  /** Does what no call may fail for, and notes where it fails. */
  #attempt<Result>(upkeep: string, work: () => Result): Result | undefined {
    try {
      return work()
    } catch (error) {
      if (this.#undone.length < mostUndone)
        this.#undone.push(`PRAGMA ${upkeep}: ${toStoreError(error).message}`)
      return undefined
    }
  }

  get #sqliteVersion(): string {
    return this.sqlite.prepare('select sqlite_version()').pluck().get() as string
  }

  #setUp(options: ConnectionOptions): void {
    const { path, access, durability, busyTimeout, cacheSize, mmapSize, checkpointMemory } = options
    requireSafeSqlite(this.#sqliteVersion)
    this.sqlite.pragma('foreign_keys = ON')
    this.sqlite.pragma(`busy_timeout = ${busyTimeout}`)
    this.sqlite.pragma(`synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`)
    this.sqlite.pragma(`cache_size = ${-cacheSize}`)
    this.sqlite.pragma(`mmap_size = ${mmapSize}`)
    // Else each page that a savepoint may have to restore is first written to a temporary file.
    this.sqlite.pragma('temp_store = MEMORY')
    // Which keeps nobody from a checkpoint.
    if (access !== 'write') this.sqlite.pragma('query_only = ON')
    else {
      // What is removed or replaced is overwritten: FAST would leave it in pages that become free.
      this.sqlite.pragma('secure_delete = ON')
      const request = new CheckpointRequest(checkpointMemory)
      this.#log = new WriteAheadLog(this.sqlite, { busyTimeout, request })
      this.#file = new OpenFile(path)
    }
  }

  #pragma(name: string): string | number {
    return this.sqlite.pragma(name, { simple: true }) as string | number
  }

  #execute(step: Step | Notice | Question): unknown {
    if ('notice' in step) return this.#note(step.notice)
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
    this.changes++
    const { changes } = prepared.run(...values)
    if (changes === 0) this.changes--
    else if (erases) this.#erase()
    return changes
  }

  /** As many as are logged at all. */
  #note(notice: string): void {
    if (this.notices.length < mostNotices) this.notices.push(notice)
  }

  #erase(): void {
    this.#erases = true
    // Samples of keys, domains among them, that another program's ANALYZE may have taken.
    const samples = this.sqlite.prepare("select 1 from sqlite_schema where name = 'sqlite_stat4'")
    if (samples.get()) this.execute('delete from sqlite_stat4')
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

function moved(): StoreError {
  const why = 'the database file was moved, removed or replaced while it was open; nothing was done'
  return new StoreError('unavailable', why)
}

/**
 * A connection that only reads, and is the last one, leaves the log behind that it made to read. One
 * that may write takes it away as it closes, as long as nobody else has the file open.
 */
function closeLog(path: string): void {
  const sqlite = new Sqlite(path, { fileMustExist: true, timeout: 0 })
  try {
    sqlite.prepare('SELECT 1 FROM sqlite_schema').get()
  } finally {
    sqlite.close()
  }
}

function translated<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw toStoreError(error)
  }
}
