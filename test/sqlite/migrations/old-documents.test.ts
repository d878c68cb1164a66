import { describe, expect, it } from 'vitest'
import { SqliteStore } from '../../../src/index.ts'
import { check } from '../../../src/sqlite/direct/check.ts'
import { migrations } from '../../../src/sqlite/migrations/index.ts'
import { runCommand } from '../../cli/command.ts'
import {
  contentOf,
  copyOf,
  databaseOf,
  faultsOf,
  footprintOf,
  migrateFile,
  onDatabase,
  type Row,
  referenceRows,
  writer,
} from './database-file.ts'
import { insertOldUnits, type OldUnit, oldDocument, oldFile } from './old-documents.ts'
import { withSemanticSearch } from './semantic-search.ts'

const dashed = (digit: string) =>
  `ku_${[8, 4, 4, 4, 12].map((count) => digit.repeat(count)).join('-')}`
const plain = (digit: string) => `ku_${digit.repeat(32)}`

const units: readonly OldUnit[] = [
  {
    id: dashed('a'),
    status: 'approved',
    domains: ['sqlite', 'wal'],
    document: {
      tier: 'TIER_PUBLIC',
      superseded_by: dashed('b'),
      note: { 'kept as it is': [1, '"domain"'] },
      flags: [
        { reason: 'FLAG_REASON_STALE', timestamp: '2026-03-30T12:00:00Z', by: 'dave' },
        { reason: 'FLAG_REASON_INCORRECT', timestamp: '2026-03-30T12:00:00Z' },
        {
          reason: 'FLAG_REASON_DUPLICATE',
          timestamp: '2026-03-30T12:00:00Z',
          duplicate_of: dashed('c'),
        },
      ],
    },
  },
  { id: dashed('b'), status: 'approved', document: { tier: 'team' } },
  { id: dashed('c'), status: 'pending', document: { tier: 'global' } },
  { id: dashed('d'), status: 'rejected', document: { tier: 'TIER_LOCAL', domain: 'sqlite' } },
  // Of a server that gave ids without dashes, and of one that knew both names.
  { id: plain('e'), status: 'approved' },
  { id: plain('f'), status: 'approved', document: { domains: ['sqlite'], domain: ['gone'] } },
]

const documentsOf = (path: string) =>
  new Map(
    referenceRows(path).knowledge_units?.map(({ id, data }) => [id, JSON.parse(String(data))]),
  )

function referenceRowsOf(path: string): { units: Row[]; domains: Row[] } {
  const { knowledge_units: units = [], knowledge_unit_domains: domains = [] } = contentOf(path).rows
  return { units, domains }
}

function findingsOf(path: string): string[] {
  const connection = writer(path)
  const findings = check(connection)
  connection.sqlite.close()
  return findings.map(({ message }) => message)
}

/** A file that an earlier version of ours completed while it took documents of cq 0.x as they are. */
function completedFile(rows: readonly OldUnit[]): string {
  const path = copyOf('current')
  onDatabase(path, (db) =>
    db.exec('delete from knowledge_units; delete from knowledge_unit_domains'),
  )
  migrateFile(path)
  onDatabase(path, (db) =>
    db.prepare('delete from cq_store_migrations where name = ?').run(migrations[0]?.name),
  )
  insertOldUnits(path, rows)
  return path
}

const starts: [name: string, make: (rows: readonly OldUnit[]) => string][] = [
  ['a file of cq 0.x', (rows) => oldFile(rows)],
  ['a file that an earlier version completed', completedFile],
]

