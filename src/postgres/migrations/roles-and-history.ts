import type { Part } from './changes-and-counts.ts'
import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/** In the order in which they are made. */
export const rolesAndHistoryParts: readonly Part[] = [
  {
    what: 'table',
    name: 'cq_store_roles',
    text: 'r',
    make: () => [
      `create table if not exists cq_store_roles (
        username text collate "C" primary key,
        role text not null
      )`,
    ],
  },
  {
    what: 'table',
    name: 'cq_store_history',
    text: 'r',
    make: () => [
      `create table if not exists cq_store_history (
        entry bigint generated always as identity primary key,
        unit_id text collate "C" not null,
        at text not null,
        actor text not null,
        action text not null,
        detail text not null
      )`,
    ],
  },
  {
    what: 'index',
    name: 'idx_cq_store_history',
    make: () => [
      'create index if not exists idx_cq_store_history on cq_store_history (unit_id, entry)',
    ],
  },
]

/** Makes the tables of what the reference server does not know: who may decide, and what was decided before. */
export const rolesAndHistory: Migration = {
  name: '2026-11-28 roles and history',
  async up(send) {
    for (const { make } of rolesAndHistoryParts) for (const sql of make('')) await send(sql)
  },
}
