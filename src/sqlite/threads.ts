import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StoreError } from '../errors.ts'
import { WorkerThread } from '../offload/worker-thread.ts'
import type { Call } from '../operations/operation-store.ts'
import { statementTexts } from '../sql/statement.ts'
import { CheckpointRequest } from './checkpoint-request.ts'
import type { ConnectionAccess, ConnectionReport, WorkerOptions } from './connection-options.ts'
import type { CompleteOptions } from './options.ts'
import { SharedRankingFigures } from './ranking-figures.ts'
import type { ReadableFile } from './readable-file.ts'
import type { SqliteDuties } from './worker.ts'

export type SqliteThread = WorkerThread<Call, SqliteDuties>

// '.ts' from source, '.js' once built: the worker is at the same place in both trees.
const packagedWorker = new URL(`../../workers/sqlite${extname(import.meta.url)}`, import.meta.url)

/** A thread that is silent for so many call timeouts is abandoned. */
const silentTimeouts = 3
/** The longest delay of a timer in Node, in milliseconds. */
const longestTimer = 2_147_483_647

/** The threads of a store, each with a connection of its own. */
export class StoreThreads {
  /** Absent in a store that is read only. */
  readonly writer: SqliteThread | undefined
  readonly readers: readonly SqliteThread[]
  readonly rankers: readonly SqliteThread[]
  readonly checkpointer: SqliteThread
  readonly rankingFigures: readonly SharedRankingFigures[]
  readonly #checkpointRequest = new CheckpointRequest()
  readonly #options: CompleteOptions
  readonly #copy: ReadableFile | undefined
  readonly #identity: () => string | undefined
  readonly #statements = statementTexts('sqlite')

  /**
   * @param copy what a store that is read only reads
   * @param identity which file must be at the path, once it has been opened
   */
  constructor(
    options: CompleteOptions,
    copy: ReadableFile | undefined,
    identity: () => string | undefined,
  ) {
    this.#options = options
    this.#copy = copy
    this.#identity = identity
    this.writer = copy ? undefined : this.#thread('writer', 'write')
    this.readers = Array.from({ length: options.readers }, (_, index) =>
      this.#thread(
        `reader ${index + 1}`,
        'read',
        index === 0 ? { logAsFound: copy?.logAsFound } : {},
      ),
    )
    this.rankingFigures = Array.from({ length: options.rankers }, () => new SharedRankingFigures())
    this.rankers = this.rankingFigures.map(({ memory }, index) =>
      this.#thread(`ranker ${index + 1}`, 'rank', { rankingMemory: memory }),
    )
    this.checkpointer = this.#thread('checkpointer', 'checkpoint')
  }

  /** Starts the writer and the readers. */
  async start(): Promise<void> {
    requireWorkerFile(fileURLToPath(this.#options.workerFile ?? packagedWorker))
    // The writer first, since it creates the file and its write-ahead log, which a reader cannot. A file that is
    // refused is refused by the thread that leaves nothing behind.
    const [first, ...others] = this.#permanent
    await first?.start()
    await Promise.all(others.map((thread) => thread.start()))
  }

  /** Starts the rankers one after the other, so that the first is ready soon. */
  async startRankers(): Promise<void> {
    for (const ranker of this.rankers) await ranker.keepStarting()
  }

  /** Starts the checkpointer once the writer has asked for it: most stores never write that much. */
  async startCheckpointerWhenAsked(): Promise<void> {
    if (await this.#checkpointRequest.whenPending()) await this.checkpointer.keepStarting()
  }

  /** How the connections are set up: the writer's first, the checkpointer's last. */
  get reports(): ConnectionReport[] {
    return [...this.#permanent, ...this.rankers, this.checkpointer]
      .map(({ report }) => report as ConnectionReport | undefined)
      .filter((report) => report !== undefined)
  }

  /**
   * Closes all threads, the one that was started first last, so that nobody else has the write-ahead log open and
   * it can be copied into the file. Resolves to what failed in their connections.
   * @param left how long closing may still take, in milliseconds
   * @throws {EngineError} the first failure of a thread, once all are closed
   */
  async close(left: () => number): Promise<string[]> {
    this.#checkpointRequest.stopWaiting()
    const [last, ...rest] = this.#permanent
    const others = await Promise.allSettled(
      [...rest, ...this.rankers, this.checkpointer].map((thread) => thread.close(left())),
    )
    const outcomes = [...(await Promise.allSettled([last?.close(left())])), ...others]
    return outcomes.flatMap((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason
      return (outcome.value as string[] | undefined) ?? []
    })
  }

  /** The threads that every store has. */
  get #permanent(): readonly SqliteThread[] {
    return this.writer ? [this.writer, ...this.readers] : this.readers
  }

  #thread(
    name: string,
    access: ConnectionAccess,
    rest: Pick<WorkerOptions, 'logAsFound' | 'rankingMemory'> = {},
  ): SqliteThread {
    const { path, migrate, quickCheck, durability, busyTimeout, cacheSize, mmapSize } =
      this.#options
    const { workerFile = packagedWorker, timeout, log } = this.#options
    const filename = fileURLToPath(workerFile)
    const isFirst = name === (this.#copy ? 'reader 1' : 'writer')
    const workerData = (): WorkerOptions => ({
      ...rest,
      path: this.#copy?.path ?? path,
      file: this.#identity(),
      access,
      mustBeNewest: this.#copy !== undefined || !migrate,
      // Once, by the first thread, when the store is opened.
      quickCheck: quickCheck && isFirst && this.#identity() === undefined,
      durability,
      busyTimeout,
      cacheSize,
      mmapSize,
      statements: this.#statements,
      checkpointMemory: this.#checkpointRequest.memory,
    })
    return new WorkerThread<Call, SqliteDuties>({
      name,
      filename,
      workerData,
      silenceDeadline: Math.min(silentTimeouts * timeout, longestTimer),
      log,
      execArgv: execArgvFor(filename),
    })
  }
}

/** @throws {StoreError} `unavailable` */
function requireWorkerFile(filename: string): void {
  if (existsSync(filename)) return
  const why =
    `no thread can start, since its file ${filename} does not exist. If a bundler moved the code of cq-store, ` +
    'keep the package external: its README says how'
  throw new StoreError('unavailable', why)
}

/** What Node needs to run a file that is TypeScript. */
function execArgvFor(filename: string): string[] {
  const isUnderstood = extname(filename) !== '.ts' || process.features.typescript
  return isUnderstood ? [] : ['--import', 'tsx']
}
