import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { StoreErrorCode } from '../../src/index.ts'
import { PostgresStore } from '../../src/postgres/store.ts'
import { failure } from '../store/contract/failure.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { dropDatabase, makeDatabase, query } from './databases.ts'

const now = new Date('2026-11-22T12:00:00Z')

/** What the reference server's migration makes, to the letter. */
const referenceSchema = `
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
CREATE TABLE knowledge_units (id TEXT NOT NULL, data TEXT NOT NULL, status TEXT DEFAULT 'pending' NOT NULL,
  reviewed_by TEXT, reviewed_at TEXT, created_at TEXT, tier TEXT DEFAULT 'private' NOT NULL, PRIMARY KEY (id));
CREATE TABLE knowledge_unit_domains (unit_id TEXT NOT NULL, domain TEXT NOT NULL, PRIMARY KEY (unit_id, domain),
  FOREIGN KEY(unit_id) REFERENCES knowledge_units (id) ON DELETE CASCADE);
CREATE INDEX idx_domains_domain ON knowledge_unit_domains (domain);
CREATE TABLE users (id SERIAL NOT NULL, username TEXT NOT NULL, password_hash TEXT NOT NULL, created_at TEXT NOT NULL,
  PRIMARY KEY (id), UNIQUE (username));
CREATE TABLE api_keys (id TEXT NOT NULL, user_id INTEGER NOT NULL, name TEXT NOT NULL, labels TEXT DEFAULT '[]' NOT NULL,
  key_prefix TEXT NOT NULL, key_hash TEXT NOT NULL, ttl TEXT NOT NULL, expires_at TEXT NOT NULL, created_at TEXT NOT NULL,
  last_used_at TEXT, revoked_at TEXT, PRIMARY KEY (id), UNIQUE (key_hash),
  FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE);
CREATE INDEX idx_api_keys_user ON api_keys (user_id);
INSERT INTO alembic_version (version_num) VALUES ('0001');`

/** The statement by which the reference server stores a unit. */
const referenceInsert =
  'INSERT INTO knowledge_units (id, data, created_at, tier) VALUES ($1, $2, $3, $4)'

const urls: string[] = []
async function database(sql = ''): Promise<string> {
  const url = await makeDatabase()
  urls.push(url)
  if (sql !== '') await query(url, sql)
  return url
}
afterEach(async () => {
  for (const url of urls.splice(0)) await dropDatabase(url)
})

const columnsOf = (url: string) =>
  query(
    url,
    `select table_name, column_name, data_type, character_maximum_length, column_default, is_nullable
     from information_schema.columns
     where table_schema = 'public' and table_name not like 'cq\\_store%' order by 1, ordinal_position`,
  )
const constraintsOf = (url: string) =>
  query(
    url,
    `select conrelid::regclass::text as on, conname, pg_get_constraintdef(oid) as is from pg_constraint
     where connamespace = 'public'::regnamespace and contype <> 'n' and conrelid::regclass::text not like 'cq\\_store%'
     order by 1, 2`,
  )

