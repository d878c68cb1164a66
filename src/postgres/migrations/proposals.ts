import type { Part } from './changes-and-counts.ts'
import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

export const proposalParts: readonly Part[] = [
  {
    what: 'table',
    name: 'cq_store_proposals',
    text: 'r',
    make: () => [
      `create table if not exists cq_store_proposals (
        entry bigint generated always as identity primary key,
        key text collate "C" not null unique,
        fingerprint text,
        unit_id text collate "C" not null,
        at bigint not null
      )`,
    ],
  },
]

/** Makes the table by which a proposal that is made again is recognised. */
export const proposals: Migration = {
  name: '2026-11-30 proposals',
  async up(send) {
    for (const { make } of proposalParts) for (const sql of make('')) await send(sql)
  },
}
