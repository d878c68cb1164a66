import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createKnowledgeUnit,
  type KnowledgeUnit,
  SqliteStore,
  type SqliteStoreOptions,
} from '../../../src/index.ts'
import { internalOptions } from '../../../src/internals.ts'
import { migrations } from '../../../src/sqlite/migrations/index.ts'
import {
  contentOf,
  copyOf,
  databaseOf,
  type Fixture,
  faultsOf,
  footprintOf,
  migrateFile,
  newPath,
  onDatabase,
  otherProgram,
  type Row,
  referenceRows,
  referenceSchema,
} from './database-file.ts'

/** When the fixtures' keys were one active, one expired and one revoked. */
const now = () => new Date('2026-11-22T12:00:00Z')

const open = (path: string, options: Partial<SqliteStoreOptions> = {}) =>
  SqliteStore.open({ path, readers: 1, ...internalOptions({ now }), ...options })

async function openAndClose(path: string): Promise<void> {
  await (await open(path)).close()
}

function rowsBefore(fixture: Fixture): Record<string, Row[]> {
  return contentOf(copyOf(fixture)).rows
}

const stamp = [{ version_num: '0001' }]

describe('a file with nothing in it', () => {
  const starts: [name: string, path: () => string][] = [
    ['that does not exist', newPath],
    [
      'of no bytes',
      () => {
        const path = newPath()
        writeFileSync(path, '')
        return path
      },
    ],
    ['whose tables are gone', () => databaseOf('create table t (x)', 'drop table t')],
    [
      'in WAL mode',
      () => databaseOf('pragma journal_mode = wal', 'create table t (x)', 'drop table t'),
    ],
    [
      'with the stamp table alone, empty, as a server that died at its start leaves it',
      () =>
        databaseOf(`create table alembic_version (
          version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))`),
    ],
  ]

  it.each(starts)('%s: gets the schema of the reference server, and its stamp', (_, start) => {
    const path = start()
    migrateFile(path)
    expect(referenceSchema(path)).toEqual(referenceSchema(copyOf('current')))
    expect(referenceRows(path)).toEqual({
      alembic_version: stamp,
      api_keys: [],
      knowledge_unit_domains: [],
      knowledge_units: [],
      users: [],
    })
    expect(faultsOf(path)).toEqual([])
  })

  it('in a directory that does not exist: is made by a store, which takes units and accounts', async () => {
    const path = join(dirname(newPath()), 'a', 'b', 'cq.db')
    await using store = await open(path)
    await store.createUser('carol', 'hash')
    expect(await store.getUser('carol')).toMatchObject({ id: 1, username: 'carol' })
    await store.insert(
      createKnowledgeUnit({
        domains: ['sqlite'],
        insight: { summary: 'Summary', detail: 'Detail', action: 'Action' },
      }),
    )
    expect(await store.countsByStatus()).toEqual({ pending: 1 })
    expect(referenceSchema(path)).toEqual(referenceSchema(copyOf('current')))
  })
})

describe('a file from before there were stamps', () => {
  it('is stamped, its rows as they were', () => {
    const path = copyOf('unstamped')
    const before = rowsBefore('unstamped')
    migrateFile(path)
    expect(referenceSchema(path)).toEqual(referenceSchema(copyOf('current')))
    expect(referenceRows(path)).toEqual({
      alembic_version: stamp,
      api_keys: before.api_keys,
      knowledge_unit_domains: before.knowledge_unit_domains,
      knowledge_units: before.knowledge_units,
      users: before.users,
    })
    expect(faultsOf(path)).toEqual([])
  })

  it('is stamped in the empty table that an interrupted server left', () => {
    const path = copyOf('current', 'delete from alembic_version')
    migrateFile(path)
    expect(referenceRows(path)).toEqual(referenceRows(copyOf('current')))
  })

  it('keeps a created_at that differs from what its document says', () => {
    const path = copyOf('unstamped', "update knowledge_units set created_at = '2020-01-01'")
    migrateFile(path)
    const { knowledge_units } = referenceRows(path)
    expect(new Set(knowledge_units?.map(({ created_at }) => created_at))).toEqual(
      new Set(['2020-01-01']),
    )
  })
})

