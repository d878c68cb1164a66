/** The state of a ranker's index. Everything is 0 while it loads. */
export interface RankingFigures {
  /** Units that queries may find. */
  readonly units: number
  /** Approximate memory of the index, updated once a second. */
  readonly bytes: number
  /** How long it took to load, in milliseconds. */
  readonly loadMilliseconds: number
  /** Changes applied since it was loaded; a unit that changes again counts again. */
  readonly changes: number
}

const names = ['units', 'bytes', 'loadMilliseconds', 'changes'] as const

/** Figures in memory that a ranker shares with the main thread. */
export class SharedRankingFigures {
  readonly memory: SharedArrayBuffer
  readonly #values: Float64Array

  constructor(memory = new SharedArrayBuffer(names.length * Float64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#values = new Float64Array(memory)
  }

  get(): RankingFigures {
    const [units = 0, bytes = 0, loadMilliseconds = 0, changes = 0] = this.#values
    return { units, bytes, loadMilliseconds, changes }
  }

  set(figures: Partial<RankingFigures>): void {
    for (const [index, name] of names.entries()) {
      const value = figures[name]
      if (value !== undefined) this.#values[index] = value
    }
  }
}
