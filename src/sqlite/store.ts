import { stat } from 'node:fs/promises'
import { StoreError, type StoreErrorCode } from '../errors.ts'
import { internalsOf } from '../internals.ts'
import { eachOnce, RepeatedFaults } from '../logging.ts'
import { EngineError } from '../offload/errors.ts'
import { Lane } from '../offload/lane.ts'
import type { LaneFigures } from '../offload/lane-figures.ts'
import type { Log } from '../offload/log.ts'
import type { CallReply } from '../offload/reply.ts'
import type { OperationKind, StoreMethod } from '../operations/operation.ts'
import { type Call, OperationStore } from '../operations/operation-store.ts'
import type { Store } from '../store.ts'
import type { ConnectionReport } from './connection-options.ts'
import { makeDatabaseFile, realPathOf } from './database-file.ts'
import { requireThere } from './directory.ts'
import { Health } from './health.ts'
import { OpenFile } from './open-file.ts'
import {
  type CompleteOptions,
  checkStoreOptions,
  completeOptions,
  type SqliteStoreOptions,
} from './options.ts'
import type { RankingFigures } from './ranking-figures.ts'
import { type ReadableFile, readableFile } from './readable-file.ts'
import { StoreThreads } from './threads.ts'
import { Upkeep } from './upkeep.ts'
import { requirePermission, requireSupportedRuntime } from './versions.ts'
import type { SqliteDuties } from './worker.ts'

/** What a store's threads are doing, and have done. */
export interface SqliteStoreFigures {
  readonly write: LaneFigures
  readonly read: LaneFigures
  readonly rank: LaneFigures
  /** One for each ranker. */
  readonly ranking: readonly RankingFigures[]
  /** The writer's first, and the checkpointer's last, if it was started. */
  readonly connections: readonly ConnectionReport[]
}

/** The least time that threads have to close if calls took all of it, in milliseconds. */
const leastClosing = 500

/** The most reads in a batch: enough to hide a round trip, few enough to answer soon. */
const largestReadBatch = 64
/** The most writes that are committed together. */
const largestWriteBatch = 256
/**
 * The most text of writes that are committed together, in characters (4 Mi). A larger transaction makes none of
 * them cheaper, takes longer, and makes the write-ahead log larger.
 */
const heaviestWriteBatch = 4_194_304

/**
 * A Store over one SQLite file. One worker thread writes and several read, each with a connection of its own: no
 * SQLite call runs on the caller's thread, reads never wait for writes, and concurrent writes are committed
 * together. The ranker, a further thread, answers queries and statistics from an index in memory, which it loads
 * once the store is open; until then these calls wait. The checkpointer, which is started when enough has been
 * written, copies the write-ahead log into the file.
 *
 * Several processes may open the same file at once.
 */
export class SqliteStore extends OperationStore implements Store {
  protected readonly now: () => Date
  protected override readonly answersQueries: boolean
  readonly #log: Log
  readonly #timeout: number
  readonly #path: string
  /** What the readers of a store that is read only have open. */
  readonly #copy: ReadableFile | undefined
  readonly #threads: StoreThreads
  readonly #writes: Lane<Call, SqliteDuties>
  readonly #reads: Lane<Call, SqliteDuties>
  readonly #ranks: Lane<Call, SqliteDuties>
  readonly #health = new Health()
  /** Failures of calls that nobody waits for. */
  readonly #failures = new RepeatedFaults()
  readonly #onNotice: (notice: string) => void
  #openFile: OpenFile | undefined
  #upkeep: Upkeep | undefined

