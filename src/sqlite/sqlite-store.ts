import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StoreError } from '../errors.ts'
import { Lane, type LaneFigures } from '../offload/lane.ts'
import { eachOnce, type Log, processLog } from '../offload/log.ts'
import { Repeated } from '../offload/repeated.ts'
import type { CallReply } from '../offload/reply.ts'
import { WorkerThread } from '../offload/worker-thread.ts'
import type { Access, StoreMethod } from '../operations/operation.ts'
import { type Call, OperationStore } from '../operations/operation-store.ts'
import { statementTexts } from '../statement.ts'
import type { Store } from '../store.ts'
import { CheckpointRequest } from './checkpoint-request.ts'
import type {
  ConnectionOptions,
  ConnectionReport,
  Tidied,
  WorkerOptions,
} from './connection-options.ts'
import { makeDatabaseFile, realPathOf } from './database-file.ts'
import { requireThere } from './directory.ts'
import { Health } from './health.ts'
import { OpenFile } from './open-file.ts'
import { type RankingFigures, SharedRankingFigures } from './ranking-figures.ts'
import { type ReadableFile, readableFile } from './readable-file.ts'
import { checkStoreOptions, type SqliteStoreOptions } from './store-options.ts'
import { requirePermission, requireSupportedRuntime } from './versions.ts'

/** What a store's workers are, and what its lanes did. */
export interface SqliteStoreFigures {
  readonly write: LaneFigures
  readonly read: LaneFigures
  readonly rank: LaneFigures
  /** One for each ranker. */
  readonly ranking: readonly RankingFigures[]
  /** The writer first, and last the one for checkpoints, where it was started. */
  readonly connections: readonly ConnectionReport[]
}

const defaultReaders = Math.min(Math.max(availableParallelism(), 1), 8)

/** The least time that workers have to close, where calls took all of it, in milliseconds. */
const leastClosing = 500

/** For so many deadlines of calls a worker may say nothing before it is given up. */
const silentDeadlines = 3

/** Calls that travel as one task at most: enough to hide a round trip, few enough to answer soon. */
const largestReadBatch = 64
/** Writes that are committed together at most. */
const largestWriteBatch = 256
/**
 * How much text writes that are committed together carry at most, 4 MiB: beyond it a transaction is no
 * cheaper for each of them, and only longer, and the write-ahead log larger.
 */
const heaviestWriteBatch = 4_194_304

// '.ts' from source, '.js' once built: the worker lies at the same place in both trees.
const extension = extname(import.meta.url)
const shippedWorker = new URL(`../../workers/sqlite${extension}`, import.meta.url)

/**
 * A Store over one SQLite file. One worker thread writes and several read, each with a connection of
 * its own, so that no SQLite call ever runs on the caller's thread, reads never wait for writes, and
 * writes that come together are committed together. Another one, the ranker, answers queries and
 * statistics from an index in memory, which it loads once the store is open; until then they wait. Once
 * so much is written that it pays, one more folds the write-ahead log into the file.
 *
 * Several processes may open the same file at once.
 */
export class SqliteStore extends OperationStore implements Store {
  protected readonly now: () => Date
  protected override readonly answersQueries: boolean
  readonly #log: Log
  /** Logs what is logged once. */
  readonly #onNotice: (notice: string) => void
  readonly #timeout: number
  readonly #path: string
  /** Where this is read only: what its readers have open. */
  readonly #file: ReadableFile | undefined
  /** Not where this is read only. */
  readonly #writer: WorkerThread<Call> | undefined
  readonly #readers: readonly WorkerThread<Call>[]
  readonly #rankers: readonly WorkerThread<Call>[]
  readonly #rankingFigures: readonly SharedRankingFigures[]
  readonly #checkpointer: WorkerThread<Call>
  readonly #checkpointRequest = new CheckpointRequest()
  readonly #health = new Health()
  /** Of calls that nobody waits for. */
  readonly #failures = new Repeated()
  /** The files as they were opened. Not where this is read only. */
  #openFile: OpenFile | undefined
  /** How often the writer had been started anew when they were last looked at. */
  #restartsSeen = 0
  readonly #writes: Lane<Call>
  readonly #reads: Lane<Call>
  readonly #ranks: Lane<Call>
  readonly #tidyInterval: number
  #tidyTimer: NodeJS.Timeout | undefined
  /**
   * Writes that there had been when it was last looked, and when the writer last tidied up: never yet, as
   * a process that was killed may have left a write-ahead log.
   */
  readonly #writesBefore = { now: 0, tidying: -1 }
  #tidying: Promise<void> | undefined
  #following: Promise<unknown> | undefined
  #tryingToWrite: Promise<void> | undefined
  #looking: Promise<void> | undefined

