import type Sqlite from 'better-sqlite3'
import { OffloadError } from '../threads/errors.ts'
import type { ConnectionAccess, ConnectionOptions } from './connection-options.ts'
import { fileMoved, pragmaOf } from './driver.ts'
import { wordsOf } from './errors.ts'
import { Flushes } from './flushes.ts'
import type { LogUpkeep } from './log-upkeep.ts'
import { OpenFile } from './open-file.ts'

/** How much larger the page cache is while whole tables are filled: enough for a million units. */
const bulkCacheFactor = 16
/** The largest page cache that SQLite takes, in KiB. */
const mostCacheSize = 2_147_483_647

/** As much of a connection as transactions need. */
export interface TransactionHost {
  readonly sqlite: Sqlite.Database
  readonly access: ConnectionAccess
  readonly logUpkeep: LogUpkeep
  execute(sql: string): void
}

/** The transactions of a connection. */
export class Transactions {
  readonly #connection: TransactionHost
  readonly #flushes: Flushes
  /** The file that a writer has open. */
  readonly #file: OpenFile | undefined
  /** Whether the open transaction deleted something that must leave no trace. */
  #hasErased = false
  /** Whether the commit of the open transaction waits for the disk, where most do not. */
  #isFlushed = false
  /** Whether a writer's transaction was begun and not ended, whatever SQLite has made of it. */
  isOpen = false

  constructor(connection: TransactionHost, { access, path, durability }: ConnectionOptions) {
    this.#connection = connection
    this.#flushes = new Flushes(durability === 'normal')
    this.#file = access === 'write' ? new OpenFile(path) : undefined
  }

  /**
   * Does work in one transaction. A writer's holds the write lock from its beginning; a reader's sees one
   * snapshot, and is rolled back.
   */
  run<Result>(work: () => Result): Result {
    if (this.#connection.access === 'write') return this.#write(work, this.#flushes.areDue)
    this.#connection.execute('begin')
    try {
      return work()
    } finally {
      this.rollBack()
    }
  }

  /**
   * As `run`, for work that fills whole tables: a larger cache keeps the pages that it comes back to, and sorting
   * uses a temporary file in place of memory.
   */
  runBulk<Result>(work: () => Result): Result {
    const { sqlite } = this.#connection
    const cacheSize = pragmaOf(sqlite, 'cache_size')
    const larger = Math.max(Number(cacheSize) * bulkCacheFactor, -mostCacheSize)
    sqlite.pragma(`cache_size = ${larger}`)
    sqlite.pragma('temp_store = FILE')
    try {
      return this.run(work)
    } finally {
      for (const pragma of [`cache_size = ${cacheSize}`, 'temp_store = MEMORY', 'shrink_memory'])
        sqlite.pragma(pragma)
    }
  }

  /** Does work inside the open transaction, and undoes it alone if it throws. */
  savepoint<Result>(work: () => Result): Result {
    const connection = this.#connection
    connection.execute('savepoint call')
    try {
      const result = work()
      connection.execute('release call')
      return result
    } catch (error) {
      if (connection.sqlite.inTransaction) {
        connection.execute('rollback to call')
        connection.execute('release call')
      }
      throw error
    }
  }

  /** Notes that the open transaction deleted something that must leave no trace. */
  noteErased(): void {
    this.#hasErased = true
    const { sqlite } = this.#connection
    // Samples of keys, domains among them, that another program's ANALYZE may have taken.
    const samples = sqlite.prepare("select 1 from sqlite_schema where name = 'sqlite_stat4'")
    if (samples.get()) this.#connection.execute('delete from sqlite_stat4')
  }

  /**
   * Flushes every commit to the disk, by a commit that changes nothing and is written all the same.
   * @throws {OffloadError} why it could not be written
   */
  flush(): void {
    const { sqlite } = this.#connection
    this.#write(() => {
      sqlite.pragma(`user_version = ${pragmaOf(sqlite, 'user_version')}`)
    }, this.#flushes.areOwn)
  }

  /** Whether there are commits that were not flushed. */
  get needsFlush(): boolean {
    return this.#flushes.areOwed
  }

  /**
   * Begins a transaction that others end. A writer's holds the write lock from now on; a reader's sees the state of
   * now.
   */
  begin(): void {
    if (this.#connection.access === 'write') {
      this.#begin(this.#flushes.areDue)
      return
    }
    this.#connection.execute('begin')
    // A deferred transaction takes its snapshot with the first read.
    this.#connection.sqlite.prepare('select 1 from sqlite_schema').get()
  }

  /** Ends a transaction that was begun. @throws as `run` */
  commit(): void {
    if (this.#connection.access === 'write') this.#commit()
    else this.rollBack()
  }

  /** Sets, undoes or releases a savepoint of a transaction that was begun. */
  control(sql: string): void {
    this.#connection.sqlite.prepare(sql).run()
  }

  /** Undoes the open transaction, if there is one. */
  rollBack(): void {
    this.isOpen = false
    try {
      // SQLite may have done so itself when the work failed.
      if (this.#connection.sqlite.inTransaction) this.#connection.execute('rollback')
    } catch {
      // The worker sees that the connection is still in a transaction, and restarts.
    } finally {
      this.#stopFlushing()
    }
  }

  /** @param isFlushed whether the commit waits for the disk, at durability `normal` */
  #write<Result>(work: () => Result, isFlushed: boolean): Result {
    this.#begin(isFlushed)
    let result: Result
    try {
      result = work()
    } catch (error) {
      this.rollBack()
      throw error
    }
    this.#commit()
    return result
  }

  #begin(isFlushed: boolean): void {
    if (this.#file?.isMoved) throw fileMoved()
    // Before the transaction, since SQLite refuses it inside one.
    if (isFlushed) this.#connection.sqlite.pragma('synchronous = FULL')
    this.#isFlushed = isFlushed
    this.#hasErased = false
    try {
      // A deferred transaction that starts to write fails at once if another process has written meanwhile.
      this.#connection.execute('begin immediate')
      this.isOpen = true
    } catch (error) {
      this.#stopFlushing()
      throw error
    }
  }

  /** @throws {OffloadError} `outcome_unknown` if the disk failed when the commit may have been on it already */
  #commit(): void {
    const isFlushed = this.#isFlushed
    this.isOpen = false
    try {
      this.#connection.execute('commit')
    } catch (error) {
      this.rollBack()
      const { code = '' } = error as { code?: string }
      if (!code.startsWith('SQLITE_IOERR')) throw error
      const why = `${wordsOf(error)}; it may have been stored all the same`
      throw new OffloadError('outcome_unknown', why, { cause: error })
    }
    this.#flushes.noteCommit(isFlushed)
    try {
      this.#connection.logUpkeep.afterCommit(this.#hasErased)
    } finally {
      this.#stopFlushing()
    }
  }

  #stopFlushing(): void {
    if (!this.#isFlushed) return
    this.#isFlushed = false
    this.#connection.sqlite.pragma('synchronous = NORMAL')
  }
}
