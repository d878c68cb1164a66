import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/** Makes the tables of one-time codes of logins, and of sessions that ended before their tokens expire. */
export const signIn: Migration = {
  name: '2026-11-30 sign-in',
  up(database) {
    database.run(`CREATE TABLE cq_store_login_codes (
  code_hash TEXT PRIMARY KEY NOT NULL,
  username TEXT NOT NULL,
  generation INTEGER NOT NULL,
  code_challenge TEXT NOT NULL,
  expires_at TEXT NOT NULL
) WITHOUT ROWID`)
    database.run(
      'CREATE INDEX idx_cq_store_login_codes ON cq_store_login_codes (expires_at, code_hash)',
    )
    database.run(`CREATE TABLE cq_store_ended_sessions (
  session TEXT PRIMARY KEY NOT NULL,
  expires_at TEXT NOT NULL
) WITHOUT ROWID`)
    database.run(
      'CREATE INDEX idx_cq_store_ended_sessions ON cq_store_ended_sessions (expires_at, session)',
    )
    database.run(`CREATE TABLE cq_store_session_generations (
  username TEXT PRIMARY KEY NOT NULL,
  generation INTEGER NOT NULL,
  ended_at TEXT NOT NULL
) WITHOUT ROWID`)
  },
}
