import type { RankingFigures } from '../ranking/ranking-figures.ts'
import type { LaneFigures } from '../threads/lane-figures.ts'

// Apart, since the package's types must not need those of the driver.

/** What a store's connections are doing, and have done. */
export interface PostgresStoreFigures {
  readonly write: LaneFigures
  readonly read: LaneFigures
  readonly rank: LaneFigures
  /** One for each ranker. */
  readonly ranking: readonly RankingFigures[]
  /** Batches of reads, where there are replicas. */
  readonly replicas: Readonly<ReplicaFigures>
}

/** What a store's replicas have been asked. */
export interface ReplicaFigures {
  /** Batches of reads that they answered. */
  answered: number
  /** Batches that the primary answered, since the replica lacked what the store had written, */
  behind: number
  /** or had failed. */
  failed: number
}