  /**
   * Opens the file, made if need be, and brings it to the newest schema. Files of cq's reference
   * server are taken as they are.
   * @throws {StoreError} `invalid` for an option out of range, or one that there is not; `corrupt` for a
   * damaged file, or one of another program; `newer_schema`; `migration_needed`, see `migrate`;
   * `unavailable` where the file can't be made, opened or locked, or Node or SQLite is too old. No thread
   * is left then.
   */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    requireSupportedRuntime()
    const { path, ...rest } = checkStoreOptions(options)
    if (path.trim() === '' || path === ':memory:')
      throw new StoreError(
        'invalid',
        `path must name a file, got ${JSON.stringify(path)}: each connection would have a database of its own`,
      )
    const realPath = realPathOf(path)
    const { readOnly = false, migrate = true } = rest
    requirePermission(realPath, readOnly ? ['read'] : ['read', 'write'])
    if (!readOnly && migrate) await makeDatabaseFile(realPath)
    else await requireThere(realPath)
    const file = readOnly ? await readableFile(realPath) : undefined
    const store = new SqliteStore({ ...rest, path: realPath }, file)
    try {
      // The one that closes last first: a writer makes the file and its write-ahead log, which a reader
      // cannot; and a file that is refused is refused by one that leaves nothing behind.
      const [first, ...others] = store.#threads
      await first?.start()
      await Promise.all(others.map((reader) => reader.start()))
      if (file?.isCopy)
        store.#log.warn(
          { path: realPath, copy: file.path },
          `${realPath} can be written neither by this process nor beside it, and nobody has it open: ` +
            'a private copy is read, as it is now',
        )
      if (!readOnly) store.#openFile = new OpenFile(realPath)
      // What they are as they are opened, for later looks.
      await store.#lookAtFiles()
      void store.#startRankers()
      store.#tidyTimer = setInterval(() => {
        void store.#lookAtFiles()
        store.#tidyWhenIdle()
        store.#tryWriting()
        store.#followWhenIdle()
      }, store.#tidyInterval).unref()
      if (!readOnly) void store.#startCheckpointerWhenAsked()
      return store
    } catch (error) {
      await store.#abandon()
      throw error
    }
  }

  private constructor(options: SqliteStoreOptions, file?: ReadableFile) {
    super()
    const {
      path,
      migrate = true,
      quickCheck = false,
      readers = defaultReaders,
      rankers = 1,
      durability = 'normal',
      maxQueue = 10_000,
      maxQueueBytes = 67_108_864,
      timeout = 30_000,
      busyTimeout = 5_000,
      cacheSize = 16_384,
      mmapSize = 0,
      log = processLog,
      now = () => new Date(),
      tidyInterval = 1_000,
      workerFile = shippedWorker,
    } = options
    this.now = now
    this.answersQueries = rankers > 0
    this.#log = log
    this.#timeout = timeout
    this.#path = path
    this.#file = file
    this.#tidyInterval = tidyInterval
    const statements = statementTexts('sqlite')
    const thread = (
      name: string,
      access: ConnectionOptions['access'],
      rest: Pick<WorkerOptions, 'logAsFound' | 'rankingMemory'> = {},
    ) => {
      const workerData = (): WorkerOptions => ({
        path: file?.path ?? path,
        file: this.#openFile?.identity,
        ...rest,
        access,
        mustBeNewest: file !== undefined || !migrate,
        // By the one that starts first, once.
        quickCheck: quickCheck && name === (file ? 'reader 1' : 'writer') && !this.#openFile,
        durability,
        busyTimeout,
        cacheSize,
        mmapSize,
        statements,
        checkpointMemory: this.#checkpointRequest.memory,
      })
      const filename = fileURLToPath(workerFile)
      return new WorkerThread<Call>({
        name,
        filename,
        workerData,
        silenceDeadline: Math.min(silentDeadlines * timeout, 2_147_483_647),
        log,
        execArgv: execArgv(filename),
      })
    }
    if (!file) this.#writer = thread('writer', 'write')
    this.#checkpointer = thread('checkpointer', 'checkpoint')
    this.#readers = Array.from({ length: readers }, (_, index) =>
      thread(`reader ${index + 1}`, 'read', index === 0 ? { logAsFound: file?.logAsFound } : {}),
    )
    this.#rankingFigures = Array.from({ length: rankers }, () => new SharedRankingFigures())
    this.#rankers = this.#rankingFigures.map(({ memory }, index) =>
      thread(`ranker ${index + 1}`, 'rank', { rankingMemory: memory }),
    )
    const onNotice = eachOnce((notice) => log.warn({ notice }, notice))
    this.#onNotice = onNotice
    const lane = {
      maxQueue,
      timeout,
      onNotice,
      onReply: (reply: CallReply | undefined) => this.#health.noteRead(reply),
    }
    this.#writes = new Lane<Call>({
      ...lane,
      onReply: (reply) => this.#health.noteWrite(reply),
      name: 'write',
      workers: this.#writer ? [this.#writer] : [],
      largestBatch: largestWriteBatch,
      weight: { of: textLength, most: heaviestWriteBatch, mostHeld: maxQueueBytes },
      repeatable: false,
    })
    const reading = { ...lane, largestBatch: largestReadBatch, repeatable: true }
    this.#reads = new Lane<Call>({
      ...reading,
      name: 'read',
      workers: this.#readers,
      mostServing: options.readers ?? Math.max(1, defaultReaders - 1),
    })
    this.#ranks = new Lane<Call>({ ...reading, name: 'rank', workers: this.#rankers })
  }

  /** How large the files are, in bytes. */
  async fileSizes(): Promise<{ readonly database: number; readonly wal: number }> {
    const [database, wal] = await Promise.all(['', '-wal'].map((end) => sizeOf(this.#path + end)))
    return { database: database ?? 0, wal: wal ?? 0 }
  }

  /** What the workers are, and what the lanes did. */
  get figures(): SqliteStoreFigures {
    return {
      write: this.#writes.figures,
      read: this.#reads.figures,
      rank: this.#ranks.figures,
      ranking: this.#rankingFigures.map((figures) => figures.get()),
      connections: [...this.#threads, ...this.#rankers, this.#checkpointer]
        .map(({ report }) => report as ConnectionReport | undefined)
        .filter((report) => report !== undefined),
    }
  }

  /** Those that every store has, the one first that starts first and closes last. */
  get #threads(): readonly WorkerThread<Call>[] {
    return this.#writer ? [this.#writer, ...this.#readers] : this.#readers
  }

  protected perform(call: Call, access: Access, read: (text: string) => unknown): Promise<unknown> {
    if (access === 'write' && !this.#writer)
      throw new StoreError('read_only', `the store is read only; ${call[0]} was not done`)
    const { writeBan } = this.#health
    if (access === 'write' && writeBan !== undefined)
      throw new StoreError('unavailable', `${writeBan}; ${call[0]} was not done`)
    if (access.endsWith('rank') && this.#rankers.length === 0)
      throw new StoreError('unavailable', `the store has no rankers; ${call[0]} was not done`)
    const isLong = access === 'scan' || access === 'long rank' || access === 'sift'
    return this.#laneOf(access).perform(call, isLong, read)
  }

  #laneOf(access: Access): Lane<Call> {
    if (access === 'write') return this.#writes
    if (access === 'read' || access === 'scan') return this.#reads
    return access === 'sift' && this.#rankers.length === 0 ? this.#reads : this.#ranks
  }

  protected logFailure(method: StoreMethod, error: StoreError): void {
    // Which is no news, and would be told at each call.
    if (error.code === 'read_only') return
    const failed = `${method} failed: ${error.message}`
    this.#failures.note(
      `${method} ${error.code}`,
      () => this.#log.warn({ method, error }, failed),
      (times) => this.#log.warn({ method, times }, `${times} more times: ${failed}`),
    )
  }

  protected async unreadiness(): Promise<string | undefined> {
    await this.#lookAtFiles()
    if (this.#writer?.isReady === false) return 'the thread that writes is being started anew'
    if (this.#writes.isLate) return 'a write takes too long'
    return this.#health.reason
  }

  /** Looks whether the files are those that were opened. Who asks meanwhile waits for the same look. */
  #lookAtFiles(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const [file, writer] = [this.#openFile, this.#writer]
    // While all threads are away SQLite takes the log away, too.
    if (!file || !writer?.isReady) return
    if (writer.restarts !== this.#restartsSeen && !this.#health.fileFault) file.forgetLog()
    this.#restartsSeen = writer.restarts
    const fault = await file.look()
    const isAsBefore = writer.isReady && writer.restarts === this.#restartsSeen
    if (!isAsBefore || !this.#health.noteFiles(fault)) return
    const { fileFault } = this.#health
    if (fileFault === undefined) this.#log.warn({ path: this.#path }, 'the database file is back')
    else this.#log.error({ path: this.#path }, fileFault)
  }

  /** Has the writer find out whether it can write again, once it could not. */
  #tryWriting(): void {
    if (!this.#health.mustTryWriting || this.#tryingToWrite || !this.#writer?.isReady) return
    this.#tryingToWrite = this.#writer
      .tidy('tryWriting')
      .then(() => this.#health.noteWritten())
      // It is tried again, and whoever writes is told.
      .catch(() => {})
      .finally(() => {
        this.#tryingToWrite = undefined
      })
  }

  /** One after the other, so that the first one is there soon. */
  async #startRankers(): Promise<void> {
    for (const ranker of this.#rankers) await ranker.keepStarting()
  }

  /** Starts the checkpointer once the writer has asked for it: most stores never write as much. */
  async #startCheckpointerWhenAsked(): Promise<void> {
    if (await this.#checkpointRequest.whenPending()) await this.#checkpointer.keepStarting()
  }

  /**
   * Has the writer tidy up, where it wrote something since it last did, and nothing since this was last
   * asked. Where a reader was in the way, it is tried again.
   */
  #tidyWhenIdle(): void {
    const { calls, waiting, underWay } = this.#writes.figures
    const before = this.#writesBefore
    const isIdle = waiting === 0 && underWay === 0 && calls === before.now
    before.now = calls
    const writer = this.#writer
    if (!isIdle || calls === before.tidying || this.#tidying || !writer?.isReady) return
    this.#tidying = this.#tidy(writer, calls).finally(() => {
      this.#tidying = undefined
    })
  }

  /** Has rankers that have nothing to do catch up with what was written, by others, too. */
  #followWhenIdle(): void {
    if (this.#following) return
    const idle = this.#rankers.filter(({ isReady, inFlight }) => isReady && inFlight === 0)
    const follow = async (ranker: WorkerThread<Call>) => {
      try {
        await ranker.tidy()
      } catch (error) {
        this.#onNotice(`the ${ranker.name} does not follow changes: ${(error as Error).message}`)
      }
    }
    this.#following = Promise.all(idle.map(follow)).finally(() => {
      this.#following = undefined
    })
  }

  async #tidy(writer: WorkerThread<Call>, writes: number): Promise<void> {
    try {
      const { isDone, undone } = (await writer.tidy()) as Tidied
      if (isDone || undone.length > 0) this.#writesBefore.tidying = writes
      for (const what of undone) this.#log.warn({}, `not done while idle: ${what}`)
    } catch (error) {
      this.#writesBefore.tidying = writes
      this.#log.warn({ error }, `not done while idle: ${(error as Error).message}`)
    }
  }

  protected async release(): Promise<void> {
    clearInterval(this.#tidyTimer)
    const lanes = [this.#reads, this.#ranks, this.#writes]
    const end = performance.now() + this.#timeout
    const left = () => Math.max(Math.ceil(end - performance.now()), leastClosing)
    // Each call ends by its own deadline. Upkeep may be stuck, and rankers that follow changes close after that.
    await Promise.all(lanes.map((lane) => lane.drain()))
    await Promise.race([this.#tidying, delay(left(), undefined, { ref: false })])
    for (const lane of lanes) lane.stop()
    this.#failures[Symbol.dispose]()
    this.#checkpointRequest.stopWaiting()
    const [last, ...rest] = this.#threads
    const others = await Promise.allSettled(
      [...rest, ...this.#rankers, this.#checkpointer].map((worker) => worker.close(left())),
    )
    // So that it finds nobody at the write-ahead log, and can fold it into the file.
    const lastOutcome = await Promise.allSettled([last?.close(left())])
    await this.#file?.[Symbol.asyncDispose]()
    for (const outcome of [...lastOutcome, ...others]) {
      if (outcome.status === 'rejected') throw outcome.reason
      for (const undone of (outcome.value as string[] | undefined) ?? [])
        this.#log.warn({}, `not done when closing: ${undone}`)
    }
  }

  /** Ends what was started, where not all of it did start. */
  async #abandon(): Promise<void> {
    const outcomes = await Promise.allSettled(
      this.#threads.map((worker) => worker.close(this.#timeout)),
    )
    await this.#file?.[Symbol.asyncDispose]()
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        this.#log.warn({ error: outcome.reason }, 'a worker did not close')
  }
}

/** How much text there is in a call's arguments. */
function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  let length = 0
  for (const part of Object.values(value)) length += textLength(part)
  return length
}

/** A file's size in bytes, 0 where it is not there: a write-ahead log comes and goes. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}

/** What a thread needs to run TypeScript, where that is what it is to run. */
function execArgv(filename: string): string[] {
  const runsAsItIs = extname(filename) !== '.ts' || process.features.typescript
  return runsAsItIs ? [] : ['--import', 'tsx']
}
