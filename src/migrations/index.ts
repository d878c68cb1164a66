import { bucketCounts, confidenceBuckets } from './confidence-buckets.ts'
import { confidenceIndexes } from './confidence-indexes.ts'
import { confidenceCounts, counters, counts } from './counters.ts'
import type { DerivedTable } from './derived-table.ts'
import type { Migration } from './migration.ts'
import { oldDocuments } from './old-documents.ts'
import { ranking, rankingIndex } from './ranking-index.ts'
import { reviewIndexes } from './review-indexes.ts'
import { spentCounters } from './spent-counters.ts'

/** Our own steps on top of the reference schema, in the order in which they are taken. */
export const migrations: readonly Migration[] = [
  // First, so that what follows is derived from documents of one format.
  oldDocuments,
  reviewIndexes,
  rankingIndex,
  counters,
  confidenceIndexes,
  confidenceBuckets,
  spentCounters,
]

/** Steps of earlier versions, which later ones did away with: files may have them. */
export const formerSteps: readonly string[] = [
  '2026-11-22 ranking index',
  '2026-11-22 ranking lists',
]

/** Our tables that can be checked against the reference server's, and made anew from them. */
export const derivedTables: readonly DerivedTable[] = [
  ranking,
  counts,
  confidenceCounts,
  bucketCounts,
]
