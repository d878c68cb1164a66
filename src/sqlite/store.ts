import { extname } from 'node:path'
import { StoreError } from '../errors.ts'
import { internalsOf } from '../internals.ts'
import { processLog, RepeatedFaults } from '../logging.ts'
import type { ConnectionReport } from '../offload/connection-options.ts'
import { type Methods, type Offloaded, openOffloaded } from '../offload/index.ts'
import type { Definitions } from '../offload/operations.ts'
import { readResult } from '../operations/json-text.ts'
import type { OperationKind, StoreMethod } from '../operations/operation.ts'
import { type Call, OperationStore, type ResultForm } from '../operations/operation-store.ts'
import { type RankingFigures, SharedRankingFigures } from '../ranking/ranking-figures.ts'
import { statementTexts } from '../sql/statement.ts'
import type { Store } from '../store.ts'
import type { LaneFigures } from '../threads/lane-figures.ts'
import type { Log } from '../threads/log.ts'
import { nameOf } from './calls.ts'
import { toStoreError } from './errors.ts'
import { checkStoreOptions, type SqliteStoreOptions } from './options.ts'
import { requireRuntime } from './runtime.ts'
import type { StoreData } from './store-operations.ts'

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

type StoreEngine = Offloaded<Definitions>
type StoreMethods = Methods<Definitions>

// '.ts' from source, '.js' once built: the file is at the same place in both trees.
const packagedOperations = new URL(
  `../../workers/sqlite${extname(import.meta.url)}`,
  import.meta.url,
)

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
  readonly #engine: StoreEngine
  readonly #calls: Record<ResultForm, StoreMethods>
  readonly #isReadOnly: boolean
  readonly #log: Log
  readonly #rankingFigures: readonly SharedRankingFigures[]
  /** Failures of calls that nobody waits for. */
  readonly #failures = new RepeatedFaults()

  /**
   * Opens the file, creating it if need be, and migrates it to the newest schema. Files of cq's reference server
   * are taken as they are.
   * @throws {StoreError} `invalid` for an option that is unknown or out of range; `corrupt` for a damaged file, or
   * another program's; `newer_schema`; `migration_needed`, see `SqliteStoreOptions.migrate`; `unavailable` if the
   * file cannot be created, opened or locked, or Node or SQLite is too old. No thread is left running then.
   */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    requireRuntime()
    const { rankers = 1, ...checked } = checkStoreOptions(options)
    const { operationsFile = packagedOperations, upkeepInterval, now } = internalsOf(options)
    const { readOnly = false, migrate = true, log = processLog } = checked
    const figures = Array.from({ length: rankers }, () => new SharedRankingFigures())
    const data: StoreData = {
      statements: statementTexts('sqlite'),
      rankingMemory: figures.map(({ memory }) => memory),
      mustBeNewest: readOnly || !migrate,
    }
    try {
      const engine: StoreEngine = await openOffloaded({
        ...checked,
        operations: operationsFile,
        data,
        indexers: rankers,
        upkeepInterval,
      })
      const store = new SqliteStore(engine, { figures, readOnly, log, now })
      if (!readOnly) store.keepIndexed()
      return store
    } catch (error) {
      throw toStoreError(error)
    }
  }

  private constructor(
    engine: StoreEngine,
    settings: {
      readonly figures: readonly SharedRankingFigures[]
      readonly readOnly: boolean
      readonly log: Log
      readonly now: (() => Date) | undefined
    },
  ) {
    super()
    const { figures, readOnly, log, now = () => new Date() } = settings
    this.#engine = engine
    const translate = toStoreError
    this.#calls = {
      object: engine.with({ decode: (text) => readResult(text as string), translate }),
      text: engine.with({ translate }),
    }
    this.#rankingFigures = figures
    this.#isReadOnly = readOnly
    this.#log = log
    this.now = now
    this.answersQueries = figures.length > 0
  }

  /** The sizes of the database file and its write-ahead log, in bytes. */
  fileSizes(): Promise<{ readonly database: number; readonly wal: number }> {
    return this.#engine.fileSizes()
  }

  get figures(): SqliteStoreFigures {
    const { write, read, index, connections } = this.#engine.figures
    const ranking = this.#rankingFigures.map((figures) => figures.get())
    return { write, read, rank: index, ranking, connections }
  }

  protected perform(
    [method, ...args]: Call,
    kind: OperationKind,
    form: ResultForm,
  ): Promise<unknown> {
    this.#requirePossible(method, kind)
    const hasRankers = this.#rankingFigures.length > 0
    const name = nameOf(method, kind === 'indexed scan' && !hasRankers ? 'scan' : kind)
    return this.#calls[form][name]?.(...args) as Promise<unknown>
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

  protected unreadiness(): Promise<string | undefined> {
    return this.#engine.health()
  }

  protected async release(): Promise<void> {
    this.#failures[Symbol.dispose]()
    try {
      await this.#engine.close()
    } catch (error) {
      throw toStoreError(error)
    }
  }

  /** @throws {StoreError} if this store can never carry out the call */
  #requirePossible(method: StoreMethod, kind: OperationKind): void {
    if (kind === 'write' && this.#isReadOnly)
      throw new StoreError('read_only', `the store is read only; ${method} was not done`)
    if (kind.endsWith('rank') && !this.answersQueries)
      throw new StoreError('unavailable', `the store has no rankers; ${method} was not done`)
  }
}
