import type { Migration } from './migration.ts'

/**
 * Indexes for what reviewers ask, so that none of it sorts or reads every unit: the pending queue and
 * listings by status, and recent activity.
 */
export const reviewIndexes: Migration = {
  name: '2026-11-22 review indexes',
  up(database) {
    database.run(
      'CREATE INDEX idx_cq_store_status_created ON knowledge_units (status, created_at, id)',
    )
    database.run(
      'CREATE INDEX idx_cq_store_activity ON knowledge_units (coalesce(reviewed_at, created_at), id)',
    )
  },
}