describe('a database of the reference server', () => {
  it('is what this store makes, too', async () => {
    const [theirs, ours] = [await database(referenceSchema), await database()]
    await (await PostgresStore.open({ url: ours, rankers: 0 })).close()
    expect(await columnsOf(ours)).toEqual(await columnsOf(theirs))
    expect(await constraintsOf(ours)).toEqual(await constraintsOf(theirs))
    expect(await query(ours, 'select version_num from alembic_version')).toEqual([
      { version_num: '0001' },
    ])
  })

  it.each([
    ['stamped', ''],
    ['not stamped', 'drop table alembic_version'],
  ])('opens where it is %s, and shows what it holds', async (_, sql) => {
    const url = await database(referenceSchema)
    const unit = sampleUnit(unitId(1), now)
    const data = JSON.stringify(unit)
    await query(url, referenceInsert, [unit.id, data, '2026-11-22T12:00:00+00:00', 'private'])
    await query(url, `insert into knowledge_unit_domains values ('${unit.id}', 'sample')`)
    if (sql !== '') await query(url, sql)
    await using store = await PostgresStore.open({ url })
    expect(await store.getAny(unit.id)).toEqual(unit)
    expect(await store.countsByStatus()).toEqual({ pending: 1 })
    await store.decide(unit.id, 'approved', 'carol')
    expect(await store.query(['sample'])).toEqual([unit])
  })

  it('is written by both: what it writes counts, and is found', async () => {
    const url = await database(referenceSchema)
    await using store = await PostgresStore.open({ url })
    const [one, other] = [sampleUnit(unitId(1), now), sampleUnit(unitId(2), now)]
    for (const unit of [one, other])
      await query(url, referenceInsert, [
        unit.id,
        JSON.stringify(unit),
        '2026-11-22T12:00:00+00:00',
        'private',
      ])
    expect(await store.pendingCount()).toBe(2)
    await query(
      url,
      `UPDATE knowledge_units SET status = 'approved', reviewed_by = 'dave', reviewed_at = $2 WHERE id = $1`,
      [one.id, '2026-11-23T12:00:00+00:00'],
    )
    expect(await store.query(['sample'])).toEqual([one])
    expect((await store.reviewStats()).counts).toEqual({ pending: 1, approved: 1, rejected: 0 })
    await query(url, 'DELETE FROM knowledge_units WHERE id = $1', [one.id])
    expect(await store.query(['sample'])).toEqual([])
    expect(await store.countsByStatus()).toEqual({ pending: 1 })
    expect(
      await query(url, 'select count(*)::int as n from cq_store_counts where count < 0'),
    ).toEqual([{ n: 0 }])
  })

  it('may hold anything as a document: no write of another program fails by it, and no answer', async () => {
    const url = await database(referenceSchema)
    await using store = await PostgresStore.open({ url, log: { warn() {}, error() {} } })
    let number = 100
    const odd = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
      fc.constantFrom(
        '',
        '{"insight":{"summary":"\\u0000"},"evidence":{"confidence":0.7}}',
        '{"evidence":{"confidence":1e999}}',
        '{"evidence":{"confidence":"\\ud800"}}',
        '['.repeat(20_000),
      ),
    )
    const text = fc.option(fc.string({ unit: 'grapheme-ascii' }))
    await fc.assert(
      fc.asyncProperty(odd, text, text, async (document, created, reviewed) => {
        const id = unitId(++number)
        const time = (value: string | null) => value?.replaceAll('\0', '') ?? null
        await query(
          url,
          `insert into knowledge_units (id, data, created_at, reviewed_at, status) values ($1, $2, $3, $4, $5)`,
          [
            id,
            document.toWellFormed(),
            time(created),
            time(reviewed),
            ['approved', 'pending', 'odd'][number % 3],
          ],
        )
        await query(url, `update knowledge_units set status = 'rejected' where id = $1`, [id])
        await query(url, `update knowledge_units set status = 'approved' where id = $1`, [id])
        if (number % 2 === 0) await query(url, 'delete from knowledge_units where id = $1', [id])
      }),
      { numRuns: 60 },
    )
    const unit = sampleUnit(unitId(1), now)
    await store.importUnits([{ knowledge_unit: unit, status: 'approved' }])
    expect(await store.query(['sample'])).toEqual([unit])
    const listed = await store.listUnits({ confidenceMin: 0.1, limit: 1000 })
    expect(listed.map(({ knowledge_unit }) => knowledge_unit.id)).toContain(unit.id)
    expect(await store.listUnits({ status: 'rejected', confidenceMax: 0.9 })).toEqual([])
    await store.reviewStats()
    const counted = await query(url, `select count(*)::int as n from knowledge_units`)
    expect([{ n: await store.count() }]).toEqual(counted)
  })

  it.each<[string, string, StoreErrorCode, RegExp]>([
    [
      'another revision of the schema',
      `${referenceSchema} update alembic_version set version_num = '0002'`,
      'newer_schema',
      /'0002'.*nothing was changed/,
    ],
    [
      "a cq SDK's tables",
      'create table knowledge_units (rowid bigserial, id text primary key, data jsonb not null)',
      'corrupt',
      /jsonb.*SDK/,
    ],
    [
      'a table that lacks columns',
      'create table knowledge_units (id text primary key, data text not null)',
      'corrupt',
      /knowledge_units\.status/,
    ],
    [
      'steps of a newer version',
      `create table cq_store_migrations (name text primary key, applied_at text not null);
       insert into cq_store_migrations values ('2099-01-01 something', '')`,
      'newer_schema',
      /2099-01-01 something/,
    ],
  ])('is refused and not changed where it has %s', async (_, sql, code, message) => {
    const url = await database(sql)
    const before = await columnsOf(url)
    expect(await failure(code, PostgresStore.open({ url }))).toMatch(message)
    expect(await columnsOf(url)).toEqual(before)
  })

  it('may have been restored into another cluster, whose numbers of transactions are lower', async () => {
    const url = await database()
    const unit = sampleUnit(unitId(1), now)
    {
      await using store = await PostgresStore.open({ url })
      await store.importUnits([{ knowledge_unit: unit, status: 'approved' }])
    }
    await query(url, "update cq_store_changes set changed = '4000000000000'")
    await using store = await PostgresStore.open({ url })
    expect(await query(url, 'select changed::text from cq_store_changes')).toEqual([
      { changed: '3' },
    ])
    const confirmed = await store.confirm(unit.id)
    expect(await store.query(['sample'])).toEqual([confirmed])
  })
})

it('opens an empty database with several servers that start at once', async () => {
  for (let round = 0; round < 3; round++) {
    const url = await database()
    const stores = await Promise.all(
      Array.from({ length: 5 }, () => PostgresStore.open({ url, rankers: 0 })),
    )
    for (const store of stores) await store.close()
    expect(await query(url, 'select version_num from alembic_version')).toHaveLength(1)
  }
})

it('opens an empty database while the reference server makes its tables there, which takes no lock', async () => {
  for (let round = 0; round < 5; round++) {
    const url = await database()
    // As its migration does, in one transaction; it is known to fail where it meets another one.
    const reference = query(url, `begin; ${referenceSchema} commit`).catch(
      (error: unknown) => error,
    )
    const stores = await Promise.all(
      Array.from({ length: 3 }, () => PostgresStore.open({ url, rankers: 0 })),
    )
    await reference
    const unit = sampleUnit(unitId(1), now)
    await stores[0]?.insert(unit)
    expect(await stores[1]?.pendingCount()).toBe(1)
    for (const store of stores) await store.close()
    expect(await query(url, 'select version_num from alembic_version')).toEqual([
      { version_num: '0001' },
    ])
  }
})

it('does not migrate where it may not', async () => {
  const url = await database(referenceSchema)
  const told = await failure('migration_needed', PostgresStore.open({ url, migrate: false }))
  expect(told).toMatch(/changes and counts.*cq-store migrate/)
})
