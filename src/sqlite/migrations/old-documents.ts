import {
  type Fields,
  isFields,
  nestsTooDeep,
  newUnitId,
  normalizeDomains,
  parseExactly,
} from './frozen.ts'
import type { Migration, MigrationDatabase } from './migration.ts'
import { columnNames } from './reference-schema.ts'

// A migration never changes, so that these are its own, whatever tiers there come to be.
const tiers: readonly string[] = ['local', 'private', 'public']

/** What cq 0.x called tiers and reasons of flags, its server and its SDKs. */
const tierNames: Readonly<Record<string, string>> = {
  TIER_LOCAL: 'local',
  TIER_PRIVATE: 'private',
  TIER_PUBLIC: 'public',
  team: 'private',
  global: 'public',
}
const reasonNames: Readonly<Record<string, string>> = {
  FLAG_REASON_STALE: 'stale',
  FLAG_REASON_INCORRECT: 'incorrect',
  FLAG_REASON_DUPLICATE: 'duplicate',
}

/** Whether a row may be of cq 0.x, told without parsing it. What does not look like it is not touched. */
const mayBeOld = `typeof(id) = 'text' AND (id GLOB 'ku_*-*'
  OR instr(data, '"domain"') OR instr(data, '"TIER_') OR instr(data, '"FLAG_REASON_')
  OR instr(data, '"team"') OR instr(data, '"global"')
  OR data GLOB '*"ku_????????-????-????-????-????????????"*')`

/** Rows that are held at once. */
const rowsAtOnce = 500

/** What an id of cq 0.x is today: its hexadecimal digits without the dashes. */
const idToday = (id: string) => `'ku_' || lower(replace(substr(${id}, 4), '-', ''))`
const selectTaken = `SELECT id FROM (
    SELECT id, ${idToday('id')} AS wanted,
      row_number() OVER (PARTITION BY ${idToday('id')} ORDER BY id) AS place
    FROM knowledge_units WHERE typeof(id) = 'text' AND id GLOB 'ku_*-*')
  WHERE place > 1 OR EXISTS (SELECT 1 FROM knowledge_units AS other WHERE other.id = wanted)`

interface UnitRow {
  readonly place: number
  readonly id: string
  readonly data: unknown
}

/** A row as it is today. */
interface Converted {
  readonly id: string
  readonly data: unknown
  /** Of its document, where that has one. */
  readonly tier: string | null
  readonly domains: readonly string[]
}

/**
 * Brings units of cq 0.x to today's format, their ids and what refers to them, so that all that follows
 * finds one format only. A unit whose id today another one has gets an id of its own, since none may be
 * lost. Units change by statements that the triggers of later steps see, which a file may have already.
 */
export const oldDocuments: Migration = {
  name: '2026-11-23 documents of cq 0.x',
  up(database) {
    const idOf = newIds(database)
    const columns = [...columnNames(database, 'knowledge_units')]
    const hasVectors =
      isOrdinaryTable(database, 'knowledge_units_vec') &&
      columnNames(database, 'knowledge_units_vec').has('id')
    for (const row of oldRows(database)) {
      const converted = convertedRow(row, idOf)
      if (!converted) continue
      const { id, data, tier, domains } = converted
      if (id === row.id)
        database.run(
          'UPDATE knowledge_units SET data = ?, tier = coalesce(?, tier) WHERE id = ?',
          data,
          tier,
          id,
        )
      else {
        rename(database, row.id, converted, columns)
        if (hasVectors)
          database.run('UPDATE OR REPLACE knowledge_units_vec SET id = ? WHERE id = ?', id, row.id)
      }
      for (const domain of domains)
        database.run(
          'INSERT OR IGNORE INTO knowledge_unit_domains (unit_id, domain) VALUES (?, ?)',
          id,
          domain,
        )
    }
  },
}

/** How many units the step would convert. */
export function countOldUnits(database: MigrationDatabase): number {
  if (columnNames(database, 'knowledge_units').size === 0) return 0
  const idOf = newIds(database)
  let count = 0
  for (const row of oldRows(database)) if (convertedRow(row, idOf)) count++
  return count
}

function* oldRows(database: MigrationDatabase): Iterable<UnitRow> {
  let last = Number.MIN_SAFE_INTEGER
  for (;;) {
    const rows = database.all<UnitRow>(
      `SELECT rowid AS place, id, data FROM knowledge_units
       WHERE rowid > ? AND ${mayBeOld} ORDER BY rowid LIMIT ${rowsAtOnce}`,
      last,
    )
    yield* rows
    last = rows.at(-1)?.place ?? last
    if (rows.length < rowsAtOnce) return
  }
}

