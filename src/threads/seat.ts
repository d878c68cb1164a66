import type { Worker } from './worker.ts'
import type { Duties } from './worker-module.ts'

/** What a lane knows of one of its workers. */
export class Seat<Call, WorkerDuties extends Duties> {
  readonly worker: Worker<Call, WorkerDuties>
  /** Batches and duties that were sent and not answered. */
  inFlight = 0
  /** Whether it has an exclusive call, or is being kept free for one. */
  isReserved = false
  /** Who keeps it for calls that follow an exclusive one. */
  holder: { readonly isLost: boolean; release(): void } | undefined
  /** Leases on it that are shared with other calls. */
  leases = 0

  constructor(worker: Worker<Call, WorkerDuties>) {
    this.worker = worker
  }

  get isIdle(): boolean {
    return this.worker.isReady && this.inFlight === 0
  }

  /** What it has to do, and may be asked for. */
  get load(): number {
    return this.inFlight + this.leases
  }

  /** How many more batches it may be sent, of `most` in flight at once. */
  roomFor(most: number): number {
    return this.worker.isReady && !this.isReserved ? Math.max(0, most - this.inFlight) : 0
  }
}

/** The seat with the least to do that has room for another batch. */
export function leastBusy<AnySeat extends Seat<never, Duties>>(
  seats: readonly AnySeat[],
  most: number,
): AnySeat | undefined {
  let best: AnySeat | undefined
  for (const seat of seats)
    if (seat.roomFor(most) > 0 && (!best || seat.load < best.load)) best = seat
  return best
}
