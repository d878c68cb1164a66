import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClientConfig } from 'pg'
import { StoreError } from '../errors.ts'
import { internalsOf } from '../internals.ts'
import { eachOnce, processLog, RepeatedFaults } from '../logging.ts'
import { readResult } from '../operations/json-text.ts'
import type { OperationKind, StoreMethod } from '../operations/operation.ts'
import { type Call, OperationStore, type ResultForm } from '../operations/operation-store.ts'
import { type RankingFigures, SharedRankingFigures } from '../ranking/ranking-figures.ts'
import { statementTexts } from '../sql/statement.ts'
import type { Store } from '../store.ts'
import { Lane } from '../threads/lane.ts'
import type { LaneFigures } from '../threads/lane-figures.ts'
import type { Log } from '../threads/log.ts'
import { WorkerThread } from '../threads/worker-thread.ts'
import { Connection, type ConnectionSettings } from './connection.ts'
import { loadDriver, type NewClient } from './driver.ts'
import { ConnectionLost, toStoreError } from './errors.ts'
import { isNewest, migrate, patiently } from './migrator.ts'
import { checkStoreOptions, type PostgresStoreOptions } from './options.ts'
import type { RankerData } from './ranker-thread.ts'
import { Position, Replica, type ReplicaFigures, Replicas, selectPosition } from './replicas.ts'
import { connectionConfig, settingsIn } from './url.ts'
import { ConnectionWorker, type LaneCall } from './worker.ts'

/** What a store's connections are doing, and have done. */
export interface PostgresStoreFigures {
  readonly write: LaneFigures
  readonly read: LaneFigures
  readonly rank: LaneFigures
  /** One for each ranker. */
  readonly ranking: readonly RankingFigures[]
  /** Batches of reads, where there are replicas. */
  readonly replicas: Readonly<ReplicaFigures>
}

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
/** How long a standby may be silent before the primary is asked, in milliseconds. */
const mostSilenceOfReplicas = 2_000
/** The least time that a thread has to close, in milliseconds. */
const leastClosing = 500

interface Parts {
  readonly connections: number
  readonly rankers: number
  readonly maxQueue: number
  readonly maxQueueBytes: number
  readonly log: Log
  readonly settings: ConnectionSettings
  readonly statementTimeout: number | undefined
  readonly newClient: NewClient
  readonly standbys: readonly ClientConfig[]
  readonly position: Position | undefined
  readonly now: (() => Date) | undefined
}

/**
 * A Store over a PostgreSQL database, which several servers may share. One connection writes, and commits together
 * what was asked for at the same time; several read. The ranker, a thread with a connection of its own, answers
 * queries and statistics from an index in memory, which it loads once the store is open, and which includes what any
 * server has written.
 */
export class PostgresStore extends OperationStore implements Store {
  protected readonly now: () => Date
  protected override readonly answersQueries: boolean
  readonly #timeout: number
  readonly #log: Log
  readonly #connections: readonly Connection[]
  readonly #writes: Lane<LaneCall>
  readonly #reads: Lane<LaneCall>
  readonly #ranks: Lane<Call>
  readonly #rankers: readonly WorkerThread<Call>[]
  readonly #rankingFigures: readonly SharedRankingFigures[]
  readonly #replicaFigures: ReplicaFigures = { answered: 0, behind: 0, failed: 0 }
  /** Failures of calls that nobody waits for, and of connections. */
  readonly #failures = new RepeatedFaults()

