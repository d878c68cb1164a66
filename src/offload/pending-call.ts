import { EngineError } from './errors.ts'
import { type CallReply, isFailure, toError } from './reply.ts'

export interface PendingCallOptions<Call> {
  readonly call: Call
  readonly weight: number
  /** When it must have settled, by `performance.now()`. */
  readonly deadline: number
  /** Its place among all calls of the lane. */
  readonly ticket: number
  /** Makes the result of the reply's text. */
  readonly read: (text: string) => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  /** Makes what the caller gets of an error. */
  readonly translate: (error: EngineError) => unknown
}

/** A call whose caller waits for it. */
export class PendingCall<Call> {
  readonly call: Call
  readonly weight: number
  readonly deadline: number
  readonly ticket: number
  /** Whether it was under way in a worker that crashed. */
  wasRetried = false
  isSettled = false
  readonly #options: PendingCallOptions<Call>

  constructor(options: PendingCallOptions<Call>) {
    this.call = options.call
    this.weight = options.weight
    this.deadline = options.deadline
    this.ticket = options.ticket
    this.#options = options
  }

  /** Settles it by a worker's reply. */
  settle(reply: CallReply | undefined): void {
    if (this.isSettled) return
    if (reply === undefined) {
      this.fail(new EngineError('internal', 'the worker did not answer the call'))
      return
    }
    if (isFailure(reply)) {
      this.fail(toError(reply))
      return
    }
    try {
      const result = this.#options.read(typeof reply === 'string' ? reply : reply.text)
      this.isSettled = true
      this.#options.resolve(result)
    } catch (error) {
      const why = `the worker's reply cannot be read: ${error}`
      this.fail(new EngineError('internal', why, { cause: error }))
    }
  }

  fail(error: EngineError): void {
    this.isSettled = true
    this.#options.reject(this.#options.translate(error))
  }
}
