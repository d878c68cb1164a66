import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import { PostgresStore } from '../../src/postgres/store.ts'
import { statements } from '../../src/sql/statement.ts'
import type { Store } from '../../src/store.ts'
import { calls } from '../operations/calls.ts'
import { outcome } from '../store/contract/failure.ts'
import { dropDatabase, makeDatabase, query } from './databases.ts'

const now = new Date('2026-11-22T12:00:00Z')

/** Many units of every status and many domains, with users and keys, stored as the reference server would. */
const seed = `
insert into knowledge_units (id, data, status, reviewed_by, reviewed_at, created_at, tier)
select 'ku_' || lpad(to_hex(n), 32, '0'),
  json_build_object('id', 'ku_' || lpad(to_hex(n), 32, '0'), 'version', 1,
    'domains', json_build_array('domain ' || n % 7, 'domain ' || n % 31, 'domain ' || n % 500),
    'insight', json_build_object('summary', 'Summary ' || n, 'detail', repeat('Detail ', 40), 'action', 'Action'),
    'context', json_build_object('languages', '[]'::json, 'frameworks', '[]'::json, 'pattern', ''),
    'evidence', json_build_object('confidence', (n % 101) / 100.0, 'confirmations', 1,
      'first_observed', '2026-01-01T12:00:00.000000Z', 'last_confirmed', '2026-01-01T12:00:00.000000Z'),
    'tier', 'private', 'flags', '[]'::json)::text,
  (array['approved', 'approved', 'approved', 'pending', 'rejected'])[n % 5 + 1],
  case when n % 5 <> 3 then 'carol' end, case when n % 5 <> 3 then time end, time, 'private'
from generate_series(0, 19999) as n,
  lateral (select to_char(date '2026-01-01' + n % 300, 'YYYY-MM-DD') || 'T12:00:00.' || lpad(n::text, 6, '0') || '+00:00' as time) as of_time;
insert into knowledge_unit_domains
select distinct 'ku_' || lpad(to_hex(n), 32, '0'), 'domain ' || n % m
from generate_series(0, 19999) as n, unnest(array[7, 31, 500]) as m;
insert into users (username, password_hash, created_at)
select 'user ' || n, 'hash', '2026-01-01' from generate_series(0, 1999) as n;
insert into api_keys (id, user_id, name, key_prefix, key_hash, ttl, expires_at, created_at)
select lpad(to_hex(n), 32, '0'), 1 + n % 2000, 'agent', 'abcdefgh', 'hash of ' || n, '1d', '2027', '2026-01-01'
from generate_series(0, 19999) as n;
insert into cq_store_roles (username, role) select 'user ' || n, 'reviewer' from generate_series(0, 1999) as n;
insert into cq_store_history (unit_id, at, actor, action, detail)
select 'ku_' || lpad(to_hex(n), 32, '0'), '2026-01-01', 'carol', 'edited', 'domains' from generate_series(0, 19999) as n;`

describe('the statements', () => {
  let url: string
  let store: PostgresStore

  beforeAll(async () => {
    url = await makeDatabase('ICU')
    await (await PostgresStore.open({ url, rankers: 0 })).close()
    await query(url, seed)
    const indexing = await PostgresStore.open({ url, rankers: 0 })
    while ((await indexing.indexTexts()) > 0);
    await indexing.close()
    await query(url, 'vacuum analyze')
    store = await PostgresStore.open({ url, ...internalOptions({ now: () => now }) })
    // Loading the index reads all approved units.
    await store.query(['none'])
  })
  afterAll(async () => {
    await store.close()
    await dropDatabase(url)
  })

  it.each(statements.map(({ name, compiled }) => [name, compiled] as const))(
    'to %s is one that the server can prepare',
    async (name, compiled) => {
      // These are about a table that only SQLite's databases have.
      const isOfFiles = /change/.test(name) && /cq_store_changes/.test(compiled('sqlite').sql)
      if (isOfFiles) return
      await query(url, `prepare tried as ${compiled('postgres').sql}`)
    },
  )

  it('go through no table, whatever is called, though all are planned without their values', async () => {
    const scans = async () =>
      Object.fromEntries(
        (
          await query<{ name: string; scans: string; rows: string }>(
            url,
            `select relname as name, seq_scan as scans, seq_tup_read as rows from pg_stat_user_tables
             where relname not like 'cq\\_store\\_count%' order by 1`,
          )
        ).map(({ name, scans }) => [name, Number(scans)]),
      )
    const settled = async () => {
      // What a connection has done is told once it has ended.
      for (;;) {
        const [row] = await query<{ others: string }>(
          url,
          `select count(*) as others from pg_stat_activity
           where datname = current_database() and application_name = 'cq-store'`,
        )
        if (Number(row?.others) === 0) return
      }
    }
    await store.close()
    await settled()
    store = await PostgresStore.open({ url, ...internalOptions({ now: () => now }) })
    await store.query(['none'])
    await query(url, 'select pg_stat_reset()')
    for (const [method, each] of Object.entries(calls))
      for (const args of each) {
        const call = store[method as 'get'] as (...args: unknown[]) => Promise<unknown>
        const ended = await outcome(call.apply(store as Store, args as unknown[]))
        if ('code' in ended) expect(['conflict', 'not_found']).toContain(ended.code)
      }
    await store.close()
    await settled()
    const counted = await scans()
    expect(Object.keys(counted)).toContain('knowledge_units')
    // Read from their beginning; and of so few rows here that to look for a hundred of them is dearer.
    const few = [
      'proposals',
      'unindexed',
      'texts',
      'login_codes',
      'ended_sessions',
      'session_generations',
    ].map((name) => `cq_store_${name}`)
    const gone = Object.entries(counted).filter(([name, count]) => count > 0 && !few.includes(name))
    expect(gone).toEqual([])
  })
})