  /**
   * Connects, and migrates the database to the newest schema. A database of cq's reference server is taken as it is.
   * @throws {StoreError} `invalid` for an option that is unknown or out of range; `unavailable` if the database
   * cannot be reached, or the package pg is missing; `corrupt` for another program's tables; `newer_schema`;
   * `migration_needed`, see `PostgresStoreOptions.migrate`. Nothing is left open then.
   */
  static async open(options: PostgresStoreOptions): Promise<PostgresStore> {
    const {
      connections = 4,
      preparedStatements = true,
      pipeline = true,
      rankers = 1,
      maxQueue = 10_000,
      maxQueueBytes = 67_108_864,
      timeout = 30_000,
      log = processLog,
      migrate: mayTakeSteps = true,
      replicas = [],
      ...target
    } = withSettings(checkStoreOptions(options))
    const standbys = replicas.map((url) => connectionConfig({ url, ssl: target.ssl }))
    const settings = { config: connectionConfig(target), preparedStatements, pipeline, timeout }
    const newClient = await loadDriver()
    const position = standbys.length > 0 ? new Position() : undefined
    const connection = new Connection(newClient, settings)
    const patient = new Connection(newClient, {
      ...settings,
      ...patiently,
      connectTimeout: timeout,
    })
    try {
      if (!(await isNewest(connection, mayTakeSteps))) await migrate(patient)
      // What an earlier process wrote is to be seen, too.
      if (position) {
        const { rows } = await connection.use((send) => send(selectPosition, []))
        position.advance(String(rows[0]?.position))
      }
    } catch (error) {
      throw toStoreError(error)
    } finally {
      await Promise.all([connection.close(), patient.close()])
    }
    return new PostgresStore({
      connections,
      rankers,
      maxQueue,
      maxQueueBytes,
      log,
      settings,
      // A setting of a session might reach another one's, through a pooler.
      statementTimeout: preparedStatements ? undefined : timeout,
      newClient,
      standbys,
      position,
      now: internalsOf(options).now,
    })
  }

