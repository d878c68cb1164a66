import type { Part } from './changes-and-counts.ts'
import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/** In the order in which they are made. */
export const signInParts: readonly Part[] = [
  {
    what: 'table',
    name: 'cq_store_login_codes',
    text: 'r',
    make: () => [
      `create table if not exists cq_store_login_codes (
        code_hash text collate "C" primary key,
        username text collate "C" not null,
        generation integer not null,
        code_challenge text not null,
        expires_at text collate "C" not null
      )`,
    ],
  },
  {
    what: 'index',
    name: 'idx_cq_store_login_codes',
    make: () => [
      'create index if not exists idx_cq_store_login_codes on cq_store_login_codes (expires_at, code_hash)',
    ],
  },
  {
    what: 'table',
    name: 'cq_store_ended_sessions',
    text: 'r',
    make: () => [
      `create table if not exists cq_store_ended_sessions (
        session text collate "C" primary key,
        expires_at text collate "C" not null
      )`,
    ],
  },
  {
    what: 'index',
    name: 'idx_cq_store_ended_sessions',
    make: () => [
      'create index if not exists idx_cq_store_ended_sessions on cq_store_ended_sessions (expires_at, session)',
    ],
  },
  {
    what: 'table',
    name: 'cq_store_session_generations',
    text: 'r',
    make: () => [
      `create table if not exists cq_store_session_generations (
        username text collate "C" primary key,
        generation integer not null,
        ended_at text not null
      )`,
    ],
  },
]

/** Makes the tables of one-time codes of logins, and of sessions that ended before their tokens expire. */
export const signIn: Migration = {
  name: '2026-11-30 sign-in',
  async up(send) {
    for (const { make } of signInParts) for (const sql of make('')) await send(sql)
  },
}
