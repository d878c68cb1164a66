/** Values counted by size: how many, their sum, and how many are at most each bound. */
export interface HistogramFigures {
  readonly count: number
  readonly sum: number
  /** Ascending by `atMost`; each bucket holds those before it. */
  readonly buckets: readonly { readonly atMost: number; readonly count: number }[]
}

/** Counts values by size, in a room that doesn't grow. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #count = 0
  #sum = 0

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  add(value: number): void {
    this.#count++
    this.#sum += value
    const index = this.#bounds.findIndex((bound) => value <= bound)
    if (index >= 0) this.#counts[index] = (this.#counts[index] as number) + 1
  }

  get figures(): HistogramFigures {
    let count = 0
    const buckets = this.#bounds.map((atMost, index) => {
      count += this.#counts[index] as number
      return { atMost, count }
    })
    return { count: this.#count, sum: this.#sum, buckets }
  }
}
