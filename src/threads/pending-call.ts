import { OffloadError } from './errors.ts'

/** What happens to a call as `LaneOptions.observe` is told. */
export type CallEvent = 'queued' | 'sent' | 'done' | 'failed'

/**
 * What becomes of a call whose worker ended before it answered: `again`, it is made once more; `unknown`, it fails
 * with `outcome_unknown`; `undone`, it fails with `unavailable`, since what it did is undone.
 */
export type WhenLost = 'again' | 'unknown' | 'undone'

export interface PendingCallOptions<Call> {
  readonly call: Call
  readonly weight: number
  /** How long it may take, in milliseconds. */
  readonly timeout: number
  /** Its place among all calls of the lane. */
  readonly ticket: number
  readonly whenLost: WhenLost
  /** Makes the result of what the worker replied, see `BatchReply`. */
  readonly read: (result: unknown, form: string) => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  /** Makes what the caller gets of an error. */
  readonly translate?: ((error: OffloadError) => unknown) | undefined
  readonly observe: ((event: CallEvent, call: PendingCall<Call>, error?: Error) => void) | undefined
  /** If its caller keeps the worker: what for, and the call that undoes this one. */
  readonly holds?: { readonly name: string; readonly undo: Call } | undefined
}

/** A call whose caller waits for it. */
export class PendingCall<Call> {
  readonly call: Call
  readonly weight: number
  /** When it was made, and when it must have settled, by `performance.now()`. */
  readonly madeAt = performance.now()
  readonly deadline: number
  readonly ticket: number
  readonly whenLost: WhenLost
  readonly holds: PendingCallOptions<Call>['holds']
  /** Whether it was under way in a worker that crashed. */
  wasRetried = false
  isSettled = false
  readonly #options: PendingCallOptions<Call>
  #stopListening: (() => void) | undefined

  constructor(options: PendingCallOptions<Call>) {
    this.call = options.call
    this.weight = options.weight
    this.deadline = this.madeAt + options.timeout
    this.ticket = options.ticket
    this.whenLost = options.whenLost
    this.holds = options.holds
    this.#options = options
  }

  /** Settles it by what the worker replied. */
  settle(result: unknown, form: string): void {
    if (this.isSettled) return
    try {
      const value = this.#options.read(result, form)
      this.#end()
      this.#options.resolve(value)
      this.observe('done')
    } catch (error) {
      const why = `the worker's reply cannot be read: ${error}`
      this.fail(new OffloadError('internal', why, { cause: error }))
    }
  }

  fail(error: OffloadError): void {
    if (this.isSettled) return
    this.#end()
    const { reject, translate } = this.#options
    reject(translate ? translate(error) : error)
    this.observe('failed', error)
  }

  /** Has it end with the signal's reason if that aborts while `withdraw` can still take it back. */
  abortBy(signal: AbortSignal, withdraw: () => boolean): void {
    const onAbort = () => {
      if (this.isSettled || !withdraw()) return
      this.#end()
      this.#options.reject(signal.reason)
      this.observe('failed', signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => signal.removeEventListener('abort', onAbort)
  }

  observe(event: CallEvent, error?: Error): void {
    this.#options.observe?.(event, this, error)
  }

  #end(): void {
    this.isSettled = true
    this.#stopListening?.()
  }
}
