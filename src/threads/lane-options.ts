import type { OffloadError } from './errors.ts'
import type { CallEvent, PendingCall, WhenLost } from './pending-call.ts'
import type { Failure } from './reply.ts'
import type { Worker } from './worker.ts'
import type { Duties } from './worker-module.ts'

export interface LaneOptions<Call, WorkerDuties extends Duties = Duties> {
  /** What its calls do, as errors name it: `read`, `write`. */
  readonly name: string
  readonly workers: readonly Worker<Call, WorkerDuties>[]
  /** The most calls in a batch. */
  readonly largestBatch: number
  /**
   * How much calls may weigh, see `CallOptions.weight`: a batch of more than one call at most `most`, and all calls
   * that wait or are under way at most `mostHeld`, unless there is only one.
   */
  readonly weight?: { readonly most: number; readonly mostHeld: number }
  /**
   * How many workers take batches. The others serve exclusive calls, and step in if one of these is not available.
   * @default all of them
   */
  readonly batchWorkers?: number
  /** The most calls that may wait; one more fails with `overloaded`. */
  readonly maxQueue: number
  /** How long a call may take, in milliseconds, waiting included. */
  readonly timeout: number
  /**
   * Whether a call may be repeated if its worker crashed. If not, it fails with `outcome_unknown`, since it may
   * have taken effect.
   */
  readonly repeatable: boolean
  /** Sees every failure that a worker replied with, before the caller does. */
  readonly onFailure?: (failure: Failure) => void
  /** Gets the messages that workers want logged. */
  readonly onNotice?: (notice: string) => void
  /** Is told what happens to each call. */
  readonly observe?: (event: CallEvent, call: PendingCall<Call>, error?: Error) => void
}

/** How a call is carried out, and its result read. */
export interface CallOptions<Result> {
  /** Makes the result of what the worker replied, see `BatchReply`. */
  readonly read: (result: unknown, form: string) => Result
  /** Whether it gets a worker to itself. @default false */
  readonly isExclusive?: boolean
  /** How much text and data it holds, in characters and bytes. @default 0 */
  readonly weight?: number
  /** Takes the call out of the queue if it aborts before the call was sent. */
  readonly signal?: AbortSignal | undefined
  /** Makes what the caller gets of an error. @default the error itself */
  readonly translate?: ((error: OffloadError) => unknown) | undefined
  /** @default as `LaneOptions.repeatable` says */
  readonly whenLost?: WhenLost
}
