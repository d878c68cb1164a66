import { describe, expect, test } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import {
  copyOf,
  earlierFile,
  footprintOf,
  migrateFile,
  newPath,
  onDatabase,
} from '../sqlite/migrations/database-file.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { runCommand } from './command.ts'

interface Report {
  readonly ok: boolean
  readonly rebuilt: string[]
  readonly mended: string[]
  readonly findings: { readonly check: string; readonly message: string }[]
}

async function check(path: string, ...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await runCommand({
    args: ['check', '--json', '--db-path', path, ...args],
  })
  const report = JSON.parse(stdout) as Report
  expect(code).toBe(report.findings.length === 0 ? 0 : 1)
  expect(stderr === '').toBe(report.ok)
  return report
}

/** A migrated copy of a fixture, then changed by these statements. */
function spoiled(...statements: string[]): string {
  const path = copyOf('current')
  migrateFile(path)
  onDatabase(path, (db) => {
    db.pragma('foreign_keys = off')
    db.unsafeMode()
    db.pragma('writable_schema = on')
    for (const statement of statements) expect(db.prepare(statement).run()).toBeDefined()
  })
  return path
}

const anyUnit = "(select min(id) from knowledge_units where status = 'approved')"

describe('check', () => {
  test.each(['current', 'legacy', 'first'] as const)(
    'finds nothing wrong with the reference file %s once it is migrated, and changes nothing',
    async (fixture) => {
      const path = copyOf(fixture)
      expect((await check(path)).findings.map(({ message }) => message)).toContainEqual(
        expect.stringContaining('pending: cq-store migrate takes it'),
      )
      migrateFile(path)
      const before = footprintOf(path)
      expect(await check(path)).toMatchObject({ ok: true, findings: [] })
      expect(footprintOf(path)).toEqual(before)
    },
  )

  test('leaves the tables of an earlier version as they are, and says that steps are pending', async () => {
    const path = earlierFile(7)
    const counts = () =>
      onDatabase(path, (db) =>
        db.prepare('select * from cq_store_counts order by kind, name').all(),
      )
    const before = counts()
    const { findings, rebuilt } = await check(path, '--rebuild')
    expect(rebuilt).toEqual([])
    const pending = expect.stringContaining('is pending: cq-store migrate takes it')
    expect(findings.map(({ message }) => message)).toEqual(Array(5).fill(pending))
    expect(counts()).toEqual(before)
  })

  test('finds nothing wrong while a store writes', async () => {
    const path = newPath()
    await using store = await SqliteStore.open({ path, readers: 1 })
    let number = 0
    let isDone = false
    const writing = (async () => {
      while (!isDone) {
        const id = unitId(number++)
        await store.insert(sampleUnit(id, new Date()))
        await store.decide(id, 'approved', 'carol')
      }
    })()
    const reports = [await check(path), await check(path, '--rebuild')]
    isDone = true
    await writing
    expect(reports.map(({ findings }) => findings)).toEqual([[], []])
    expect(reports[1]?.rebuilt).toEqual(['cq_store_counts', 'cq_store_texts'])
  })

  test.each([
    [
      'lost counts',
      'delete from cq_store_counts',
      /cq_store_counts lacks \{"kind":"status","name":"approved"/,
    ],
    [
      'a wrong count',
      "update cq_store_counts set count = count + 1 where kind = 'status'",
      /cq_store_counts should not have \{"kind":"status"/,
    ],
    [
      'a negative count',
      "insert into cq_store_counts values ('proposed', '2026-01-01', -1)",
      /cq_store_counts should not have .*2026-01-01/,
    ],
  ])('finds %s, and --rebuild mends it', async (_name, statement, message) => {
    const path = spoiled(statement)
    const { findings } = await check(path)
    expect(findings.map((finding) => finding.check)).toContain('derived tables')
    expect(findings.map((finding) => finding.message).join('\n')).toMatch(message)
    expect(await check(path, '--rebuild')).toMatchObject({ ok: true, findings: [] })
    expect((await check(path)).findings).toEqual([])
  })

  const references = `json_set(data, '$.superseded_by', 'nobody', '$.flags', json('[
    {"reason":"duplicate","timestamp":"2026-11-22T00:00:00Z"},
    {"reason":"stale","timestamp":"2026-11-22T00:00:00Z","detail":"kept"}]'))`

  test('finds references that name no unit, and --rebuild takes them out', async () => {
    const path = spoiled(`update knowledge_units set data = ${references} where id = ${anyUnit}`)
    const { findings, mended } = await check(path)
    expect(mended).toEqual([])
    expect(findings).toEqual([
      {
        check: 'documents',
        message: expect.stringMatching(/^ku_\w+ has a duplicate flag.*--rebuild removes it$/),
      },
    ])
    const rebuilt = await check(path, '--rebuild')
    expect(rebuilt).toMatchObject({ ok: true, findings: [], mended: [expect.any(String)] })
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.get(rebuilt.mended[0] ?? '')).toMatchObject({
      superseded_by: null,
      flags: [{ reason: 'stale', detail: 'kept', duplicate_of: null }],
    })
  })

  test('names every document that is left out of answers, and goes on', async () => {
    const documents = ['', 'null', '[]', '7', '{"id":"x"}', '{"flags":{}}', '{"domains":["odd"]}']
    const path = spoiled(
      ...documents.map(
        (document, number) =>
          `insert into knowledge_units (id, data, created_at) values ('odd ${number}', '${document}', '2026-11-22T00:00:00+00:00')`,
      ),
      // Not text at all.
      "insert into knowledge_units (id, data, created_at) values ('odd 7', x'00ff', '2026-11-22T00:00:00+00:00')",
    )
    const { findings } = await check(path)
    const messages = findings.map(({ message }) => message)
    expect(messages).toHaveLength(8)
    for (let number = 0; number < 8; number++)
      expect(messages.filter((message) => message.includes(`of "odd ${number}" `))).toEqual([
        expect.stringMatching(/is left out of answers$/),
      ])
    const { findings: still } = await check(path, '--rebuild')
    expect(still).toHaveLength(8)
  })

  test('names domains that are no text, and goes on with the documents', async () => {
    const path = spoiled(
      `insert into knowledge_unit_domains values (${anyUnit}, x'6f6464')`,
      `update knowledge_units set data = '' where id = ${anyUnit}`,
      `insert into knowledge_unit_domains select max(id), x'6f6464' from knowledge_units`,
    )
    const messages = (await check(path)).findings.map(({ message }) => message).join('\n')
    expect(messages).toContain("X'6F6464'")
    expect(messages).toContain('is left out of answers')
  })

  test('takes a count of 0 for none', async () => {
    const path = spoiled("insert into cq_store_counts values ('status', 'gone', 0)")
    expect((await check(path)).findings).toEqual([])
  })

  test.each([
    ['schema', 'drop trigger cq_store_count_added', /trigger cq_store_count_added is/],
    ['schema', 'drop index idx_domains_domain', /index idx_domains_domain is missing/],
    [
      'schema',
      "update sqlite_schema set sql = replace(sql, '+ 1', '+ 2') where name = 'cq_store_count_added'",
      /trigger cq_store_count_added is another one/,
    ],
    [
      'foreign keys',
      "insert into knowledge_unit_domains values ('ku_gone', 'a')",
      /1 rows of knowledge_unit_domains belong to no row of knowledge_units/,
    ],
    [
      'documents',
      `update knowledge_units set data = 'no json' where id = ${anyUnit}`,
      /is not JSON/,
    ],
    [
      'documents',
      `update knowledge_units set data = json_set(data, '$.evidence.confidence', 7) where id = ${anyUnit}`,
      /has 7 as its confidence, and is left out of answers/,
    ],
    ['documents', `update knowledge_units set tier = 'odd' where id = ${anyUnit}`, /tier odd/],
    [
      'documents',
      `update knowledge_units set status = 'odd' where id = ${anyUnit}`,
      /status "odd"/,
    ],
    [
      'domains',
      `insert into knowledge_unit_domains values (${anyUnit}, 'more')`,
      /found by \[.*"more".*\], and its document names/,
    ],
  ])('finds what is wrong with %s after: %s', async (name, statement, message) => {
    const path = spoiled(statement)
    const { findings } = await check(path)
    expect(findings.map((finding) => finding.check)).toContain(name)
    expect(findings.map((finding) => finding.message).join('\n')).toMatch(message)
  })

  test('finds damage that SQLite sees, and rebuilds nothing on top of it', async () => {
    const path = spoiled(
      "update sqlite_schema set rootpage = (select rootpage from sqlite_schema where name = 'idx_domains_domain') where name = 'idx_cq_store_created'",
    )
    const { findings, rebuilt } = await check(path, '--rebuild')
    expect(findings.map((finding) => finding.check)).toContain('integrity')
    expect(rebuilt).toEqual([])
  })

  test('tells people what is wrong, part by part', async () => {
    const path = spoiled('delete from cq_store_counts')
    const { code, stdout, stderr } = await runCommand({ args: ['check', '--db-path', path] })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^.*\nintegrity {7}ok\nforeign keys {4}ok\n/)
    expect(stdout).toMatch(/derived tables {2}WRONG\n {2}cq_store_counts lacks/)
    expect(stderr).toMatch(/^cq-store: there are \d+ things wrong with /)
  })

  test('makes no database', async () => {
    const { code, stderr } = await runCommand({ args: ['check', '--db-path', newPath()] })
    expect(code).toBe(1)
    expect(stderr).toContain('no database at')
  })
})