describe.each(starts)('%s', (_, make) => {
  it('gets documents of today: names, ids, and what refers to them', () => {
    const path = make(units)
    migrateFile(path)
    const documents = documentsOf(path)
    expect([...documents.keys()].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map(plain))
    const [first] = units
    const { domain, ...others } = oldDocument(first as OldUnit) as Record<string, unknown>
    expect(documents.get(plain('a'))).toEqual({
      ...others,
      id: plain('a'),
      domains: domain,
      tier: 'public',
      superseded_by: plain('b'),
      flags: [
        { reason: 'stale', timestamp: '2026-03-30T12:00:00Z', by: 'dave' },
        { reason: 'incorrect', timestamp: '2026-03-30T12:00:00Z' },
        { reason: 'duplicate', timestamp: '2026-03-30T12:00:00Z', duplicate_of: plain('c') },
      ],
    })
    expect([...documents.values()].map(({ tier }) => tier).sort()).toEqual([
      'local',
      'private',
      'private',
      'private',
      'public',
      'public',
    ])
    expect(documents.get(plain('d')).domains).toEqual(['sqlite'])
    expect(documents.get(plain('f'))).toMatchObject({ domains: ['sqlite'] })
    for (const document of documents.values()) expect(document).not.toHaveProperty('domain')
    expect(faultsOf(path)).toEqual([])
    expect(findingsOf(path)).toEqual([])
  })

  it('keeps when and by whom units were reviewed, and by which domains they are found', () => {
    const path = make(units)
    const reviewOf = (row: Row) => [
      String(row.id).replaceAll('-', ''),
      row.status,
      row.reviewed_by,
      row.reviewed_at,
      row.created_at,
    ]
    const domainOf = (row: Row) => `${String(row.unit_id).replaceAll('-', '')} ${row.domain}`
    const before = referenceRowsOf(path)
    migrateFile(path)
    const after = referenceRowsOf(path)
    expect(after.units.map(reviewOf).sort()).toEqual(before.units.map(reviewOf).sort())
    expect(after.domains.map(domainOf).sort()).toEqual(before.domains.map(domainOf).sort())
  })

  it('is queried, confirmed, flagged and reviewed', async () => {
    await using store = await SqliteStore.open({ path: make(units), readers: 1 })
    const found = await store.query(['sqlite'], { limit: 10 })
    expect(found.map(({ id }) => id).sort()).toEqual(['a', 'b', 'e', 'f'].map(plain))
    expect((await store.query(['wal'])).map(({ id }) => id)).toEqual([plain('a')])
    expect((await store.confirm(plain('a'))).evidence.confirmations).toBe(3)
    expect((await store.flag(plain('b'), { reason: 'stale' })).flags).toHaveLength(1)
    expect((await store.pendingQueue()).map(({ knowledge_unit }) => knowledge_unit.id)).toEqual([
      plain('c'),
    ])
    await store.decide(plain('c'), 'approved', 'erin')
    expect(await store.domainCounts()).toEqual({ sqlite: 5, wal: 1 })
    expect(await store.countsByTier()).toEqual({ private: 3, public: 2 })
  })

  it('is converted once, and not touched again', () => {
    const path = make(units)
    migrateFile(path)
    const footprint = footprintOf(path)
    migrateFile(path)
    expect(footprintOf(path)).toEqual(footprint)
  })

  it('keeps both of two units that would have the same id, and what refers to either', () => {
    const path = make([
      { id: dashed('a'), status: 'approved' },
      { id: plain('a'), status: 'approved' },
      // Upper and lower case are one id today, too.
      { id: dashed('B'), status: 'approved' },
      { id: dashed('b'), status: 'approved' },
      { id: plain('c'), status: 'pending', document: { superseded_by: dashed('a') } },
      { id: plain('d'), status: 'pending', document: { superseded_by: plain('a') } },
    ])
    migrateFile(path)
    const documents = documentsOf(path)
    expect(documents.size).toBe(6)
    const summaryAt = (id: string) => documents.get(id).insight.summary
    expect(summaryAt(plain('a'))).toBe(`Summary of ${plain('a')}`)
    expect(summaryAt(documents.get(plain('c')).superseded_by)).toBe(`Summary of ${dashed('a')}`)
    expect(summaryAt(documents.get(plain('d')).superseded_by)).toBe(`Summary of ${plain('a')}`)
    for (const [id, document] of documents) {
      expect(id).toMatch(/^ku_[0-9a-f]{32}$/)
      expect(document.id).toBe(id)
    }
    expect(findingsOf(path)).toEqual([])
  })

  it('is converted when it has more units than are held at once, and columns of another program', () => {
    const path = make([])
    onDatabase(path, (db) => db.exec('alter table knowledge_units add column "their own" text'))
    const many = Array.from({ length: 1_203 }, (_, number) => {
      const hex = number.toString(16).padStart(12, '0')
      return { id: `ku_00000000-0000-4000-8000-${hex}`, status: 'approved' }
    })
    insertOldUnits(path, many)
    onDatabase(path, (db) => db.exec('update knowledge_units set "their own" = id'))
    migrateFile(path)
    const rows = referenceRows(path).knowledge_units ?? []
    expect(rows).toHaveLength(many.length)
    for (const row of rows)
      expect(row.id).toBe(`ku_${String(row['their own']).slice(3).replaceAll('-', '')}`)
    expect(findingsOf(path)).toEqual([])
  })

  it('keeps what is no document, and ids that are of no format', () => {
    const path = make([{ id: 'ku_not-a-uuid' }])
    onDatabase(path, (db) =>
      db
        .prepare('insert into knowledge_units (id, data) values (?, ?)')
        .run(dashed('a'), 'no "domain"'),
    )
    migrateFile(path)
    expect(
      referenceRows(path).knowledge_units?.map(({ id, data }) => [id, String(data).slice(0, 11)]),
    ).toEqual([
      [plain('a'), 'no "domain"'],
      ['ku_not-a-uuid', '{"id":"ku_n'],
    ])
  })

  it('takes the vectors of semantic search along', () => {
    const path = withSemanticSearch(make(units), 'units')
    migrateFile(path)
    const ids = onDatabase(path, (db) =>
      db.prepare('select id from knowledge_units_vec order by id').pluck().all(),
    )
    expect(ids).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map(plain))
  })
})

