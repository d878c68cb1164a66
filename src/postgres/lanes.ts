import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClientConfig } from 'pg'
import { eachOnce } from '../logging.ts'
import type { Call } from '../operations/operation-store.ts'
import { SharedRankingFigures } from '../ranking/ranking-figures.ts'
import { statementTexts } from '../sql/statement.ts'
import { Lane } from '../threads/lane.ts'
import type { Log } from '../threads/log.ts'
import { WorkerThread } from '../threads/worker-thread.ts'
import { Connection, type ConnectionSettings } from './connection.ts'
import type { NewClient } from './driver.ts'
import type { PostgresStoreFigures, ReplicaFigures } from './figures.ts'
import type { RankerData } from './ranker-thread.ts'
import { type Position, Replica, Replicas } from './replicas.ts'
import { ConnectionWorker, type LaneCall } from './worker.ts'

// '.ts' from source, '.js' once built: the worker is at the same place in both trees.
const workerFile = fileURLToPath(
  new URL(`../../workers/postgres${extname(import.meta.url)}`, import.meta.url),
)

/** The most reads in a batch: enough to hide a round trip, few enough to answer soon. */
const largestReadBatch = 64
/** The most writes that are committed together. */
const largestWriteBatch = 256
/** The most text of writes that are committed together, in characters (4 Mi). */
const heaviestWriteBatch = 4_194_304
/**
 * How long a standby may be silent before the primary is asked, in milliseconds; but a quarter of a call's time at most,
 * so that enough is left for that.
 */
const mostSilenceOfReplicas = 2_000
/** The least time that a thread has to close, in milliseconds. */
const leastClosing = 500

/** What lanes are made of. */
export interface LaneParts {
  readonly connections: number
  readonly rankers: number
  readonly maxQueue: number
  readonly maxQueueBytes: number
  readonly log: Log
  readonly settings: ConnectionSettings
  /** See `Beginning.statementTimeout`. */
  readonly statementTimeout: number | undefined
  readonly newClient: NewClient
  /** How replicas are connected to. */
  readonly standbys: readonly ClientConfig[]
  /** Where there are replicas. */
  readonly position: Position | undefined
  /** Is told of connections that were lost. */
  readonly onLost: (connection: string, error: Error) => void
}

/** The lanes of a store, with their connections and threads. */
export class Lanes {
  readonly writes: Lane<LaneCall>
  readonly reads: Lane<LaneCall>
  readonly ranks: Lane<Call>
  readonly #parts: LaneParts
  readonly #readers: readonly Connection[]
  readonly #connections: Connection[] = []
  readonly #rankers: readonly WorkerThread<Call>[]
  readonly #rankingFigures: readonly SharedRankingFigures[]
  readonly #replicaFigures: ReplicaFigures = { answered: 0, behind: 0, failed: 0 }

  constructor(parts: LaneParts) {
    this.#parts = parts
    const { connections, rankers, maxQueueBytes } = parts
    const writer = this.#connect('writer')
    this.writes = new Lane<LaneCall>({
      ...this.#laneOptions('write'),
      workers: [this.#worker('writer', writer)],
      largestBatch: largestWriteBatch,
      weight: { most: heaviestWriteBatch, mostHeld: maxQueueBytes },
      repeatable: false,
    })
    const names = Array.from({ length: connections }, (_, number) => `reader ${number + 1}`)
    this.#readers = names.map((name) => this.#connect(name))
    this.reads = new Lane<LaneCall>({
      ...this.#laneOptions('read'),
      workers: this.#readers.map((reader, number) =>
        this.#worker(names[number] as string, reader, this.#replicas(number)),
      ),
      largestBatch: largestReadBatch,
      // One connection answers more point reads than an event loop can pass on, and larger batches cost less.
      batchWorkers: 1,
      repeatable: true,
    })
    this.#rankingFigures = Array.from({ length: rankers }, () => new SharedRankingFigures())
    const statements = statementTexts('postgres')
    this.#rankers = this.#rankingFigures.map(({ memory }, number) =>
      this.#ranker(`ranker ${number + 1}`, memory, statements),
    )
    this.ranks = new Lane<Call>({
      ...this.#laneOptions('rank'),
      workers: this.#rankers,
      largestBatch: largestReadBatch,
      repeatable: true,
    })
  }

  get figures(): PostgresStoreFigures {
    return {
      write: this.writes.figures,
      read: this.reads.figures,
      rank: this.ranks.figures,
      ranking: this.#rankingFigures.map((figures) => figures.get()),
      replicas: { ...this.#replicaFigures },
    }
  }

  /** Why they do not work, as far as is known without asking, in words that contain nothing private. */
  get fault(): string | undefined {
    if (this.#readers[0]?.isReachable === false) return 'PostgreSQL cannot be reached'
    return this.writes.isLate ? 'a write takes too long' : undefined
  }

  /** Starts the rankers one after the other, so that the first is ready soon. */
  async startRankers(): Promise<void> {
    for (const ranker of this.#rankers) await ranker.keepStarting()
  }

  /** Finishes what was accepted, and closes all. What does not close in order is ended, and logged. */
  async close(): Promise<void> {
    const { log, settings } = this.#parts
    const end = performance.now() + settings.timeout
    const all = [this.reads, this.ranks, this.writes]
    // Every call ends by its own deadline.
    await Promise.all(all.map((lane) => lane.drain()))
    for (const lane of all) lane.stop()
    const left = Math.max(Math.ceil(end - performance.now()), leastClosing)
    const closed = await Promise.allSettled([
      ...this.#rankers.map((ranker) => ranker.close(left)),
      ...this.#connections.map((connection) => connection.close()),
    ])
    for (const one of closed)
      if (one.status === 'rejected')
        log.warn({ error: one.reason }, `closing the store: ${(one.reason as Error).message}`)
  }

  #laneOptions(name: string) {
    const { maxQueue, settings, log } = this.#parts
    const onNotice = eachOnce((notice) => log.warn({ notice }, notice))
    return { name, maxQueue, timeout: settings.timeout, onNotice }
  }

  #connect(name: string): Connection {
    const { newClient, settings, onLost } = this.#parts
    const connection = new Connection(newClient, settings, (error) => onLost(name, error))
    this.#connections.push(connection)
    return connection
  }

  #worker(name: string, connection: Connection, replicas?: Replicas): ConnectionWorker {
    const { statementTimeout, position } = this.#parts
    return new ConnectionWorker(name, {
      connection,
      statementTimeout,
      position,
      ...(replicas && { replicas }),
    })
  }

  /** A reader's own connections to the replicas, since its scans are transactions there. */
  #replicas(reader: number): Replicas | undefined {
    const { newClient, settings, standbys, position } = this.#parts
    if (!position) return undefined
    const timeout = Math.min(Math.ceil(settings.timeout / 4), mostSilenceOfReplicas)
    const all = standbys.map((config) => {
      const connection = new Connection(newClient, { ...settings, config, timeout })
      this.#connections.push(connection)
      return new Replica(connection, position, this.#replicaFigures)
    })
    return new Replicas(all, reader)
  }

  #ranker(
    name: string,
    figures: SharedArrayBuffer,
    statements: RankerData['statements'],
  ): WorkerThread<Call> {
    const { settings, statementTimeout, log } = this.#parts
    const data: RankerData = { ...settings, statementTimeout, statements, figures }
    return new WorkerThread<Call>({ name, filename: workerFile, workerData: () => data, log })
  }
}