  private constructor(parts: Parts) {
    super()
    const { connections, rankers, maxQueue, maxQueueBytes, log } = parts
    const { settings, statementTimeout, newClient, standbys, position, now } = parts
    const { timeout } = settings
    this.now = now ?? (() => new Date())
    this.answersQueries = rankers > 0
    this.#timeout = timeout
    this.#log = log
    const connect = (name: string) =>
      new Connection(newClient, settings, (error) => this.#noteLoss(name, error))
    const writer = connect('writer')
    const readers = Array.from({ length: connections }, (_, number) =>
      connect(`reader ${number + 1}`),
    )
    const others: Connection[] = []
    const replicasOf = (reader: number) => {
      const all = standbys.map((config) => {
        const timeout = Math.min(settings.timeout, mostSilenceOfReplicas)
        const connection = new Connection(newClient, { ...settings, config, timeout })
        others.push(connection)
        return new Replica(connection, position as Position, this.#replicaFigures)
      })
      return new Replicas(all, reader)
    }
    const worker = (name: string, connection: Connection, replicas?: Replicas) =>
      new ConnectionWorker(name, {
        connection,
        statementTimeout,
        position,
        ...(replicas && { replicas }),
      })
    const lane = (name: string) => ({
      name,
      maxQueue,
      timeout,
      onNotice: eachOnce((notice) => log.warn({ notice }, notice)),
    })
    this.#writes = new Lane<LaneCall>({
      ...lane('write'),
      workers: [worker('writer', writer)],
      largestBatch: largestWriteBatch,
      weight: { most: heaviestWriteBatch, mostHeld: maxQueueBytes },
      repeatable: false,
    })
    this.#reads = new Lane<LaneCall>({
      ...lane('read'),
      workers: readers.map((reader, number) =>
        worker(`reader ${number + 1}`, reader, replicasOf(number)),
      ),
      largestBatch: largestReadBatch,
      // One connection answers more point reads than an event loop can pass on, and larger batches cost less.
      batchWorkers: 1,
      repeatable: true,
    })
    this.#connections = [writer, ...readers, ...others]
    this.#rankingFigures = Array.from({ length: rankers }, () => new SharedRankingFigures())
    const statements = statementTexts('postgres')
    this.#rankers = this.#rankingFigures.map(
      ({ memory }, number) =>
        new WorkerThread<Call>({
          name: `ranker ${number + 1}`,
          filename: workerFile,
          workerData: (): RankerData => ({
            ...settings,
            statementTimeout,
            statements,
            figures: memory,
          }),
          log,
        }),
    )
    this.#ranks = new Lane<Call>({
      ...lane('rank'),
      workers: this.#rankers,
      largestBatch: largestReadBatch,
      repeatable: true,
    })
    void this.#startRankers()
  }

  get figures(): PostgresStoreFigures {
    const [write, read, rank] = [this.#writes, this.#reads, this.#ranks].map(
      ({ figures }) => figures,
    ) as [LaneFigures, LaneFigures, LaneFigures]
    const ranking = this.#rankingFigures.map((figures) => figures.get())
    return { write, read, rank, ranking, replicas: { ...this.#replicaFigures } }
  }

  protected perform(call: Call, kind: OperationKind, form: ResultForm): Promise<unknown> {
    const read = (text: unknown) => (form === 'text' ? text : readResult(text as string))
    const translate = toStoreError
    const hasRankers = this.#rankers.length > 0
    if (kind === 'write')
      return this.#writes.call([kind, call], { read, translate, weight: weightOf(call) })
    if (kind.endsWith('rank') || (kind === 'indexed scan' && hasRankers)) {
      if (!hasRankers) return Promise.reject(noRankers(call))
      return this.#ranks.call(call, { read, translate, isExclusive: kind !== 'rank' })
    }
    return this.#reads.call([kind, call], { read, translate, isExclusive: kind !== 'read' })
  }

  protected logFailure(method: StoreMethod, error: StoreError): void {
    const failed = `${method} failed: ${error.message}`
    this.#failures.note(
      `${method} ${error.code}`,
      () => this.#log.warn({ method, error }, failed),
      (times) => this.#log.warn({ method, times }, `${times} more times: ${failed}`),
    )
  }

  protected async unreadiness(): Promise<string | undefined> {
    // Asked after a read, which has tried to make its connection.
    const [, reader] = this.#connections
    if (reader?.isReachable === false) return 'PostgreSQL cannot be reached'
    return this.#writes.isLate ? 'a write takes too long' : undefined
  }

  protected async release(): Promise<void> {
    const end = performance.now() + this.#timeout
    const lanes = [this.#reads, this.#ranks, this.#writes]
    // Every call ends by its own deadline.
    await Promise.all(lanes.map((lane) => lane.drain()))
    for (const lane of lanes) lane.stop()
    const left = Math.max(Math.ceil(end - performance.now()), leastClosing)
    const threads = this.#rankers.map((ranker) => ranker.close(left))
    const closed = await Promise.allSettled([
      ...threads,
      ...this.#connections.map((connection) => connection.close()),
    ])
    this.#failures[Symbol.dispose]()
    const failure = closed.find(({ status }) => status === 'rejected')
    if (failure) throw toStoreError((failure as PromiseRejectedResult).reason)
  }

  async #startRankers(): Promise<void> {
    for (const ranker of this.#rankers) await ranker.keepStarting()
  }

  #noteLoss(name: string, error: Error): void {
    if (error instanceof ConnectionLost && error.message.includes('has ended')) return
    const lost = `the connection of the ${name} was lost: ${error.message}`
    this.#failures.note(
      `${name} ${error.message}`,
      () => this.#log.warn({ connection: name, error }, lost),
      (times) => this.#log.warn({ connection: name, times }, `${times} more times: ${lost}`),
    )
  }
}

function noRankers([method]: Call): StoreError {
  return new StoreError('unavailable', `the store has no rankers; ${method} was not done`)
}

/** How much text a call holds, in characters. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  let weight = 0
  for (const part of Object.values(value)) weight += weightOf(part)
  return weight
}

/** Options, and what the URL says where they say nothing. */
function withSettings(options: PostgresStoreOptions): PostgresStoreOptions {
  const { preparedStatements, pipeline } = settingsIn(options.url)
  return {
    ...options,
    preparedStatements: options.preparedStatements ?? preparedStatements,
    pipeline: options.pipeline ?? pipeline,
  }
}
