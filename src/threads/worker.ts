import type { OffloadError } from './errors.ts'
import type { BatchReply } from './reply.ts'
import type { Duties } from './worker-module.ts'

/** Who answers a lane's calls: a `WorkerThread`, or a connection to a server. */
export interface Worker<Call, WorkerDuties extends Duties = Duties> {
  /** What it is for, as errors and logs name it. */
  readonly name: string
  readonly isReady: boolean
  /** Why it cannot be ready, until it can. */
  readonly failure: OffloadError | undefined
  /** How often it was replaced after a failure. */
  readonly restarts: number
  /** Is called when `isReady` or `failure` has changed. */
  onChange: () => void
  /** Answers a batch of calls. @throws {WorkerLost} if it ends first */
  answer(batch: readonly Call[]): Promise<BatchReply>
  /** Carries out a duty between batches. @throws {OffloadError} */
  perform<Name extends keyof WorkerDuties & string>(
    duty: Name,
  ): Promise<Awaited<ReturnType<WorkerDuties[Name]>>>
}
