import type { OffloadError } from './errors.ts'
import { tooMany, tooMuch } from './failures.ts'
import type { LaneOptions } from './lane-options.ts'

/** Decides whether a lane takes one more call. */
export class Admission {
  readonly #options: Pick<LaneOptions<never>, 'name' | 'maxQueue' | 'weight'>
  /** What all calls weigh that wait or are under way. */
  held = 0

  constructor(options: Pick<LaneOptions<never>, 'name' | 'maxQueue' | 'weight'>) {
    this.#options = options
  }

  /** Why a call of this weight is refused, with so many that wait. */
  refusal(weight: number, waiting: number): OffloadError | undefined {
    const { name, maxQueue, weight: bounds } = this.#options
    const mostHeld = bounds?.mostHeld ?? Infinity
    if (this.held > 0 && this.held + weight > mostHeld) return tooMuch(name, this.held, mostHeld)
    return waiting < maxQueue ? undefined : tooMany(name, maxQueue)
  }
}
