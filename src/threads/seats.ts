import type { OffloadError } from './errors.ts'
import { noWorker } from './failures.ts'
import type { LaneOptions } from './lane-options.ts'
import { Seat } from './seat.ts'
import type { Worker } from './worker.ts'
import type { Duties } from './worker-module.ts'

/** The workers of a lane. */
export class Seats<Call, WorkerDuties extends Duties> {
  readonly all: readonly Seat<Call, WorkerDuties>[]
  readonly #name: string
  readonly #mostWithBatches: number

  constructor({ name, workers, batchWorkers }: LaneOptions<Call, WorkerDuties>) {
    this.all = workers.map((worker) => new Seat(worker))
    this.#name = name
    this.#mostWithBatches = batchWorkers ?? workers.length
  }

  /** Whether somebody holds one for several calls. */
  get areHeld(): boolean {
    return this.all.some(({ holder }) => holder)
  }

  /** Takes back those whose holders lost what they held them for. */
  releaseLost(): void {
    for (const { holder } of this.all) if (holder?.isLost) holder.release()
  }

  /** Workers that have nothing to do. */
  get idleWorkers(): Worker<Call, WorkerDuties>[] {
    return this.all.filter(({ isIdle }) => isIdle).map(({ worker }) => worker)
  }

  /** Those that batches may be sent to. */
  get forBatches(): readonly Seat<Call, WorkerDuties>[] {
    return this.all
      .filter(({ worker, isReserved }) => worker.isReady && !isReserved)
      .slice(0, this.#mostWithBatches)
  }

  /** The one that has the least to do, if any is ready. */
  get leastBusy(): Seat<Call, WorkerDuties> | undefined {
    const ready = this.all.filter(({ worker }) => worker.isReady)
    return ready.sort((one, other) => one.load - other.load)[0]
  }

  get restarts(): number {
    return this.all.reduce((sum, { worker }) => sum + worker.restarts, 0)
  }

  of(worker: Worker<Call, WorkerDuties>): Seat<Call, WorkerDuties> {
    const seat = this.all.find((one) => one.worker === worker)
    if (!seat) throw new Error(`the ${worker.name} is not in this lane`)
    return seat
  }

  /** Why no call can be carried out now: every worker failed to start. */
  get failure(): OffloadError | undefined {
    let cause: OffloadError | undefined
    for (const { worker } of this.all) {
      if (worker.failure === undefined) return undefined
      cause ??= worker.failure
    }
    return noWorker(this.#name, cause)
  }
}
