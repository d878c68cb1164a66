import { isDeepStrictEqual } from 'node:util'
import Sqlite from 'better-sqlite3'
import { StoreError } from '../../errors.ts'
import {
  readUnit,
  type StoredUnit,
  toStoredText,
  UnreadableDocument,
  withSoundReferences,
} from '../../knowledge/document.ts'
import { normalizeDomains } from '../../knowledge/domains.ts'
import { parseKnowledgeUnit } from '../../knowledge/knowledge-unit.ts'
import { unitStatuses } from '../../knowledge/records.ts'
import { isTimestamp } from '../../knowledge/timestamps.ts'
import type { Connection } from '../../offload/connection.ts'
import { integrityFaults } from '../../offload/integrity.ts'
import type { UnitStatus } from '../../store.ts'
import { driverFailure } from '../driver-failure.ts'
import type { DerivedTable } from '../migrations/derived-table.ts'
import { derivedTables, migrations } from '../migrations/index.ts'
import { completeReferenceSchema, missingWhereStamped } from '../migrations/reference-schema.ts'
import { databaseOf } from '../migrator.ts'
import { planOf } from './migration-plan.ts'

/** What is checked, in this order. */
export const checks = [
  'integrity',
  'foreign keys',
  'schema',
  'derived tables',
  'documents',
  'domains',
] as const
export type Check = (typeof checks)[number]

/** One thing that is wrong with a database. */
export interface Finding {
  readonly check: Check
  readonly message: string
}

/** The most examples of one kind of fault. */
const mostExamples = 20

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
    if (hasColumn(sqlite, 'knowledge_units', 'created_at')) units.find(sqlite)
    return units.documents
  })
  look('domains', () => units.domains)
  return findings
}

export interface Rebuilt {
  /** The derived tables that were rebuilt. */
  readonly tables: readonly string[]
  /** The ids of units whose documents were repaired. */
  readonly documents: readonly string[]
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

/** The document with sound references; `undefined` if it has these. */
function mendedDocument(stored: StoredUnit): string | undefined {
  try {
    const unit = readUnit(stored)
    const mended = withSoundReferences(unit)
    return isDeepStrictEqual(unit, mended) ? undefined : toStoredText(mended)
  } catch (error) {
    if (error instanceof UnreadableDocument) return undefined
    throw error
  }
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

interface UnitRow extends StoredUnit {
  readonly tier: string
  readonly status: string
  readonly reviewed_at: string | null
  readonly domains: string
}

const selectUnits = `SELECT id, data, tier, status, created_at, reviewed_at,
    (SELECT json_group_array(CASE typeof(domain) WHEN 'text' THEN domain ELSE quote(domain) END)
      FROM knowledge_unit_domains WHERE unit_id = id) AS domains
  FROM knowledge_units`

/** Faults of units, found in one scan. */
class UnitFaults {
  readonly #documents = new Examples()
  readonly #domains = new Examples()

  get documents(): string[] {
    return this.#documents.told
  }

  get domains(): string[] {
    return this.#domains.told
  }

  find(sqlite: Sqlite.Database): void {
    const now = new Date()
    for (const row of sqlite.prepare<[], UnitRow>(selectUnits).iterate()) {
      const { id, status, reviewed_at } = row
      if (!unitStatuses.includes(status as UnitStatus))
        this.#documents.add(`${id} has the status ${JSON.stringify(status)}`)
      if (row.created_at === null || !isTimestamp(row.created_at))
        this.#documents.add(
          `${id} has no valid creation time, but ${JSON.stringify(row.created_at)}`,
        )
      if (reviewed_at !== null && !isTimestamp(reviewed_at))
        this.#documents.add(`${id} has no valid review time, but ${JSON.stringify(reviewed_at)}`)
      this.#findInDocument(row, now)
    }
  }

  #findInDocument(row: UnitRow, now: Date): void {
    const { id, tier, domains } = row
    try {
      const stored = readUnit(row)
      const sound = withSoundReferences(stored)
      if (!isDeepStrictEqual(stored, sound))
        this.#documents.add(
          `${id} has a duplicate flag, duplicate_of or superseded_by that names no other unit; ` +
            'agents are not shown it, and --rebuild removes it',
        )
      const unit = parseKnowledgeUnit(sound, now)
      if (unit.tier !== tier)
        this.#documents.add(`${id} has the tier ${tier}, and ${unit.tier} in its document`)
      const rows = (JSON.parse(domains) as string[]).toSorted()
      const named = normalizeDomains(unit.domains).toSorted()
      if (JSON.stringify(rows) !== JSON.stringify(named))
        this.#domains.add(
          `${id} is found by ${JSON.stringify(rows)}, and its document names ${JSON.stringify(named)}`,
        )
    } catch (error) {
      if (error instanceof UnreadableDocument)
        this.#documents.add(`${error.message}, and is left out of answers`)
      else if (error instanceof StoreError) this.#documents.add(`${id}: ${error.message}`)
      else throw error
    }
  }
}

/** The first of many similar examples, and how many more there are. */
class Examples {
  readonly #first: string[] = []
  #more = 0

  add(message: string): void {
    if (this.#first.length < mostExamples) this.#first.push(message)
    else this.#more++
  }

  get told(): string[] {
    return this.#more === 0 ? this.#first : [...this.#first, `and ${this.#more} more like these`]
  }
}
