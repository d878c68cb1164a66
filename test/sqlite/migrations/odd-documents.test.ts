import type Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DerivedTable } from '../../../src/sqlite/migrations/derived-table.ts'
import { derivedTables } from '../../../src/sqlite/migrations/index.ts'
import { copyOf, faultsOf, migrateFile, newPath, onDatabase, type Row } from './database-file.ts'

fc.configureGlobal({ seed: 20261122 })

/** Documents that no release wrote, and that a file may hold all the same. */
const evidence = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.record({
    confidence: fc.oneof(
      fc.constantFrom(0, 1, 0.5, -1, 1e300, '0.5', 'high', '', null, true, false),
      fc.constantFrom<unknown>({}, [], [0.5]),
    ),
  }),
)
const contextPart = fc.oneof(
  fc.constantFrom<unknown>('go', 7, null, {}, [], ['go', 'go', 7, null, ['go'], { go: 'go' }, '']),
  fc.constantFrom<unknown>({ 0: 'go' }, 'É', 'a\u0000É', '', { pattern: 'go' }),
  fc.array(fc.constantFrom('go', 'a\u0000É', 'É', ''), { maxLength: 5 }),
)
const context = fc.oneof(
  fc.constantFrom<unknown>('go', 7, null, [], ['go'], [{ languages: ['go'] }]),
  fc.record(
    { languages: contextPart, frameworks: contextPart, pattern: contextPart },
    { requiredKeys: [] },
  ),
)
const document = fc.oneof(
  fc.constantFrom('', 'no JSON', '{"evidence":', '{}', '[]', '7', 'null', '"text"', '{"a":1}{'),
  fc
    .record(
      {
        domains: fc.oneof(fc.constantFrom<unknown>('a', 7, null, {}, []), fc.array(fc.string())),
        evidence,
        context,
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
)
const id = fc.constantFrom('one', 'two', 'three')
const domain = fc.constantFrom('a', 'b', 'c', '')
const status = fc.constantFrom('pending', 'approved', 'approved', 'rejected', 'something else')
const time = fc.constantFrom(null, '', 'yesterday', '2026-11-22T00:00:00+00:00', '2026-11-22 00:00')

/** A statement that another program runs on the reference server's tables. */
type Write = readonly [sql: string, ...values: (string | null)[]]

const write: fc.Arbitrary<Write> = fc.oneof(
  fc.tuple(id, id).map(
    (values): Write => [
      `update or ignore knowledge_units set id = ? where id = ?
       and not exists (select 1 from knowledge_unit_domains where unit_id = knowledge_units.id)`,
      ...values,
    ],
  ),
  fc.record({ id, document, status, time }).map(
    (unit): Write => [
      `insert into knowledge_units (id, data, status, created_at, reviewed_at) values (?, ?, ?, ?, ?)
     on conflict do nothing`,
      unit.id,
      unit.document,
      unit.status,
      unit.time,
      unit.time,
    ],
  ),
  fc
    .tuple(document, id)
    .map((values): Write => ['update knowledge_units set data = ? where id = ?', ...values]),
  fc
    .tuple(status, time, id)
    .map(
      (values): Write => [
        'update knowledge_units set status = ?, reviewed_at = ? where id = ?',
        ...values,
      ],
    ),
  fc
    .tuple(time, id)
    .map((values): Write => ['update knowledge_units set created_at = ? where id = ?', ...values]),
  fc
    .tuple(fc.constantFrom('private', 'public', ''), id)
    .map((values): Write => ['update knowledge_units set tier = ? where id = ?', ...values]),
  id.map((value): Write => ['delete from knowledge_units where id = ?', value]),
  fc.tuple(domain, id).map(
    (values): Write => [
      `insert into knowledge_unit_domains (domain, unit_id)
       select ?, id from knowledge_units where id = ? on conflict do nothing`,
      ...values,
    ],
  ),
  fc
    .tuple(domain, domain)
    .map(
      (values): Write => [
        'update or ignore knowledge_unit_domains set domain = ? where domain = ?',
        ...values,
      ],
    ),
  fc
    .tuple(domain, id)
    .map(
      (values): Write => [
        'delete from knowledge_unit_domains where domain = ? and unit_id = ?',
        ...values,
      ],
    ),
)

function rowsOf(db: Sqlite.Database, { name, columns, holds }: DerivedTable): Row[] {
  return db
    .prepare<[], Row>(`select ${columns} from ${name} where ${holds} order by ${columns}`)
    .all()
}

/** What the table would hold if it were made now. */
function rowsAnew(db: Sqlite.Database, table: DerivedTable): Row[] {
  db.exec(`begin; delete from ${table.name}`)
  try {
    for (const sql of table.fill) db.exec(sql)
    return rowsOf(db, table)
  } finally {
    db.exec('rollback')
  }
}

describe('documents and times of whatever form', () => {
  it('are written by other programs as if there were no triggers, which stay true to them', () => {
    const path = newPath()
    migrateFile(path)
    onDatabase(path, (db) => {
      db.pragma('foreign_keys = ON')
      fc.assert(
        fc.property(fc.array(write, { minLength: 1, maxLength: 40 }), (writes) => {
          db.exec('delete from knowledge_units')
          for (const table of derivedTables) expect(rowsOf(db, table), table.name).toEqual([])
          for (const [sql, ...values] of writes) db.prepare(sql).run(...values)
          for (const table of derivedTables)
            expect(rowsOf(db, table), table.name).toEqual(rowsAnew(db, table))
        }),
        { numRuns: 300 },
      )
    })
    expect(faultsOf(path)).toEqual([])
  })

  it('are migrated, approved ones too', () => {
    const documents = fc.sample(document, { numRuns: 300, seed: 20261122 })
    const path = copyOf('unstamped')
    onDatabase(path, (db) => {
      const insertUnit = db.prepare(
        "insert into knowledge_units (id, data, status) values (?, ?, 'approved')",
      )
      const insertDomain = db.prepare("insert into knowledge_unit_domains values (?, 'odd')")
      db.transaction(() => {
        for (const [index, data] of documents.entries()) {
          insertUnit.run(`odd ${index}`, data)
          insertDomain.run(`odd ${index}`)
        }
      })()
    })
    migrateFile(path)
    onDatabase(path, (db) => {
      for (const table of derivedTables)
        expect(rowsOf(db, table), table.name).toEqual(rowsAnew(db, table))
      db.exec("delete from knowledge_units where id like 'odd %'")
      for (const table of derivedTables)
        expect(rowsOf(db, table), table.name).toEqual(rowsAnew(db, table))
    })
    expect(faultsOf(path)).toEqual([])
  })
})
