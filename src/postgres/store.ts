import { StoreError } from '../errors.ts'
import { internalsOf } from '../internals.ts'
import { processLog, RepeatedFaults } from '../logging.ts'
import { readResult } from '../operations/json-text.ts'
import type { OperationKind, StoreMethod } from '../operations/operation.ts'
import { type Call, OperationStore, type ResultForm } from '../operations/operation-store.ts'
import type { Store } from '../store.ts'
import type { Log } from '../threads/log.ts'
import { Connection } from './connection.ts'
import { loadDriver } from './driver.ts'
import { ConnectionLost, toStoreError } from './errors.ts'
import type { PostgresStoreFigures } from './figures.ts'
import { type LaneParts, Lanes } from './lanes.ts'
import { isNewest, migrate, patiently } from './migrator.ts'
import { checkStoreOptions, type PostgresStoreOptions } from './options.ts'
import { Position, selectPosition } from './replicas.ts'
import { connectionConfig, settingsIn } from './url.ts'

const selectIsQueued = 'select exists (select from cq_store_unindexed) as is_queued'

/**
 * A Store over a PostgreSQL database, which several servers may share. One connection writes, and commits together
 * what was asked for at the same time; several read. The ranker, a thread with a connection of its own, answers
 * queries and statistics from an index in memory, which it loads once the store is open, and which includes what any
 * server has written.
 */
export class PostgresStore extends OperationStore implements Store {
  protected readonly now: () => Date
  protected override readonly answersQueries: boolean
  readonly #lanes: Lanes
  readonly #log: Log
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
    let mustIndex = false
    const connection = new Connection(newClient, settings)
    const patient = new Connection(newClient, {
      ...settings,
      ...patiently,
      connectTimeout: timeout,
    })
    try {
      if (!(await isNewest(connection, mayTakeSteps))) await migrate(patient)
      // Asked first: a store that is only opened writes nothing.
      const { rows } = await connection.use((send) => send(selectIsQueued, []))
      mustIndex = rows[0]?.is_queued === true
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
    const store = new PostgresStore(internalsOf(options).now, {
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
    })
    if (mustIndex) store.keepIndexed()
    return store
  }

  private constructor(now = () => new Date(), parts: Omit<LaneParts, 'onLost'>) {
    super()
    this.now = now
    this.answersQueries = parts.rankers > 0
    this.#log = parts.log
    this.#lanes = new Lanes({ ...parts, onLost: (name, error) => this.#noteLoss(name, error) })
    void this.#lanes.startRankers()
  }

  get figures(): PostgresStoreFigures {
    return this.#lanes.figures
  }

  protected perform(call: Call, kind: OperationKind, form: ResultForm): Promise<unknown> {
    const read = (text: unknown) => (form === 'text' ? text : readResult(text as string))
    const translate = toStoreError
    const hasRankers = this.answersQueries
    if (kind === 'write')
      return this.#lanes.writes.call([kind, call], { read, translate, weight: weightOf(call) })
    if (kind.endsWith('rank') || (kind === 'indexed scan' && hasRankers)) {
      if (!hasRankers) return Promise.reject(noRankers(call))
      return this.#lanes.ranks.call(call, { read, translate, isExclusive: kind !== 'rank' })
    }
    return this.#lanes.reads.call([kind, call], { read, translate, isExclusive: kind !== 'read' })
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
    return this.#lanes.fault
  }

  protected async release(): Promise<void> {
    try {
      await this.#lanes.close()
    } finally {
      this.#failures[Symbol.dispose]()
    }
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