/** The id that a unit has today, by the one that it had or has. */
function newIds(database: MigrationDatabase): (id: string) => string {
  const others = new Map(
    database.all<{ id: string }>(selectTaken).map(({ id }) => [id, newUnitId()]),
  )
  return (id) => {
    const today = `ku_${id.slice(3).replaceAll('-', '').toLowerCase()}`
    if (!id.includes('-') || !/^ku_[0-9a-f]{32}$/.test(today) || !id.startsWith('ku_')) return id
    return others.get(id) ?? today
  }
}

/** The row as it is today; `undefined` where that is what it is. */
function convertedRow(row: UnitRow, idOf: (id: string) => string): Converted | undefined {
  const id = idOf(row.id)
  const document = fieldsOf(row.data)
  // Whatever it holds instead of a document stays, under the new id.
  if (!document) return id === row.id ? undefined : { id, data: row.data, tier: null, domains: [] }
  const today = documentToday(document, row.id, idOf)
  const data = JSON.stringify(today)
  if (id === row.id && data === JSON.stringify(document)) return undefined
  const { tier, domains } = today
  return {
    id,
    data,
    tier: tiers.find((name) => name === tier) ?? null,
    domains: normalizeDomains(textsOf(domains)),
  }
}

function fieldsOf(data: unknown): Fields | undefined {
  try {
    const document = parseExactly(String(data))
    return isFields(document) && !nestsTooDeep(document) ? document : undefined
  } catch {
    return undefined
  }
}

function documentToday(document: Fields, rowId: string, idOf: (id: string) => string): Fields {
  const { domain, domains } = document
  const id = idOf(rowId)
  const isSuperfluous = Array.isArray(domains) && textsOf(domains).length > 0
  const hasOldDomains = !isSuperfluous && textsOf(domain).length > 0
  const entries = Object.entries(document).flatMap(([name, value]): [string, unknown][] => {
    if (name === 'domain' && hasOldDomains) return [['domains', textsOf(value)]]
    if (name === 'domain' && isSuperfluous) return []
    if (name === 'domains' && hasOldDomains) return []
    if (name === 'id' && (id !== rowId || (typeof value === 'string' && idOf(value) === id)))
      return [[name, id]]
    if (name === 'tier') return [[name, renamed(tierNames, value)]]
    if (name === 'superseded_by' && typeof value === 'string') return [[name, idOf(value)]]
    if (name === 'flags' && Array.isArray(value))
      return [[name, value.map((flag) => flagToday(flag, idOf))]]
    return [[name, value]]
  })
  return Object.fromEntries(entries)
}

function flagToday(flag: unknown, idOf: (id: string) => string): unknown {
  if (!isFields(flag)) return flag
  const { reason, duplicate_of } = flag
  return {
    ...flag,
    ...(reason !== undefined && { reason: renamed(reasonNames, reason) }),
    ...(typeof duplicate_of === 'string' && { duplicate_of: idOf(duplicate_of) }),
  }
}

/** What a name of cq 0.x is today; anything else stays. */
function renamed(names: Readonly<Record<string, string>>, value: unknown): unknown {
  return typeof value === 'string' && Object.hasOwn(names, value) ? names[value] : value
}

/** The texts of a list, or one that stands alone. */
function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((text) => typeof text === 'string')
}

/**
 * Gives a unit its new id, as one row that comes and one that goes: no trigger of ours is about a change of
 * the id. Columns that nobody knows here stay what they are.
 */
function rename(
  database: MigrationDatabase,
  oldId: string,
  { id, data, tier }: Converted,
  columns: readonly string[],
): void {
  const names = columns.map((column) => `"${column.replaceAll('"', '""')}"`)
  const replaced: Readonly<Record<string, string>> = {
    id: '?',
    data: '?',
    tier: 'coalesce(?, tier)',
  }
  const values = columns.map((column, index) => replaced[column] ?? names[index])
  const params: Readonly<Record<string, unknown>> = { id, data, tier }
  database.run(
    `INSERT INTO knowledge_units (${names.join(', ')})
     SELECT ${values.join(', ')} FROM knowledge_units WHERE id = ?`,
    ...columns.filter((column) => column in replaced).map((column) => params[column]),
    oldId,
  )
  database.run(
    `INSERT INTO knowledge_unit_domains (unit_id, domain)
     SELECT ?, domain FROM knowledge_unit_domains WHERE unit_id = ?`,
    id,
    oldId,
  )
  database.run('DELETE FROM knowledge_unit_domains WHERE unit_id = ?', oldId)
  database.run('DELETE FROM knowledge_units WHERE id = ?', oldId)
}

function isOrdinaryTable(database: MigrationDatabase, name: string): boolean {
  const rows = database.all("SELECT 1 FROM pragma_table_list(?) WHERE type = 'table'", name)
  return rows.length > 0
}
