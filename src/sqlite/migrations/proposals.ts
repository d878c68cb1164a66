import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/** Makes the table by which a proposal that is made again is recognised, in the order in which they were made. */
export const proposals: Migration = {
  name: '2026-11-30 proposals',
  up(database) {
    database.run(`CREATE TABLE cq_store_proposals (
  entry INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  fingerprint TEXT,
  unit_id TEXT NOT NULL,
  at INTEGER NOT NULL
)`)
  },
}
