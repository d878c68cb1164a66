import type { OperationKind } from '../operations/operation.ts'
import type { Call } from '../operations/operation-store.ts'
import type { OffloadError } from '../threads/errors.ts'
import type { BatchReply } from '../threads/reply.ts'
import type { Worker } from '../threads/worker.ts'
import { answerReads, answerScan, answerWrites, type Respondent } from './batch.ts'

/** A call as a lane of connections carries it. */
export type LaneCall = readonly [kind: OperationKind, call: Call]

/** A connection as the worker of a lane. It is always ready, since it is made when it is needed. */
export class ConnectionWorker implements Worker<LaneCall> {
  readonly name: string
  readonly isReady = true
  readonly failure: OffloadError | undefined = undefined
  onChange = () => {}
  readonly #respondent: Respondent
  /** The writes before: on one connection there is one transaction at a time. */
  #before: Promise<unknown> = Promise.resolve()

  constructor(name: string, respondent: Respondent) {
    this.name = name
    this.#respondent = respondent
  }

  get restarts(): number {
    return Math.max(0, this.#respondent.connection.restarts)
  }

  answer(batch: readonly LaneCall[]): Promise<BatchReply> {
    // Reads that are no scans need no transaction, and a lane keeps scans to themselves.
    if (batch[0]?.[0] !== 'write') return this.#answer(batch)
    const answered = this.#before.then(() => this.#answer(batch))
    this.#before = answered.catch(() => {})
    return answered
  }

  perform(): Promise<never> {
    return Promise.reject(new Error('a connection has no duties'))
  }

  async #answer(batch: readonly LaneCall[]): Promise<BatchReply> {
    const calls = batch.map(([, call]) => call)
    const [kind] = batch[0] ?? []
    if (kind === 'write') return answerWrites(this.#respondent, calls)
    if (kind === 'read') return answerReads(this.#respondent, calls)
    // Scans come one at a time.
    return answerScan(this.#respondent, calls[0] as Call)
  }
}