  /**
   * Opens the file, creating it if need be, and migrates it to the newest schema. Files of cq's reference server
   * are taken as they are.
   * @throws {StoreError} `invalid` for an option that is unknown or out of range; `corrupt` for a damaged file, or
   * another program's; `newer_schema`; `migration_needed`, see `SqliteStoreOptions.migrate`; `unavailable` if the
   * file cannot be created, opened or locked, or Node or SQLite is too old. No thread is left running then.
   */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    requireSupportedRuntime()
    const checked = completeOptions(checkStoreOptions(options), internalsOf(options))
    if (checked.path.trim() === '' || checked.path === ':memory:')
      throw new StoreError(
        'invalid',
        `path must name a file, got ${JSON.stringify(checked.path)}: each connection would have a database of its own`,
      )
    const path = realPathOf(checked.path)
    const { readOnly, migrate } = checked
    requirePermission(path, readOnly ? ['read'] : ['read', 'write'])
    if (!readOnly && migrate) await makeDatabaseFile(path)
    else await requireThere(path)
    const copy = readOnly ? await readableFile(path) : undefined
    const store = new SqliteStore({ ...checked, path }, copy)
    try {
      await store.#start(checked.upkeepInterval)
      return store
    } catch (error) {
      await store.#abandon()
      throw toStoreError(error)
    }
  }

  private constructor(options: CompleteOptions, copy: ReadableFile | undefined) {
    super()
    const { path, log, timeout, maxQueue, maxQueueBytes } = options
    this.now = options.now
    this.answersQueries = options.rankers > 0
    this.#log = log
    this.#timeout = timeout
    this.#path = path
    this.#copy = copy
    this.#threads = new StoreThreads(options, copy, () => this.#openFile?.identity)
    this.#onNotice = eachOnce((notice) => log.warn({ notice }, notice))
    const { writer, readers, rankers } = this.#threads
    const every = { maxQueue, timeout, onNotice: this.#onNotice, translate: toStoreError }
    this.#writes = new Lane<Call, SqliteDuties>({
      ...every,
      name: 'write',
      workers: writer ? [writer] : [],
      largestBatch: largestWriteBatch,
      weight: { of: textLength, most: heaviestWriteBatch, mostHeld: maxQueueBytes },
      repeatable: false,
      onReply: (reply) => this.#health.noteWrite(reply),
    })
    const reading = {
      ...every,
      largestBatch: largestReadBatch,
      repeatable: true,
      onReply: (reply: CallReply | undefined) => this.#health.noteRead(reply),
    }
    const { batchReaders: batchWorkers } = options
    this.#reads = new Lane<Call, SqliteDuties>({
      ...reading,
      name: 'read',
      workers: readers,
      batchWorkers,
    })
    this.#ranks = new Lane<Call, SqliteDuties>({ ...reading, name: 'rank', workers: rankers })
  }

  /** The sizes of the database file and its write-ahead log, in bytes. */
  async fileSizes(): Promise<{ readonly database: number; readonly wal: number }> {
    const [database, wal] = await Promise.all(['', '-wal'].map((end) => sizeOf(this.#path + end)))
    return { database: database ?? 0, wal: wal ?? 0 }
  }

  get figures(): SqliteStoreFigures {
    return {
      write: this.#writes.figures,
      read: this.#reads.figures,
      rank: this.#ranks.figures,
      ranking: this.#threads.rankingFigures.map((figures) => figures.get()),
      connections: this.#threads.reports,
    }
  }

  protected perform(
    call: Call,
    kind: OperationKind,
    read: (text: string) => unknown,
  ): Promise<unknown> {
    this.#requirePossible(call, kind)
    const isExclusive = kind === 'scan' || kind === 'long rank' || kind === 'indexed scan'
    return this.#laneOf(kind).call(call, isExclusive, read)
  }

  protected logFailure(method: StoreMethod, error: StoreError): void {
    // Expected, and the same for every call.
    if (error.code === 'read_only') return
    const failed = `${method} failed: ${error.message}`
    this.#failures.note(
      `${method} ${error.code}`,
      () => this.#log.warn({ method, error }, failed),
      (times) => this.#log.warn({ method, times }, `${times} more times: ${failed}`),
    )
  }

  protected async unreadiness(): Promise<string | undefined> {
    await this.#upkeep?.checkFiles()
    if (this.#threads.writer?.isReady === false) return 'the writer thread is restarting'
    if (this.#writes.isLate) return 'a write takes too long'
    return this.#health.reason
  }

  protected async release(): Promise<void> {
    const end = performance.now() + this.#timeout
    const left = () => Math.max(Math.ceil(end - performance.now()), leastClosing)
    const lanes = [this.#reads, this.#ranks, this.#writes]
    // Every call ends by its own deadline; upkeep may be stuck.
    const drained = Promise.all(lanes.map((lane) => lane.drain()))
    await Promise.all([drained, this.#upkeep?.stop(left())])
    for (const lane of lanes) lane.stop()
    this.#failures[Symbol.dispose]()
    try {
      for (const failure of await this.#threads.close(left))
        this.#log.warn({}, `closing failed: ${failure}`)
    } catch (error) {
      throw toStoreError(error)
    } finally {
      await this.#copy?.[Symbol.asyncDispose]()
    }
  }

  async #start(upkeepInterval: number): Promise<void> {
    await this.#threads.start()
    const copy = this.#copy
    if (copy?.isCopy)
      this.#log.warn(
        { path: this.#path, copy: copy.path },
        `neither ${this.#path} nor its directory can be written, and nobody has the file open: a private copy ` +
          'of its present state is read',
      )
    if (!copy) this.#openFile = new OpenFile(this.#path)
    this.#upkeep = new Upkeep({
      path: this.#path,
      log: this.#log,
      onNotice: this.#onNotice,
      health: this.#health,
      writer: this.#threads.writer,
      writes: this.#writes,
      ranks: this.#ranks,
      openFile: this.#openFile,
    })
    // The state that later checks compare with.
    await this.#upkeep.checkFiles()
    this.#upkeep.start(upkeepInterval)
    void this.#threads.startRankers()
    if (!copy) void this.#threads.startCheckpointerWhenAsked()
  }

  /** Closes what was started when opening fails. */
  async #abandon(): Promise<void> {
    try {
      await this.#threads.close(() => this.#timeout)
    } catch (error) {
      this.#log.warn({ error }, 'a thread did not close')
    } finally {
      await this.#copy?.[Symbol.asyncDispose]()
    }
  }

  /** @throws {StoreError} if this store can never carry out the call, or not now */
  #requirePossible([method]: Call, kind: OperationKind): void {
    const { writer, rankers } = this.#threads
    if (kind === 'write' && !writer)
      throw new StoreError('read_only', `the store is read only; ${method} was not done`)
    const { writeBan } = this.#health
    if (kind === 'write' && writeBan !== undefined)
      throw new StoreError('unavailable', `${writeBan}; ${method} was not done`)
    if (kind.endsWith('rank') && rankers.length === 0)
      throw new StoreError('unavailable', `the store has no rankers; ${method} was not done`)
  }

  #laneOf(kind: OperationKind): Lane<Call, SqliteDuties> {
    if (kind === 'write') return this.#writes
    if (kind === 'read' || kind === 'scan') return this.#reads
    return kind === 'indexed scan' && this.#threads.rankers.length === 0 ? this.#reads : this.#ranks
  }
}

/** Workers fail with the codes of a StoreError, of which the engine's own are a part. */
function toStoreError(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error
  const { code, message, cause } = error
  return new StoreError(code as StoreErrorCode, message, { cause })
}

/** How much text there is in a call's arguments, in characters. */
function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  let length = 0
  for (const part of Object.values(value)) length += textLength(part)
  return length
}

/** A file's size in bytes; 0 if it is not there, since a write-ahead log comes and goes. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}
