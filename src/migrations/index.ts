import type { Migration } from './migration.ts'
import { rankingIndex } from './ranking-index.ts'
import { reviewIndexes } from './review-indexes.ts'

/** Our own steps on top of the reference schema, in the order in which they are taken. */
export const migrations: readonly Migration[] = [reviewIndexes, rankingIndex]