describe('a file of the first releases', () => {
  it('gets what was added since, and keeps its documents and domains', () => {
    const path = copyOf('first')
    const before = rowsBefore('first')
    // The same units, kept by a later release, which filled the column itself.
    const later = new Map(rowsBefore('legacy').knowledge_units?.map((row) => [row.id, row]))
    migrateFile(path)
    expect(referenceRows(path)).toEqual({
      alembic_version: stamp,
      api_keys: [],
      knowledge_unit_domains: before.knowledge_unit_domains,
      knowledge_units: before.knowledge_units?.map(({ id, data }) => ({
        id,
        data,
        status: 'pending',
        reviewed_by: null,
        reviewed_at: null,
        created_at: later.get(id ?? null)?.created_at,
        tier: 'private',
      })),
      users: [],
    })
    expect(faultsOf(path)).toEqual([])
  })

  it('has the schema of the reference server, but that its oldest key column may be null', () => {
    const path = copyOf('first')
    migrateFile(path)
    const expected = referenceSchema(copyOf('current'))
    const units = expected.knowledge_units
    expect(referenceSchema(path)).toEqual({
      ...expected,
      knowledge_units: {
        ...units,
        columns: units?.columns.map((column) =>
          column.name === 'id' ? { ...column, notnull: 0 } : column,
        ),
      },
    })
  })

  it('is reviewed and queried like any other', async () => {
    await using store = await open(copyOf('first'))
    const [oldest] = await store.pendingQueue({ limit: 1 })
    const id = oldest?.knowledge_unit.id ?? ''
    expect(oldest?.knowledge_unit.insight.summary).toMatch(/^A long read transaction/)
    expect(await store.query(['sqlite'])).toEqual([])
    await store.decide(id, 'approved', 'carol')
    expect(await store.query(['sqlite'])).toEqual([oldest?.knowledge_unit])
  })
})

describe('a file of the releases between', () => {
  const columns = ['status', 'reviewed_by', 'reviewed_at', 'created_at', 'tier']
  const subsets = Array.from({ length: 2 ** columns.length }, (_, bits) =>
    columns.filter((_, index) => bits & (1 << index)),
  )

  it.each([
    ['with accounts', []],
    ['without API keys', ['drop table api_keys']],
    ['without accounts', ['drop table api_keys', 'drop table users']],
  ])('%s: gets whichever columns it lacks, and keeps what it has', (_, statements) => {
    const before = rowsBefore('unstamped')
    const hasAccounts = statements.length === 0
    for (const lacking of subsets) {
      const drops = lacking.map((column) => `alter table knowledge_units drop column ${column}`)
      const path = copyOf('unstamped', ...statements, ...drops)
      migrateFile(path)
      const after = referenceRows(path)
      expect(after.alembic_version).toEqual(stamp)
      expect(after.api_keys).toEqual(hasAccounts ? before.api_keys : [])
      expect(after.knowledge_units, `without ${lacking.join(', ')}`).toEqual(
        before.knowledge_units?.map((row) => ({
          ...row,
          ...(lacking.includes('status') && { status: 'pending' }),
          ...(lacking.includes('reviewed_by') && { reviewed_by: null }),
          ...(lacking.includes('reviewed_at') && { reviewed_at: null }),
          ...(lacking.includes('tier') && { tier: 'private' }),
        })),
      )
      expect(sortedColumns(path)).toEqual(sortedColumns(copyOf('current')))
    }
  })

  function sortedColumns(path: string) {
    return Object.entries(referenceSchema(path)).map(([table, { columns, ...rest }]) => ({
      table,
      columns: columns.toSorted((a, b) => (String(a.name) < String(b.name) ? -1 : 1)),
      ...rest,
    }))
  }
})

