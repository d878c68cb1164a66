import { OffloadError } from './errors.ts'
import type { CallOptions } from './lane-options.ts'
import type { PendingCall } from './pending-call.ts'
import type { Seat } from './seat.ts'
import type { Duties } from './worker-module.ts'

/** What a lane does for a lease. */
export interface LeaseHost<Call> {
  /** What the lease is for, as errors name it. */
  readonly name: string
  readonly seat: Seat<Call, Duties>
  /** Sends a call to the worker at once, whatever waits. */
  send<Result>(
    call: Call,
    options: CallOptions<Result>,
  ): { readonly pending: PendingCall<Call>; readonly result: Promise<Result> }
  release(): void
}

/**
 * One worker for several calls of one caller, so that they find there what earlier ones left. It ends with its
 * worker. Whoever takes a lease must release it.
 */
export class Lease<Call> {
  readonly #host: LeaseHost<Call>
  readonly #restarts: number
  readonly #underWay = new Set<PendingCall<Call>>()
  #isReleased = false

  constructor(host: LeaseHost<Call>) {
    this.#host = host
    this.#restarts = host.seat.worker.restarts
  }

  /** Whether the worker crashed, and what was left there is gone. */
  get isLost(): boolean {
    const { worker } = this.#host.seat
    return !worker.isReady || worker.restarts !== this.#restarts
  }

  /** Carries out a call, for which the lane sets no deadline. @throws as `Lane.call` */
  async call<Result>(call: Call, options: CallOptions<Result>): Promise<Result> {
    const { name, seat } = this.#host
    if (this.isLost)
      throw new OffloadError('unavailable', `the ${name} ended with the ${seat.worker.name}`)
    if (this.#isReleased) throw new OffloadError('closed', `the ${name} is over`)
    const { pending, result } = this.#host.send(call, { whenLost: 'undone', ...options })
    this.#underWay.add(pending)
    try {
      return await result
    } finally {
      this.#underWay.delete(pending)
    }
  }

  /** Fails the calls that are under way, which go on in the worker. */
  failCalls(error: OffloadError): void {
    for (const pending of this.#underWay) pending.fail(error)
  }

  /** Gives the worker back; what is under way there comes first. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#host.release()
  }
}