it('numbers that JavaScript would change stay as they are', async () => {
  const path = oldFile([{ id: dashed('a'), status: 'approved' }])
  onDatabase(path, (db) =>
    db.exec(`update knowledge_units set
      data = substr(data, 1, length(data) - 1) || ',"extensions":{"a:b":[9007199254740993,1e400]}}'`),
  )
  migrateFile(path)
  const [row] = referenceRows(path).knowledge_units ?? []
  expect(row?.data).toContain('"extensions":{"a:b":[9007199254740993,1e400]}')
})

it('rows that it can make nothing of stay as they are, and keep no file from being opened', () => {
  const path = oldFile([{ id: dashed('a'), status: 'approved' }])
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const odd: [id: string, data: string][] = [
    ["cast('ku_1-2' as blob)", '{"domain":["team"]}'],
    ["'ku_a'", '{"domain":"team","tier":{"toString":1,"valueOf":1}}'],
    ["'ku_b'", '{"domain":"team","id":{"toString":1}}'],
    ["'ku_c'", `{"domain":["team"],"extensions":${deep}}`],
    ["'ku_d'", '{"domain":["a"],"tier":"constructor"}'],
  ]
  onDatabase(path, (db) => {
    for (const [id, data] of odd)
      db.exec(`insert into knowledge_units (id, data) values (${id}, '${data}')`)
  })
  migrateFile(path)
  const { knowledge_units: rows = [] } = referenceRows(path)
  expect(rows.map(({ id }) => String(id))).toContain(plain('a'))
  expect(rows).toHaveLength(odd.length + 1)
  expect(rows.find(({ id }) => id === 'ku_c')?.data).toBe(odd[3]?.[1])
  expect(rows.find(({ id }) => id === 'ku_d')?.data).toContain('"tier":"constructor"')
})

