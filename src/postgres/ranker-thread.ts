import type { ClientConfig } from 'pg'
import '../operations/index.ts'
import type { Call } from '../operations/operation-store.ts'
import { SharedRankingFigures } from '../ranking/ranking-figures.ts'
import { adoptStatements, type StatementText } from '../sql/statement.ts'
import { type BatchReply, type Failure, toFailure } from '../threads/reply.ts'
import type { WorkerModule } from '../threads/worker-module.ts'
import { toReply, unless } from './batch.ts'
import { Connection, type Send } from './connection.ts'
import type { NewClient } from './driver.ts'
import { isServerError, toStoreError } from './errors.ts'
import { Ranker } from './ranker.ts'
import { type Outcome, runTogether } from './run-steps.ts'
import { stepsOf } from './sets.ts'
import { inTransaction, withRetries } from './transaction.ts'

/** What a ranker's thread is told. */
export interface RankerData {
  readonly config: ClientConfig
  readonly preparedStatements: boolean
  readonly pipeline: boolean
  readonly timeout: number
  readonly statementTimeout: number | undefined
  /** Statements that the main thread has compiled, see `sql/statement.ts`. */
  readonly statements: readonly StatementText[]
  /** Memory of its figures. */
  readonly figures: SharedArrayBuffer
}

/** What runs in a ranker's thread: a connection, and all approved units in memory. */
export class RankerThread implements WorkerModule<Call> {
  readonly #connection: Connection
  readonly #ranker: Ranker
  readonly #statementTimeout: number | undefined
  #notices: string[] = []
  /** Which connection the index was loaded over, see `Connection.restarts`. */
  #loadedOver = -1
  /** Whether there were changes when that was last looked for. */
  #wasChanged = true
  /** The batch before: on one connection there is one transaction at a time. */
  #before: Promise<unknown> = Promise.resolve()

  constructor(newClient: NewClient, data: RankerData) {
    const { statements, figures, statementTimeout, ...settings } = data
    adoptStatements('postgres', statements)
    this.#connection = new Connection(newClient, settings)
    this.#statementTimeout = statementTimeout
    const notice = (message: string) => void this.#notices.push(message)
    this.#ranker = new Ranker(new SharedRankingFigures(figures), notice)
  }

  async open(): Promise<void> {
    await this.#inSnapshot((send) => this.#load(send, this.#connection.restarts))
  }

  answer(calls: readonly Call[]): Promise<BatchReply> {
    const answered = this.#before.then(() => this.#answer(calls))
    this.#before = answered.catch(() => {})
    return answered
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  toFailure(error: unknown): Failure {
    return toFailure(toStoreError(error))
  }

  async #answer(calls: readonly Call[]): Promise<BatchReply> {
    try {
      const outcomes = await this.#inSnapshot((send) => this.#outcomes(send, calls))
      return toReply(calls, outcomes, this.#notices.splice(0))
    } catch (error) {
      const failure = toFailure(toStoreError(error))
      const failures = new Map(calls.map((_, place) => [place, failure]))
      return { results: calls.map(() => undefined), failures, notices: this.#notices.splice(0) }
    }
  }

  /**
   * As nothing has changed mostly, calls are answered from the index as it is while the database is asked for changes;
   * if there are any, they are answered again.
   */
  async #outcomes(send: Send, calls: readonly Call[]): Promise<Outcome[]> {
    // The server may have crashed, or be another one, and so have lost what the index has.
    const { restarts } = this.#connection
    if (restarts !== this.#loadedOver) await this.#load(send, restarts)
    const answer = async () => {
      const { index } = this.#ranker
      const notice = (message: string) => void this.#notices.push(message)
      return unless(isServerError, await runTogether(calls.map(stepsOf), { send, notice, index }))
    }
    const changed = this.#ranker.catchUp(send)
    const early = this.#wasChanged ? undefined : answer()
    early?.catch(() => {})
    this.#wasChanged = await changed
    return early && !this.#wasChanged ? early : answer()
  }

  async #load(send: Send, restarts: number): Promise<void> {
    await this.#ranker.load(send)
    this.#loadedOver = restarts
  }

  #inSnapshot<Result>(work: (send: Send) => Promise<Result>): Promise<Result> {
    const beginning = { kind: 'snapshot', statementTimeout: this.#statementTimeout } as const
    return withRetries(true, () =>
      this.#connection.use((send) => inTransaction(send, beginning, () => work(send))),
    )
  }
}
