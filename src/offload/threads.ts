import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WorkerThread } from '../threads/worker-thread.ts'
import type { Call } from './calls.ts'
import { type EventSource, workerObserver } from './channels.ts'
import { CheckpointRequest } from './checkpoint-request.ts'
import type { ConnectionAccess, ConnectionReport, WorkerOptions } from './connection-options.ts'
import { execArgvFor, operationsUrl, requireWorkerFile } from './operations-file.ts'
import { type CompleteOptions, longestTimer } from './options.ts'
import type { ReadableFile } from './readable-file.ts'
import type { OpenReport, SqliteDuties } from './worker.ts'

export type SqliteThread = WorkerThread<Call, SqliteDuties>

// '.ts' from source, '.js' once built: the worker is at the same place in both trees.
const workerFile = fileURLToPath(
  new URL(`../../workers/offload${extname(import.meta.url)}`, import.meta.url),
)

/** A thread that is silent for so many call timeouts is abandoned. */
const silentTimeouts = 3

/** The threads of a database, each with a connection of its own. */
export class Threads {
  /** Absent in a database that is read only. */
  readonly writer: SqliteThread | undefined
  readonly readers: readonly SqliteThread[]
  readonly indexers: readonly SqliteThread[]
  readonly checkpointer: SqliteThread
  readonly #checkpointRequest = new CheckpointRequest()
  readonly #options: CompleteOptions
  readonly #operations: URL
  readonly #execArgv: string[]
  readonly #copy: ReadableFile | undefined
  readonly #identity: () => string | undefined
  readonly #events: EventSource

  /**
   * @param copy what a database that is read only reads
   * @param identity which file must be at the path, once it has been opened
   * @throws {OffloadError} `invalid` if there is no operations file
   */
  constructor(
    options: CompleteOptions,
    copy: ReadableFile | undefined,
    identity: () => string | undefined,
    events: EventSource,
  ) {
    this.#options = options
    this.#operations = operationsUrl(options.operations)
    const files = [workerFile, fileURLToPath(this.#operations)]
    this.#execArgv = [...(options.execArgv ?? execArgvFor(files))]
    this.#copy = copy
    this.#identity = identity
    this.#events = events
    this.writer = copy ? undefined : this.#thread('writer', 'write')
    this.readers = Array.from({ length: options.readers }, (_, number) =>
      this.#thread(`reader ${number + 1}`, 'read', number),
    )
    this.indexers = Array.from({ length: options.indexers }, (_, number) =>
      this.#thread(`indexer ${number + 1}`, 'index', number),
    )
    this.checkpointer = this.#thread('checkpointer', 'checkpoint')
  }

  /** A thread with a connection for something that takes long, to be started and closed by its user. */
  extra(name: string): SqliteThread {
    return this.#thread(name, 'read', this.readers.length, Infinity)
  }

  /** What the thread that was started first told of the operations. */
  get kinds(): OpenReport['kinds'] {
    const [first] = this.#permanent
    return (first?.report as OpenReport | undefined)?.kinds ?? {}
  }

  /** Starts the writer and the readers. */
  async start(): Promise<void> {
    requireWorkerFile(workerFile)
    // The writer first, since it creates the file and its write-ahead log, which a reader cannot. A file that is
    // refused is refused by the thread that leaves nothing behind.
    const [first, ...others] = this.#permanent
    await first?.start()
    await Promise.all(others.map((thread) => thread.start()))
  }

  /** Starts the indexers one after the other, so that the first is ready soon. */
  async startIndexers(): Promise<void> {
    for (const indexer of this.indexers) await indexer.keepStarting()
  }

  /** Starts the checkpointer once the writer has asked for it: most databases are never written to that much. */
  async startCheckpointerWhenAsked(): Promise<void> {
    if (await this.#checkpointRequest.whenPending()) await this.checkpointer.keepStarting()
  }

  /** How the connections are set up: the writer's first, the checkpointer's last. */
  get reports(): ConnectionReport[] {
    return [...this.#permanent, ...this.indexers, this.checkpointer]
      .map(({ report }) => (report as OpenReport | undefined)?.connection)
      .filter((report) => report !== undefined)
  }

  /**
   * Closes all threads, the one that was started first last, so that nobody else has the write-ahead log open and
   * it can be copied into the file. Resolves to what failed in their connections.
   * @param left how long closing may still take, in milliseconds
   * @throws {OffloadError} the first failure of a thread, once all are closed
   */
  async close(left: () => number): Promise<string[]> {
    this.#checkpointRequest.stopWaiting()
    const [last, ...rest] = this.#permanent
    const others = await Promise.allSettled(
      [...rest, ...this.indexers, this.checkpointer].map((thread) => thread.close(left())),
    )
    const outcomes = [...(await Promise.allSettled([last?.close(left())])), ...others]
    return outcomes.flatMap((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason
      return (outcome.value as string[] | undefined) ?? []
    })
  }

  /** The threads that every database has. */
  get #permanent(): readonly SqliteThread[] {
    return this.writer ? [this.writer, ...this.readers] : this.readers
  }

  #thread(
    name: string,
    access: ConnectionAccess,
    number = 0,
    silenceDeadline = Math.min(silentTimeouts * this.#options.timeout, longestTimer),
  ): SqliteThread {
    const { path, readOnly, data, migrate, quickCheck, log } = this.#options
    const { durability, busyTimeout, cacheSize, mmapSize } = this.#options
    const copy = this.#copy
    const isFirst = name === (copy ? 'reader 1' : 'writer')
    const workerData = (): WorkerOptions => ({
      path: copy?.path ?? path,
      file: this.#identity(),
      access,
      number,
      readOnly,
      operations: this.#operations.href,
      data,
      maySetUp: !copy && migrate,
      // Once, by the first thread, when the database is opened.
      quickCheck: quickCheck && isFirst && this.#identity() === undefined,
      durability,
      busyTimeout,
      cacheSize,
      mmapSize,
      checkpointMemory: this.#checkpointRequest.memory,
      ...(isFirst && copy?.logAsFound !== undefined && { logAsFound: copy.logAsFound }),
    })
    return new WorkerThread<Call, SqliteDuties>({
      name,
      filename: workerFile,
      workerData,
      ...(silenceDeadline < Infinity && { silenceDeadline }),
      log,
      execArgv: this.#execArgv,
      observe: workerObserver(this.#events, name),
    })
  }
}