describe('first_observed in a document from before there was created_at', () => {
  const readable: [firstObserved: string, createdAt: string][] = [
    ['2026-11-22T00:27:30.476797Z', '2026-11-22T00:27:30.476797+00:00'],
    ['2026-11-22T00:27:30.476797+00:00', '2026-11-22T00:27:30.476797+00:00'],
    ['2026-11-22T02:27:30.476797+02:00', '2026-11-22T00:27:30.476797+00:00'],
    ['2026-11-22T00:27:30Z', '2026-11-22T00:27:30.000000+00:00'],
    ['2026-11-22T00:27:30.5', '2026-11-22T00:27:30.500000+00:00'],
    ['2026-11-22 00:27:30', '2026-11-22T00:27:30.000000+00:00'],
    ['2026-11-22T00:27:30.476797123z', '2026-11-22T00:27:30.476797+00:00'],
  ]
  const odd = [
    '"yesterday"',
    '""',
    '"2026-02-30T00:00:00Z"',
    '"20261122T002730Z"',
    '1763771250',
    'null',
    'true',
    '{"at":"2026-11-22T00:27:30Z"}',
    '["2026-11-22T00:27:30Z"]',
  ]
  const documents = ['', 'no JSON', '{"evidence":', '{}', '[]', '7', '{"evidence":"2026-11-22"}']

  const withFirstObserved = (json: string) => `update knowledge_units set
    data = json_set(data, '$.evidence.first_observed', json('${json}')) where rowid = 1`

  const createdAt = (path: string) =>
    onDatabase(path, (db) =>
      db.prepare('select created_at from knowledge_units order by rowid').pluck().all(),
    ) as (string | null)[]

  it.each(readable)('%s is stored in the form of the column', (firstObserved, expected) => {
    const path = copyOf('first', withFirstObserved(`"${firstObserved}"`))
    migrateFile(path)
    expect(createdAt(path)[0]).toBe(expected)
  })

  it.each(odd)('%s is no time: that created_at stays null, the others are filled', (json) => {
    const path = copyOf('first', withFirstObserved(json))
    migrateFile(path)
    const [first, ...others] = createdAt(path)
    expect(first).toBeNull()
    expect(others).toHaveLength(9)
    expect(others).not.toContain(null)
  })

  it.each(documents)('a document that is %j keeps no file from opening', (document) => {
    const path = copyOf('first', `update knowledge_units set data = '${document}' where rowid = 1`)
    migrateFile(path)
    const [first, ...others] = createdAt(path)
    expect(first).toBeNull()
    expect(others).not.toContain(null)
  })

  it('that is no time lets the store serve the unit, and all others', async () => {
    await using store = await open(copyOf('first', withFirstObserved('"yesterday"')))
    const items = await store.pendingQueue()
    expect(items).toHaveLength(10)
    // What is no time would cost clients the whole answer.
    for (const { knowledge_unit } of items)
      expect(knowledge_unit.evidence.first_observed).toMatch(/^2026-11-22T/)
    expect(await store.recentActivity()).toHaveLength(10)
    expect(await store.dailyCounts()).toEqual([
      { date: '2026-11-22', proposed: 9, approved: 0, rejected: 0 },
    ])
  })
})

describe.each(['current', 'legacy'] as const)('a file of the %s release, stamped', (fixture) => {
  let store: SqliteStore
  beforeAll(async () => {
    store = await open(copyOf(fixture))
  })
  afterAll(() => store.close())

  it('keeps every row and its stamp', () => {
    const path = copyOf(fixture)
    const before = referenceRows(path)
    migrateFile(path)
    expect(referenceRows(path)).toEqual(before)
    expect(referenceRows(path).alembic_version).toEqual(stamp)
    expect(referenceSchema(path)).toEqual(referenceSchema(copyOf('current')))
    expect(faultsOf(path)).toEqual([])
  })

  it('is read exactly: units of every status', async () => {
    const rows = rowsBefore(fixture)
    expect(await store.countsByStatus()).toEqual({ approved: 7, pending: 2, rejected: 1 })
    expect(await store.count()).toBe(10)
    for (const row of rows.knowledge_units ?? []) {
      const unit = whole(String(row.data))
      const { id, status, reviewed_by, reviewed_at } = row
      expect(await store.getAny(String(id))).toEqual(unit)
      expect(await store.get(String(id))).toEqual(status === 'approved' ? unit : null)
      expect(await store.reviewItem(String(id))).toEqual({
        knowledge_unit: unit,
        status,
        reviewed_by,
        reviewed_at,
      })
    }
  })

  it('is read exactly: a unit that was flagged', async () => {
    const [unit] = await store.query(['locking'])
    expect(unit).toEqual({
      id: expect.stringMatching(/^ku_[0-9a-f]{32}$/),
      version: 1,
      domains: ['sqlite', 'locking'],
      insight: {
        summary:
          'A deferred transaction that turns to writing fails at once, whatever busy_timeout says',
        detail: 'Detail 1.',
        action: 'Action 1.',
      },
      context: { languages: ['typescript'], frameworks: ['better-sqlite3'], pattern: 'storage' },
      evidence: {
        confidence: 0.35,
        confirmations: 1,
        first_observed: expect.stringMatching(/^2026-11-22T00:27:3\d\.\d{6}Z$/),
        last_confirmed: unit?.evidence.first_observed,
      },
      tier: 'private',
      created_by: 'carol',
      superseded_by: null,
      extensions: null,
      flags: [
        {
          reason: 'stale',
          timestamp: expect.stringMatching(/^2026-11-22T00:27:3\d\.\d{6}Z$/),
          detail: null,
          duplicate_of: null,
        },
      ],
    })
  })

  it('is read exactly: confidence as the double that was stored', async () => {
    const [unit] = await store.query(['wal'])
    expect(unit?.evidence).toMatchObject({ confidence: 0.7999999999999999, confirmations: 4 })
  })

  it('is read exactly: what it counts', async () => {
    expect(await store.domainCounts()).toEqual({
      sqlite: 3,
      nodejs: 2,
      http: 1,
      json: 1,
      locking: 1,
      retries: 1,
      streams: 1,
      unicode: 1,
      wal: 1,
      'worker-threads': 1,
      ünïcode: 1,
    })
    expect(await store.countsByTier()).toEqual({ private: 7 })
    expect(await store.dailyCounts()).toEqual([
      { date: '2026-11-22', proposed: 10, approved: 7, rejected: 1 },
    ])
  })

  it('is read exactly: users and API keys', async () => {
    const { users = [], api_keys: keys = [] } = rowsBefore(fixture)
    for (const user of users) expect(await store.getUser(String(user.username))).toEqual(user)
    expect(users.map(({ username }) => username)).toEqual(['carol', 'dave'])

    const whole = keys.map(
      (row): Record<string, unknown> => ({ ...row, labels: JSON.parse(String(row.labels)) }),
    )
    const byName = new Map(whole.map((key) => [key.name, key]))
    const ids = ['agent', 'old', 'gone'].map((name) => String(byName.get(name)?.id))
    const [agent = '', old = '', gone = ''] = ids
    expect(await store.getActiveApiKeyById(agent)).toEqual({
      ...byName.get('agent'),
      labels: ['ci'],
      username: 'carol',
    })
    expect(await store.getActiveApiKeyById(old)).toBeNull()
    expect(await store.getActiveApiKeyById(gone)).toBeNull()
    expect(await store.countActiveApiKeysForUser(1)).toBe(1)
    const listed = await store.listApiKeysForUser(1)
    expect(listed.map(({ name }) => name)).toEqual(['gone', 'old', 'agent'])
    for (const { user_id, key_hash, ...key } of whole) {
      expect(listed).toContainEqual(key)
      expect(await store.getApiKeyForUser({ userId: 1, keyId: String(key.id) })).toEqual({
        ...key,
        user_id,
      })
      expect(key_hash).toMatch(/^[0-9a-f]{64}$/)
    }
  })
})

