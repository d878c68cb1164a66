import { StoreError } from '../errors.ts'
import { columnTimestamp } from '../knowledge/timestamps.ts'
import type { Connection } from '../offload/connection.ts'
import { prepareFile } from '../offload/prepare-file.ts'
import { driverFailure } from './driver-failure.ts'
import { formerSteps, migrations } from './migrations/index.ts'
import type { MigrationDatabase } from './migrations/migration.ts'
import {
  completeReferenceSchema,
  isLocalStore,
  missingWhereStamped,
  missingWhereUnstamped,
  referenceRevision,
  stampedRevisions,
  stampTable,
  tableNames,
} from './migrations/reference-schema.ts'

export const ownTable = 'cq_store_migrations'
const knownSteps = [...migrations.map(({ name }) => name), ...formerSteps]
/** The name of the reference server's schema as a step before ours. */
export const referenceStep = `reference schema ${referenceRevision}`

/**
 * Migrates a file to the newest schema, in one transaction: a crash leaves it as it was. Of two processes that
 * start at once, the second finds the work done. A file that is not cq's is refused before anything in it is
 * changed. On failure the connection is closed, so that a refused file gets no write-ahead log.
 * @param mayTakeSteps if false, a file that lacks steps is refused, too
 * @throws {StoreError} `corrupt` for another program's file; `newer_schema`; `unavailable` if it cannot be
 * written; `migration_needed`
 */
export function migrate(connection: Connection, busyTimeout: number, mayTakeSteps = true): void {
  const database = databaseOf(connection)
  const steps = {
    inspect: () => (mayTakeSteps ? isNewest(database) : requireNewest(database)),
    setUp: () => takeSteps(database),
  }
  try {
    prepareFile(connection, steps, busyTimeout)
  } catch (error) {
    throw driverFailure(error)
  }
}

/** Whether a file has the newest schema. @throws {StoreError} for files that are not cq's, as `migrate` */
export function isNewest(database: MigrationDatabase): boolean {
  requireOurs(database)
  return pendingSteps(database).length === 0
}

/**
 * Refuses a file that does not have the newest schema.
 * @throws {StoreError} `migration_needed`, and as `migrate` does for files that are not cq's
 */
export function requireNewest(database: MigrationDatabase): true {
  requireOurs(database)
  const missing = pendingSteps(database)
  if (missing.length === 0) return true
  throw new StoreError(
    'migration_needed',
    `the database lacks ${missing.join(', ')}: cq-store migrate takes these steps, as does opening ` +
      'it without `readOnly` and `migrate: false`; nothing was changed',
  )
}

/** Takes the steps that a file lacks, inside of a transaction. */
export function takeSteps(database: MigrationDatabase): void {
  if (stampedRevisions(database).length === 0) completeReferenceSchema(database)
  takeOwnSteps(database)
}

/** As much of a database as migrations need: a connection of the engine's, or of the driver's. */
interface Preparing {
  prepare(sql: string): {
    run(...params: unknown[]): unknown
    all(...params: unknown[]): unknown[]
  }
}

export function databaseOf(database: Preparing): MigrationDatabase {
  // Kept, since preparing a statement that fires triggers takes longer than running it.
  const prepared = new Map<string, ReturnType<Preparing['prepare']>>()
  const prepare = (sql: string) => {
    const statement = prepared.get(sql) ?? database.prepare(sql)
    prepared.set(sql, statement)
    return statement
  }
  return {
    run: (sql, ...params) => void prepare(sql).run(...params),
    all: <Row>(sql: string, ...params: unknown[]) => prepare(sql).all(...params) as Row[],
  }
}

export function requireOurs(database: MigrationDatabase): void {
  const tables = tableNames(database)
  const revisions = stampedRevisions(database)
  const other = revisions.find((revision) => revision !== referenceRevision)
  if (other !== undefined)
    throw new StoreError(
      // Other programs use such stamps, too.
      tables.has('knowledge_units') && other > referenceRevision ? 'newer_schema' : 'corrupt',
      `the database has schema revision '${other}', and this version of cq-store knows only ` +
        `'${referenceRevision}'; nothing was changed. Use the program that made it, or a newer cq-store`,
    )
  const unknown = [...appliedSteps(database)].filter((step) => !knownSteps.includes(step))
  if (unknown.length > 0)
    throw new StoreError(
      'newer_schema',
      `the database has steps of a newer cq-store (${unknown.slice(0, 5).join(', ')}); nothing was ` +
        'changed. Use that version, or a newer one',
    )
  if (revisions.length > 0) {
    const missing = missingWhereStamped(database)
    if (missing.length > 0)
      throw new StoreError(
        'corrupt',
        `the database is stamped '${referenceRevision}' and lacks ${missing.join(', ')}; nothing was changed`,
      )
    return
  }
  // The reference server leaves only the stamp's table if it crashes right at its start.
  if (tables.size === 0 || (tables.size === 1 && tables.has(stampTable))) return
  if (isLocalStore(database))
    throw new StoreError(
      'corrupt',
      "the file is the local store of a cq SDK or CLI, not a server's database; nothing was changed. " +
        'Let cq-store make a database of its own, and have the SDK use that server: it sends its units there',
    )
  const missing = missingWhereUnstamped(database)
  if (missing.length > 0)
    throw new StoreError(
      'corrupt',
      `the file is another program's SQLite database (it has ${[...tables].slice(0, 5).join(', ')} ` +
        `and lacks ${missing.join(', ')}); nothing was changed`,
    )
}

/** By name, in order. */
function pendingSteps(database: MigrationDatabase): string[] {
  const applied = appliedSteps(database)
  const reference = stampedRevisions(database).length === 0 ? [referenceStep] : []
  return [...reference, ...migrations.map(({ name }) => name).filter((step) => !applied.has(step))]
}

export function appliedSteps(database: MigrationDatabase): Set<string> {
  if (!tableNames(database).has(ownTable)) return new Set()
  return new Set(
    database.all<{ name: string }>(`SELECT name FROM ${ownTable}`).map(({ name }) => name),
  )
}

function takeOwnSteps(database: MigrationDatabase): void {
  database.run(
    `CREATE TABLE IF NOT EXISTS ${ownTable} (name TEXT PRIMARY KEY NOT NULL, applied_at TEXT NOT NULL)`,
  )
  const applied = appliedSteps(database)
  for (const { name, up } of migrations) {
    if (applied.has(name)) continue
    up(database)
    const now = columnTimestamp(new Date())
    database.run(`INSERT INTO ${ownTable} (name, applied_at) VALUES (?, ?)`, name, now)
  }
}
