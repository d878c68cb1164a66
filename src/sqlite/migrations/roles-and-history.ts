import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/** Makes the tables of what the reference server does not know: who may decide, and what was decided before. */
export const rolesAndHistory: Migration = {
  name: '2026-11-28 roles and history',
  up(database) {
    database.run(`CREATE TABLE cq_store_roles (
  username TEXT PRIMARY KEY NOT NULL,
  role TEXT NOT NULL
) WITHOUT ROWID`)
    database.run(`CREATE TABLE cq_store_history (
  entry INTEGER PRIMARY KEY,
  unit_id TEXT NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL
)`)
    database.run('CREATE INDEX idx_cq_store_history ON cq_store_history (unit_id, entry)')
  },
}
