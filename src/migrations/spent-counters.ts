import type { Migration } from './migration.ts'

/**
 * Has counters go that have come to 0: the name of one may be a domain that only a removed unit had, and
 * is to leave no trace.
 */
export const spentCounters: Migration = {
  name: '2026-11-22 spent counters',
  up(database) {
    database.run('DELETE FROM cq_store_counts WHERE count = 0')
    database.run(`CREATE TRIGGER cq_store_remove_spent AFTER UPDATE ON cq_store_counts
      WHEN new.count = 0
      BEGIN DELETE FROM cq_store_counts WHERE kind = new.kind AND name = new.name; END`)
  },
}