/** A stored document with the fields that releases left out. */
function whole(data: string): KnowledgeUnit {
  const absent = { created_by: null, superseded_by: null, extensions: null }
  const unit = JSON.parse(data) as KnowledgeUnit
  const flags = unit.flags.map((flag) => ({ ...{ detail: null, duplicate_of: null }, ...flag }))
  return { ...absent, ...unit, flags }
}

describe('a file that is none of ours is refused, and nothing in it or beside it changes', () => {
  const stampTable = 'create table alembic_version (version_num varchar(32) not null primary key)'
  const refused: [name: string, message: RegExp, path: () => string][] = [
    ['a newer revision', /'0002'.*knows only '0001'/, () => copyOf('newer')],
    ['a newer revision in WAL mode', /'0002'/, () => copyOf('newer', 'pragma journal_mode = wal')],
    [
      'a newer step of our own',
      /has steps of a newer cq-store \(0042 more tables\); nothing was changed/,
      () => {
        const path = copyOf('current')
        migrateFile(path)
        const note = "insert into cq_store_migrations values ('0042 more tables', '2031-01-01')"
        onDatabase(path, (db) => db.exec(note))
        return path
      },
    ],
    [
      'an older revision',
      /'0000'/,
      () => copyOf('current', "update alembic_version set version_num = '0000'"),
    ],
    [
      'two revisions, one of them known',
      /'0000'/,
      () => copyOf('current', "insert into alembic_version values ('0000')"),
    ],
    [
      'a revision of another program',
      /'9f3c'/,
      () => databaseOf(stampTable, "insert into alembic_version values ('9f3c')"),
    ],
    [
      'a null revision',
      /'null'/,
      () =>
        databaseOf(
          'create table alembic_version (version_num)',
          'insert into alembic_version values (null)',
        ),
    ],
    [
      'a stamp table of another shape',
      /lacks alembic_version\.version_num/,
      () => copyOf('unstamped', 'create table alembic_version (revision)'),
    ],
    [
      'a stamp without its tables',
      /lacks knowledge_units, /,
      () => databaseOf(stampTable, "insert into alembic_version values ('0001')"),
    ],
    [
      'a stamp without users',
      /stamped '0001' and lacks users;/,
      () => copyOf('current', 'drop table users'),
    ],
    [
      'a stamp without a column',
      /stamped '0001' and lacks knowledge_units\.tier;/,
      () => copyOf('current', 'alter table knowledge_units drop column tier'),
    ],
    [
      'no stamp and no domains',
      /lacks knowledge_unit_domains/,
      () => copyOf('first', 'drop table knowledge_unit_domains'),
    ],
    [
      'no stamp and API keys of another shape',
      /lacks api_keys\.revoked_at/,
      () => copyOf('unstamped', 'alter table api_keys drop column revoked_at'),
    ],
    [
      'another program',
      /another program's SQLite database \(it has songs and/,
      () => databaseOf('create table songs (title)'),
    ],
    [
      'another program in WAL mode',
      /another program's SQLite database/,
      () => databaseOf('pragma journal_mode = wal', 'create table songs (title)'),
    ],
    [
      'another program that has only a view',
      /it has now and/,
      () => databaseOf("create view now as select datetime('now')"),
    ],
    [
      "another program's stamp table, empty, and its tables",
      /it has alembic_version, songs and/,
      () => databaseOf(stampTable, 'create table songs (title)'),
    ],
    [
      'another program whose table has the name of ours',
      /lacks knowledge_units\.id, knowledge_units\.data/,
      () => databaseOf('create table knowledge_units (name, quantity)'),
    ],
  ]

  it.each(refused)('%s', (name, message, make) => {
    const path = make()
    const before = footprintOf(path)
    expect(() => migrateFile(path)).toThrow(
      expect.objectContaining({
        name: 'StoreError',
        code: name.startsWith('a newer') ? 'newer_schema' : 'corrupt',
        message: expect.stringMatching(message),
      }),
    )
    expect(footprintOf(path)).toEqual(before)
    expect(before.files).toEqual(['cq.db'])
  })

  it.each(['delete', 'wal'])('by a store, in journal mode %s', async (mode) => {
    const path = copyOf('newer', `pragma journal_mode = ${mode}`)
    const before = footprintOf(path)
    await expect(open(path)).rejects.toMatchObject({
      name: 'StoreError',
      code: 'newer_schema',
      message:
        "the database has schema revision '0002', and this version of cq-store knows only '0001'; " +
        'nothing was changed. Use the program that made it, or a newer cq-store',
    })
    expect(footprintOf(path)).toEqual(before)
  })

  it('while another connection is in the middle of a transaction', () => {
    const path = copyOf('newer', 'pragma journal_mode = wal')
    const other = otherProgram(path)
    other.exec('begin immediate; create table t (x)')
    expect(() => migrateFile(path)).toThrow(expect.objectContaining({ code: 'newer_schema' }))
    other.exec('commit')
    expect(contentOf(path).rows.t).toEqual([])
  })
})

