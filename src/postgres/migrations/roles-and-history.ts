import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/** Makes the tables of what the reference server does not know: who may decide, and what was decided before. */
export const rolesAndHistory: Migration = {
  name: '2026-11-28 roles and history',
  async up(send) {
    await send(`create table cq_store_roles (
      username text collate "C" primary key,
      role text not null
    )`)
    await send(`create table cq_store_history (
      entry bigint generated always as identity primary key,
      unit_id text collate "C" not null,
      at text not null,
      actor text not null,
      action text not null,
      detail text not null
    )`)
    await send('create index idx_cq_store_history on cq_store_history (unit_id, entry)')
  },
}
