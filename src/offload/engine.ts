import { stat } from 'node:fs/promises'
import { eachOnce } from '../logging.ts'
import { OffloadError } from '../threads/errors.ts'
import { Lane } from '../threads/lane.ts'
import type { LaneFigures } from '../threads/lane-figures.ts'
import type { Failure } from '../threads/reply.ts'
import { backUp } from './backup.ts'
import type { Call } from './calls.ts'
import { callObserver } from './channels.ts'
import type { ConnectionReport } from './connection-options.ts'
import { makeDatabaseFile, realPathOf } from './database-file.ts'
import { requireThere } from './directory.ts'
import { Health } from './health.ts'
import { OpenFile } from './open-file.ts'
import type { OperationKind } from './operations.ts'
import {
  type CompleteOptions,
  checkOptions,
  completeOptions,
  type OffloadOptions,
} from './options.ts'
import { type ReadableFile, readableFile } from './readable-file.ts'
import type { Session } from './session.ts'
import { Sessions } from './session-list.ts'
import { Threads } from './threads.ts'
import { Upkeep } from './upkeep.ts'
import { decode, type Packed, pack } from './values.ts'
import { requirePermission, requireSupportedRuntime } from './versions.ts'
import type { SqliteDuties } from './worker.ts'

/** What the threads of a database are doing, and have done. */
export interface OffloadFigures {
  readonly write: LaneFigures
  readonly read: LaneFigures
  /** The calls of indexed reads. */
  readonly index: LaneFigures
  /** Transactions that hold the writer or wait for it, and snapshots. */
  readonly sessions: number
  /** The writer's first, and the checkpointer's last, if it was started. */
  readonly connections: readonly ConnectionReport[]
}

/** How a call is made. */
export interface CallSettings {
  /** Takes the call out of the queue if it aborts before the call was sent; what was sent is answered. */
  readonly signal?: AbortSignal | undefined
  /** Makes the caller's result of the operation's. */
  readonly decode?: ((result: unknown) => unknown) | undefined
  /** Makes what the caller gets of an error. @default the error itself */
  readonly translate?: ((error: OffloadError) => unknown) | undefined
}

/** The least time that threads have to close if calls took all of it, in milliseconds. */
const leastClosing = 500
/** The most reads in a batch: enough to hide a round trip, few enough to answer soon. */
const largestReadBatch = 64
/** The most writes that are committed together. */
const largestWriteBatch = 256
/**
 * The most text and data of writes that are committed together, in characters and bytes (4 Mi). A larger transaction
 * makes none of them cheaper, takes longer, and makes the write-ahead log larger.
 */
const heaviestWriteBatch = 4_194_304

/** Kinds of operations that get a worker to themselves. */
const exclusiveKinds: readonly OperationKind[] = ['long read', 'maintenance', 'long indexed read']

/**
 * A database whose calls run on worker threads: one writes and several read, each with a connection of its own.
 * Indexers, which are further readers, keep something in memory. The checkpointer, which is started when enough has
 * been written, copies the write-ahead log into the file.
 */
export class Engine {
  readonly #options: CompleteOptions
  /** What the readers of a database that is read only have open. */
  readonly #copy: ReadableFile | undefined
  readonly #threads: Threads
  readonly #writes: Lane<Call, SqliteDuties>
  readonly #reads: Lane<Call, SqliteDuties>
  readonly #indexed: Lane<Call, SqliteDuties>
  readonly #sessions: Sessions
  readonly #health = new Health()
  readonly #onNotice: (notice: string) => void
  #openFile: OpenFile | undefined
  #upkeep: Upkeep | undefined
  #closing: Promise<void> | undefined