describe('opening a second time', () => {
  it.each(['current', 'legacy', 'unstamped', 'first'] as const)(
    'changes nothing in a file that was %s',
    (fixture) => {
      const path = copyOf(fixture)
      migrateFile(path)
      const [content, footprint] = [contentOf(path), footprintOf(path)]
      migrateFile(path)
      expect(footprintOf(path)).toEqual(footprint)
      expect(contentOf(path)).toEqual(content)
    },
  )

  it('by a store changes nothing either', async () => {
    const path = copyOf('first')
    await openAndClose(path)
    const [content, footprint] = [contentOf(path), footprintOf(path)]
    await openAndClose(path)
    expect(footprintOf(path)).toEqual(footprint)
    expect(contentOf(path)).toEqual(content)
  })

  it('needs no write lock', async () => {
    const path = copyOf('current')
    migrateFile(path)
    const other = otherProgram(path)
    other.exec('begin immediate')
    await using store = await open(path, { busyTimeout: 0 })
    expect(await store.count()).toBe(10)
    other.exec('rollback')
  })

  it('takes up a file whose name is free again', () => {
    const path = newPath()
    migrateFile(path)
    rmSync(path)
    migrateFile(path)
    expect(referenceSchema(path)).toEqual(referenceSchema(copyOf('current')))
  })

  it('does the steps of our own once, and notes when', () => {
    const path = copyOf('current')
    migrateFile(path)
    const { cq_store_migrations: steps = [] } = contentOf(path).rows
    expect(steps.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name).sort())
    for (const { applied_at } of steps)
      expect(applied_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/)
  })
})
