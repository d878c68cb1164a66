import Sqlite from 'better-sqlite3'
import type { StoredUnit } from '../../knowledge/document.ts'
import type { Connection } from '../../offload/connection.ts'
import { integrityFaults } from '../../offload/integrity.ts'
import {
  type Check,
  type Finding,
  mendedDocument,
  mostExamples,
  type Rebuilt,
  UnitFaults,
  type UnitRow,
} from '../../operations/unit-faults.ts'
import { driverFailure } from '../driver-failure.ts'
import type { DerivedTable } from '../migrations/derived-table.ts'
import { derivedTables, migrations } from '../migrations/index.ts'
import { completeReferenceSchema, missingWhereStamped } from '../migrations/reference-schema.ts'
import { databaseOf } from '../migrator.ts'
import { planOf } from './migration-plan.ts'

/**
 * What is wrong with a database; nothing is changed. Others may write meanwhile: each part is checked by one
 * statement, and so as of one moment, and no snapshot outlives it.
 * @throws {StoreError} if the file is not cq's
 */
export function check(connection: Connection): Finding[] {
  const { sqlite } = connection
  const plan = planOf(connection)
  const findings: Finding[] = []
  const look = (name: Check, find: () => Iterable<string>) => {
    try {
      for (const message of find()) findings.push({ check: name, message })
    } catch (error) {
      // A damaged file fails wherever it is read; the other parts may still say something.
      if (!(error instanceof Sqlite.SqliteError)) throw error
      findings.push({ check: name, message: driverFailure(error).message })
    }
  }
  look('integrity', () => integrityFaults(sqlite, 'integrity_check', mostExamples))
  look('foreign keys', () => findStrayRows(sqlite))
  // What a pending step will add is not missing.
  const pending = plan.steps.filter(({ applied }) => !applied)
  look('schema', () =>
    pending.length === 0
      ? findSchemaFaults(sqlite)
      : pending.map(({ name }) => `the step '${name}' is pending: cq-store migrate takes it`),
  )
  for (const table of pending.length === 0 ? derivedTables : [])
    if (hasTable(sqlite, table.name)) look('derived tables', () => findDrift(sqlite, table))
  const units = new UnitFaults()
  look('documents', () => {
    if (hasColumn(sqlite, 'knowledge_units', 'created_at'))
      for (const row of sqlite.prepare<[], UnitRow>(selectUnits).iterate()) units.find(row)
    return units.documents
  })
  look('domains', () => units.domains)
  return findings
}

/**
 * Removes from documents what agents are not shown, see `withSoundReferences`, and rebuilds every derived table,
 * in one transaction. Tables of an earlier version are left alone.
 */
export function rebuild(connection: Connection): Rebuilt {
  const { sqlite } = connection
  return connection.transactions.runBulk(() => {
    const documents = mendDocuments(sqlite)
    const isNewest = planOf(connection).steps.every(({ applied }) => applied)
    const rebuilt = derivedTables.filter(({ name }) => isNewest && hasTable(sqlite, name))
    for (const { fill } of rebuilt) for (const sql of fill) sqlite.prepare(sql).run()
    return { tables: rebuilt.map(({ name }) => name), documents }
  })
}

function mendDocuments(sqlite: Sqlite.Database): string[] {
  if (!hasColumn(sqlite, 'knowledge_units', 'created_at')) return []
  const units = sqlite.prepare<[], StoredUnit>('SELECT id, data, created_at FROM knowledge_units')
  const mended: { readonly id: string; readonly data: string }[] = []
  for (const stored of units.iterate()) {
    const data = mendedDocument(stored)
    if (data !== undefined) mended.push({ id: stored.id, data })
  }
  const update = sqlite.prepare('UPDATE knowledge_units SET data = ? WHERE id = ?')
  for (const { id, data } of mended) update.run(data, id)
  return mended.map(({ id }) => id)
}

function findStrayRows(sqlite: Sqlite.Database): string[] {
  const rows = sqlite.pragma('foreign_key_check') as { table: string; parent: string }[]
  const counts = new Map<string, number>()
  for (const { table, parent } of rows) {
    const kind = `of ${table} belong to no row of ${parent}`
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].map(([kind, count]) => `${count} rows ${kind}`)
}

interface SchemaObject {
  readonly type: string
  readonly name: string
  readonly sql: string | null
}

const selectSchema = 'SELECT type, name, sql FROM sqlite_schema'

function findSchemaFaults(sqlite: Sqlite.Database): string[] {
  const there = new Map(schemaOf(sqlite).map((object) => [object.name, object]))
  const faults = missingWhereStamped(databaseOf(sqlite)).map((name) => `${name} is missing`)
  for (const { type, name, sql } of newestSchema()) {
    const found = there.get(name)
    // What the reference server created may be spelled differently.
    const isOurs = name.includes('cq_store_')
    if (!found) {
      if (isOurs || type !== 'table') faults.push(`the ${type} ${name} is missing`)
    } else if (isOurs && plain(found.sql) !== plain(sql))
      faults.push(`the ${type} ${name} is another one than this version's`)
  }
  return faults
}

function schemaOf(sqlite: Sqlite.Database): SchemaObject[] {
  return sqlite.prepare<[], SchemaObject>(`${selectSchema} WHERE sql IS NOT NULL`).all()
}

/** The schema of a new file after every step. */
function newestSchema(): SchemaObject[] {
  const sqlite = new Sqlite(':memory:')
  try {
    const database = databaseOf(sqlite)
    completeReferenceSchema(database)
    for (const { up } of migrations) up(database)
    return schemaOf(sqlite)
  } finally {
    sqlite.close()
  }
}

function plain(sql: string | null): string {
  return (sql ?? '').replaceAll(/\s+/g, ' ')
}

function hasTable(sqlite: Sqlite.Database, name: string): boolean {
  return (
    sqlite.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !==
    undefined
  )
}

function hasColumn(sqlite: Sqlite.Database, table: string, column: string): boolean {
  return (
    sqlite.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?').get(table, column) !==
    undefined
  )
}

function* findDrift(sqlite: Sqlite.Database, table: DerivedTable): Iterable<string> {
  const columns = table.columns.join(', ')
  const actual = `SELECT ${columns} FROM ${table.name} WHERE ${table.holds}`
  const expected = `SELECT ${columns} FROM (${table.definition})`
  for (const [minuend, subtrahend, words] of [
    [expected, actual, 'lacks'],
    [actual, expected, 'should not have'],
  ]) {
    const rows = sqlite
      .prepare<[], Record<string, unknown>>(`${minuend} EXCEPT ${subtrahend}`)
      .all()
    for (const row of rows.slice(0, mostExamples))
      yield `${table.name} ${words} ${JSON.stringify(row)}`
    if (rows.length > mostExamples)
      yield `${table.name} ${words} ${rows.length - mostExamples} more rows`
  }
}

const selectUnits = `SELECT id, data, tier, status, created_at, reviewed_at,
    (SELECT json_group_array(CASE typeof(domain) WHEN 'text' THEN domain ELSE quote(domain) END)
      FROM knowledge_unit_domains WHERE unit_id = id) AS domains
  FROM knowledge_units`
