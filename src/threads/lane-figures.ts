import { Histogram, type HistogramFigures } from './histogram.ts'

/** What a lane is doing, and has done since it was made. */
export interface LaneFigures {
  /** Calls that wait for a worker. */
  readonly waiting: number
  /** Calls that were sent to a worker and not answered. */
  readonly underWay: number
  /** The weight of all these calls, where that is bounded. */
  readonly held: number
  readonly calls: number
  readonly batches: number
  readonly overloads: number
  readonly timeouts: number
  /** Restarts of its workers. */
  readonly restarts: number
  /** How many calls travelled in each batch. */
  readonly batchSizes: HistogramFigures
  /** How long the first call of each batch waited, in milliseconds. */
  readonly waits: HistogramFigures
  /** How long each batch took, in milliseconds. */
  readonly runs: HistogramFigures
}

const sizeBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256]
const millisecondBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000]

/** Counts what a lane does. */
export class LaneCounters {
  calls = 0
  batches = 0
  overloads = 0
  timeouts = 0
  readonly #batchSizes = new Histogram(sizeBounds)
  readonly #waits = new Histogram(millisecondBounds)
  readonly #runs = new Histogram(millisecondBounds)

  countBatch(size: number, waited: number): void {
    this.batches++
    this.#batchSizes.add(size)
    this.#waits.add(waited)
  }

  countRun(milliseconds: number): void {
    this.#runs.add(milliseconds)
  }

  get figures(): Omit<LaneFigures, 'waiting' | 'underWay' | 'held' | 'restarts'> {
    const { calls, batches, overloads, timeouts } = this
    return {
      calls,
      batches,
      overloads,
      timeouts,
      batchSizes: this.#batchSizes.figures,
      waits: this.#waits.figures,
      runs: this.#runs.figures,
    }
  }
}
