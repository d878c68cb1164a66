export interface MixedLoadOptions {
  /** Calls in flight. */
  readonly inFlight: number
  readonly seconds: number
  /** The most calls. */
  readonly operations: number
  /** When memory is to have settled. */
  readonly settleSeconds: number
  /** How long it is from one sample to the next. */
  readonly sampleSeconds: number
  /** A seeded file, of which a copy is used, and what it was made with. */
  readonly path: string
  readonly units: number
  readonly seed: number
}

export interface MixedLoadSample {
  /** Since the beginning. */
  readonly seconds: number
  /** Calls answered since the sample before, for each second. */
  readonly perSecond: number
  /** Sizes in bytes: the write-ahead log, the database file, memory of the process. */
  readonly wal: number
  readonly database: number
  readonly rss: number
}

export interface MixedLoadResult {
  readonly options: MixedLoadOptions
  /** How many calls of each kind were answered. */
  readonly calls: Readonly<Record<MixedCall, number>>
  readonly seconds: number
  readonly samples: readonly MixedLoadSample[]
}

export type MixedCall = 'get' | 'query' | 'insert' | 'confirm'

/** The parts of the calls that each kind has: nine of ten read. */
export const shares: Readonly<Record<MixedCall, number>> = {
  get: 0.8,
  query: 0.1,
  insert: 0.05,
  confirm: 0.05,
}
