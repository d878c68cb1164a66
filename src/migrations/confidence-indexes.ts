import { sqliteConfidence } from '../operations/confidence.ts'
import type { Migration } from './migration.ts'

/**
 * Indexes for listings of units in a range of confidence: one tells it while units are read by their age,
 * so that no document is read for it, the other finds the few of a narrow range.
 */
export const confidenceIndexes: Migration = {
  name: '2026-11-22 confidence indexes',
  up(database) {
    // Earlier versions made it as a part of the review indexes.
    database.run('DROP INDEX IF EXISTS idx_cq_store_created')
    database.run(
      `CREATE INDEX idx_cq_store_created ON knowledge_units (created_at, id, ${sqliteConfidence}, status)`,
    )
    database.run(
      `CREATE INDEX idx_cq_store_confidence ON knowledge_units (status, ${sqliteConfidence})`,
    )
  },
}