  /** @throws {OffloadError} as `openOffloaded` */
  static async open(options: OffloadOptions): Promise<Engine> {
    requireSupportedRuntime()
    const complete = completeOptions(checkOptions(options))
    const path = realPathOf(complete.path)
    const { readOnly, migrate } = complete
    requirePermission(path, readOnly ? ['read'] : ['read', 'write'])
    if (!readOnly && migrate) await makeDatabaseFile(path)
    else await requireThere(path)
    const copy = readOnly ? await readableFile(path) : undefined
    let engine: Engine | undefined
    try {
      engine = new Engine({ ...complete, path }, copy)
      await engine.#start()
      return engine
    } catch (error) {
      if (engine) await engine.#abandon()
      await copy?.[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(options: CompleteOptions, copy: ReadableFile | undefined) {
    const { path, log, timeout, maxQueue, maxQueueBytes, batchReaders: batchWorkers } = options
    this.#options = options
    this.#copy = copy
    this.#threads = new Threads(options, copy, () => this.#openFile?.identity, { path })
    this.#onNotice = eachOnce((notice) => log.warn({ notice }, notice))
    const { writer, readers, indexers } = this.#threads
    const lane = (name: string) => ({
      name,
      maxQueue,
      timeout,
      onNotice: this.#onNotice,
      observe: callObserver({ path }, name),
    })
    this.#writes = new Lane<Call, SqliteDuties>({
      ...lane('write'),
      workers: writer ? [writer] : [],
      largestBatch: largestWriteBatch,
      weight: { most: heaviestWriteBatch, mostHeld: maxQueueBytes },
      repeatable: false,
      onFailure: (failure) => this.#health.noteWriteFailure(failure),
    })
    const reading = {
      largestBatch: largestReadBatch,
      repeatable: true,
      onFailure: (failure: Failure) => this.#health.noteReadFailure(failure),
    }
    this.#reads = new Lane({ ...lane('read'), ...reading, workers: readers, batchWorkers })
    this.#indexed = new Lane({ ...lane('index'), ...reading, workers: indexers })
    this.#sessions = new Sessions(options, this.#writes, this.#reads)
  }

  /** The operations that callers may ask for. */
  get kinds(): Readonly<Record<string, OperationKind>> {
    return this.#threads.kinds
  }

  get figures(): OffloadFigures {
    return {
      write: this.#writes.figures,
      read: this.#reads.figures,
      index: this.#indexed.figures,
      sessions: this.#sessions.size,
      connections: this.#threads.reports,
    }
  }

  /** The sizes of the database file and its write-ahead log, in bytes. */
  async fileSizes(): Promise<{ readonly database: number; readonly wal: number }> {
    const { path } = this.#options
    const [database, wal] = await Promise.all(['', '-wal'].map((end) => sizeOf(path + end)))
    return { database: database ?? 0, wal: wal ?? 0 }
  }

  /** Why the database does not work, as far as is known without asking it, in words that contain nothing private. */
  async fault(): Promise<string | undefined> {
    if (this.#closing) return 'the database is closed'
    await this.#upkeep?.checkFiles()
    if (this.#threads.writer?.isReady === false) return 'the writer thread is restarting'
    if (this.#writes.isLate) return 'a write takes too long'
    return this.#health.reason
  }

  /** Carries out an operation that is no stream. Resolves to its result. */
  call(
    name: string,
    kind: OperationKind,
    args: readonly unknown[],
    settings: CallSettings = {},
  ): Promise<unknown> {
    let packed: Packed
    try {
      this.#requirePossible(name, kind)
      packed = pack(name, args)
    } catch (error) {
      return Promise.reject(settings.translate?.(error as OffloadError) ?? error)
    }
    const { values, buffers, weight } = packed
    const { decode: read, signal, translate } = settings
    return this.#laneOf(kind).call([name, buffers ? { buffers } : 0, ...values], {
      read: read ? (result, form) => read(decode(result, form)) : decode,
      isExclusive: exclusiveKinds.includes(kind),
      weight: kind === 'write' || kind === 'maintenance' ? weight : 0,
      signal,
      translate,
    })
  }

  /** Holds the writer for a transaction. */
  async begin(signal?: AbortSignal): Promise<Session> {
    this.#requirePossible('begin', 'write')
    return this.#sessions.begin(signal)
  }

  /** A snapshot on a reader. */
  async snapshot(): Promise<Session> {
    this.#requirePossible('snapshot', 'read')
    return this.#sessions.snapshot()
  }

  /** Copies the database as of one moment into a new file. */
  async backup(destination: string): Promise<void> {
    this.#requirePossible('backup', 'read')
    await backUp(this.#threads.extra('backup'), destination)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const end = performance.now() + this.#options.timeout
    const left = () => Math.max(Math.ceil(end - performance.now()), leastClosing)
    const lanes = [this.#reads, this.#indexed, this.#writes]
    this.#sessions.close()
    // Every call ends by its own deadline; upkeep may be stuck.
    const drained = Promise.all(lanes.map((lane) => lane.drain()))
    await Promise.all([drained, this.#upkeep?.stop(left())])
    for (const lane of lanes) lane.stop()
    try {
      for (const failure of await this.#threads.close(left))
        this.#options.log.warn({}, `closing failed: ${failure}`)
    } finally {
      await this.#copy?.[Symbol.asyncDispose]()
    }
  }

  async #start(): Promise<void> {
    await this.#threads.start()
    const { path, log, upkeepInterval } = this.#options
    const copy = this.#copy
    if (copy?.isCopy)
      log.warn(
        { path, copy: copy.path },
        `neither ${path} nor its directory can be written, and nobody has the file open: a private copy ` +
          'of its present state is read',
      )
    if (!copy) this.#openFile = new OpenFile(path)
    this.#upkeep = new Upkeep({
      path,
      log,
      onNotice: this.#onNotice,
      health: this.#health,
      writer: this.#threads.writer,
      writes: this.#writes,
      indexed: this.#indexed,
      openFile: this.#openFile,
    })
    // The state that later checks compare with.
    await this.#upkeep.checkFiles()
    this.#upkeep.start(upkeepInterval)
    void this.#threads.startIndexers()
    if (!copy) void this.#threads.startCheckpointerWhenAsked()
  }

  /** Closes what was started when opening fails. */
  async #abandon(): Promise<void> {
    try {
      await this.#threads.close(() => this.#options.timeout)
    } catch (error) {
      this.#options.log.warn({ error }, 'a thread did not close')
    }
  }

  /** @throws {OffloadError} if this database can never carry out the call, or not now */
  #requirePossible(name: string, kind: OperationKind): void {
    if (this.#closing)
      throw new OffloadError('closed', `the database is closed; ${name} was not done`)
    if (kind === 'write' || kind === 'maintenance') {
      if (!this.#threads.writer)
        throw new OffloadError('read_only', `the database is read only; ${name} was not done`)
      const { writeBan } = this.#health
      if (writeBan !== undefined)
        throw new OffloadError('unavailable', `${writeBan}; ${name} was not done`)
    }
    if (kind.endsWith('indexed read') && this.#threads.indexers.length === 0)
      throw new OffloadError('unavailable', `there are no indexers; ${name} was not done`)
  }

  #laneOf(kind: OperationKind): Lane<Call, SqliteDuties> {
    if (kind === 'write' || kind === 'maintenance') return this.#writes
    return kind.endsWith('indexed read') ? this.#indexed : this.#reads
  }
}

/** A file's size in bytes; 0 if it is not there, since a write-ahead log comes and goes. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}