describe('migrate', () => {
  const run = (path: string, ...args: string[]) =>
    runCommand({ args: ['migrate', '--db-path', path, ...args] })

  it('says how many units of cq 0.x it would convert, and has converted', async () => {
    const path = oldFile([...units, ...units.map(({ id }) => ({ id: id.replace(/.$/, '0') }))])
    const before = footprintOf(path)
    expect((await run(path, '--dry-run')).stdout).toContain('would convert 12 units of cq 0.x\n')
    expect(footprintOf(path)).toEqual(before)
    expect(JSON.parse((await run(path, '--json')).stdout)).toMatchObject({ old_units: 12 })
    expect((await run(path)).stdout).not.toContain('convert')
  })

  it('converts files of the first releases, which know no review', async () => {
    const path = oldFile(units, { hasReview: false })
    expect((await run(path, '--dry-run')).stdout).toContain('would convert 6 units')
    expect((await run(path)).stdout).toContain('converted 6 units of cq 0.x\n')
    const { knowledge_units: rows = [] } = referenceRows(path)
    expect(rows.map(({ id, status, tier, created_at }) => [id, status, tier, created_at])).toEqual(
      [
        [plain('a'), 'pending', 'public'],
        [plain('b'), 'pending', 'private'],
        [plain('c'), 'pending', 'public'],
        [plain('d'), 'pending', 'local'],
        [plain('e'), 'pending', 'private'],
        [plain('f'), 'pending', 'private'],
      ].map((row) => [...row, '2026-01-02T03:04:05.000006+00:00']),
    )
    expect(findingsOf(path)).toEqual([])
  })

  it("leaves rows of today's format as they are, whatever they say", () => {
    const today = JSON.stringify({
      ...oldDocument({ id: plain('a') }),
      domain: undefined,
      domains: ['domain', 'team', 'global'],
      tier: 'private',
      insight: { summary: '"domain" TIER_LOCAL', detail: dashed('b'), action: 'FLAG_REASON_STALE' },
    }).replaceAll(',', ' ,')
    const path = copyOf('current')
    onDatabase(path, (db) =>
      db.prepare('insert into knowledge_units (id, data) values (?, ?)').run(plain('a'), today),
    )
    const before = referenceRows(path)
    migrateFile(path)
    expect(referenceRows(path)).toEqual(before)
  })

  const local: [name: string, statements: string[]][] = [
    [
      'full texts',
      [
        'create table knowledge_units (id text primary key, data text not null)',
        'create table knowledge_unit_domains (unit_id text not null, domain text not null)',
        'create virtual table knowledge_units_fts using fts5(id unindexed, summary, detail, action)',
      ],
    ],
    [
      'binary documents',
      [
        'create table knowledge_units (rowid integer primary key, id text unique, data JSONB not null)',
        'create table knowledge_unit_domains (unit_id text not null, domain text not null)',
      ],
    ],
  ]
  it.each(local)("refuses an SDK's local store with %s, and says what to do", async (_, make) => {
    const path = databaseOf(...make)
    insertLocal(path)
    const before = footprintOf(path)
    const { code, stderr } = await run(path)
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /local store of a cq SDK.*nothing was changed.*have the SDK use that server/,
    )
    expect(footprintOf(path)).toEqual(before)
  })
})

function insertLocal(path: string): void {
  onDatabase(path, (db) =>
    db
      .prepare('insert into knowledge_units (id, data) values (?, ?)')
      .run(dashed('a'), JSON.stringify(oldDocument({ id: dashed('a') }))),
  )
}

describe('a conversion that fails', () => {
  it('leaves the file as it was', () => {
    const path = oldFile(units)
    onDatabase(path, (db) =>
      db.exec(`create trigger refusing before insert on knowledge_units when new.id = '${plain('d')}'
        begin select raise(abort, 'no'); end`),
    )
    const before: { schema: Row[]; rows: Record<string, Row[]> } = contentOf(path)
    expect(() => migrateFile(path)).toThrow('no')
    expect(contentOf(path)).toEqual(before)
  })
})
