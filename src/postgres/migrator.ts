import { StoreError } from '../errors.ts'
import { columnTimestamp } from '../knowledge/timestamps.ts'
import type { Connection, Send } from './connection.ts'
import { isServerError } from './errors.ts'
import { changesAndCounts, makeParts, parts } from './migrations/changes-and-counts.ts'
import { migrations } from './migrations/index.ts'
import {
  completeReferenceSchema,
  neededColumns,
  referenceRevision,
  stampTable,
} from './migrations/reference-schema.ts'
import { faultyParts, requireParts } from './parts.ts'
import { inTransaction } from './transaction.ts'

const ownTable = 'cq_store_migrations'
/** The name of the reference server's schema as a step before ours. */
const referenceStep = `reference schema ${referenceRevision}`

/** The least version of PostgreSQL, as it numbers them: transaction ids of 64 bits. */
const leastVersion = 130_000

/** What a database has of the schema. */
interface State {
  readonly columns: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly revisions: readonly string[]
  readonly steps: readonly string[]
}

/** What `migrate` would do to a database. */
export interface MigrationPlan {
  readonly kind: 'empty' | 'unstamped' | 'stamped'
  /** The reference schema, then our own steps, in order. */
  readonly steps: readonly { readonly name: string; readonly applied: boolean }[]
}

/** What `migrate` would do to a database; nothing is changed. @throws {StoreError} as `migrate` does */
export async function planIn(send: Send): Promise<MigrationPlan> {
  await requireServer(send)
  const state = await look(send)
  const missing = missingSteps(state)
  const { columns, revisions } = state
  const isEmpty = Object.keys(neededColumns).every((table) => !columns.has(table))
  return {
    kind: revisions.length > 0 ? 'stamped' : isEmpty ? 'empty' : 'unstamped',
    steps: [referenceStep, ...migrations.map(({ name }) => name)].map((name) => ({
      name,
      applied: !missing.includes(name),
    })),
  }
}

/** How often it looks again where somebody else makes the same tables. */
const mostLooks = 5

/** How connections that migrate differ: indexing a large table takes minutes, and another server may be at it. */
export const patiently = { timeout: 3_600_000, preparedStatements: false, pipeline: false } as const

/**
 * Whether a database has the newest schema.
 * @throws {StoreError} `corrupt` for another program's database, or one that lacks parts; `newer_schema`; `migration_needed` if it has not,
 * and may not be migrated
 */
export async function isNewest(connection: Connection, mayTakeSteps: boolean): Promise<boolean> {
  return connection.use(async (send) => {
    await requireServer(send)
    const missing = missingSteps(await look(send))
    if (missing.length > 0 && !mayTakeSteps)
      throw new StoreError(
        'migration_needed',
        `the database lacks ${missing.join(', ')}: cq-store migrate takes these steps, as does opening ` +
          'it without `migrate: false`; nothing was changed',
      )
    if (missing.length === 0) {
      await requireParts(send)
      await forgetOtherClusters(send)
    }
    return missing.length === 0
  })
}

/**
 * Brings a database to the newest schema, in one transaction. Several servers may start at once, and the reference
 * server among them.
 * @throws {StoreError} as `isNewest`
 */
export async function migrate(connection: Connection): Promise<void> {
  for (let looks = 1; ; looks++)
    try {
      await connection.use(takeSteps)
      return
    } catch (error) {
      // The reference server takes no lock: what it has just made is there when looked for again.
      const isTaken = isServerError(error) && /^(23505|42P07|42710|40P01|40001)$/.test(error.code)
      if (!isTaken || looks === mostLooks) throw error
    }
}

async function takeSteps(send: Send): Promise<void> {
  await requireServer(send)
  await inTransaction(send, { kind: 'write', statementTimeout: 0 }, async () => {
    // Ends with the transaction: one of a session would hold nobody up where a pooler hands out connections.
    await send("select pg_advisory_xact_lock(hashtext('cq-store'), hashtext(current_schema()))")
    const state = await look(send)
    if (missingSteps(state).includes(referenceStep))
      await completeReferenceSchema(send, new Set(state.columns.keys()))
    await takeOwnSteps(send, state)
  })
}

async function takeOwnSteps(send: Send, { steps }: State): Promise<void> {
  await send(
    `create table if not exists ${ownTable} (name text primary key, applied_at text not null)`,
  )
  for (const { name, up } of migrations) {
    if (steps.includes(name)) continue
    // The note of it may be lost, and not what it made.
    const faulty = await faultyParts(send)
    if (name === changesAndCounts.name && faulty.length < parts.length)
      await makeParts(send, faulty)
    else await up(send)
    const now = columnTimestamp(new Date())
    await send(`insert into ${ownTable} (name, applied_at) values ($1, $2)`, [name, now])
  }
}

/** @throws {StoreError} */
async function requireServer(send: Send): Promise<void> {
  const { rows } = await send(
    `select current_setting('server_version_num')::int as version, current_setting('server_version') as name,
      current_setting('server_encoding') as encoding, current_schema() as schema`,
  )
  const { version, name, encoding, schema } = rows[0] as Record<string, unknown>
  if (Number(version) < leastVersion)
    throw new StoreError(
      'unavailable',
      `PostgreSQL is version ${name}, and 13 is the oldest that works`,
    )
  if (encoding !== 'UTF8')
    throw new StoreError(
      'unavailable',
      `the database is encoded in ${encoding}, and must be in UTF8`,
    )
  if (schema === null)
    throw new StoreError(
      'unavailable',
      'no schema of the search path exists, so there is none for the tables',
    )
}

async function look(send: Send): Promise<State> {
  const { rows } = await send(
    `select table_name, column_name, data_type from information_schema.columns
     where table_schema = current_schema()`,
  )
  const columns = new Map<string, Map<string, string>>()
  for (const { table_name, column_name, data_type } of rows) {
    const table = columns.get(table_name as string) ?? new Map<string, string>()
    columns.set(table_name as string, table.set(column_name as string, data_type as string))
  }
  const namesIn = async (table: string, column: string) =>
    columns.get(table)?.has(column)
      ? (await send(`select ${column} as name from ${table}`)).rows.map(({ name }) => String(name))
      : []
  const state = {
    columns,
    revisions: await namesIn(stampTable, 'version_num'),
    steps: await namesIn(ownTable, 'name'),
  }
  requireOurs(state)
  return state
}

function missingSteps({ revisions, steps }: State): string[] {
  const own = migrations.map(({ name }) => name).filter((name) => !steps.includes(name))
  return revisions.length === 0 ? [referenceStep, ...own] : own
}

/** @throws {StoreError} for a database that is not cq's, or a newer version's */
function requireOurs({ columns, revisions, steps }: State): void {
  const other = revisions.find((revision) => revision !== referenceRevision)
  if (other !== undefined)
    throw new StoreError(
      // Other programs use such stamps, too.
      columns.has('knowledge_units') && other > referenceRevision ? 'newer_schema' : 'corrupt',
      `the database has schema revision '${other}', and this version of cq-store knows only ` +
        `'${referenceRevision}'; nothing was changed. Use the program that made it, or a newer cq-store`,
    )
  const unknown = steps.filter((step) => !migrations.some(({ name }) => name === step))
  if (unknown.length > 0)
    throw new StoreError(
      'newer_schema',
      `the database has steps of a newer cq-store (${unknown.slice(0, 5).join(', ')}); nothing was ` +
        'changed. Use that version, or a newer one',
    )
  const units = columns.get('knowledge_units')
  if (units && units.get('data') !== 'text')
    throw new StoreError(
      'corrupt',
      `the table knowledge_units is not a cq server's, since its documents are ${units.get('data') ?? 'missing'}; ` +
        'it may be the store of a cq SDK. Nothing was changed; let cq-store have a database of its own',
    )
  const isStamped = revisions.length > 0
  const missing = Object.entries(neededColumns).flatMap(([table, needed]) => {
    const there = columns.get(table)
    if (!there) return isStamped ? [table] : []
    return needed.filter((name) => !there.has(name)).map((name) => `${table}.${name}`)
  })
  if (missing.length > 0)
    throw new StoreError(
      'corrupt',
      `the database has tables with cq's names that lack ${missing.slice(0, 5).join(', ')}; nothing was changed`,
    )
}

/**
 * A dump that was restored into another cluster brings numbers of transactions that are yet to come there, and every
 * query would look at these units.
 */
async function forgetOtherClusters(send: Send): Promise<void> {
  const foreign = 'changed >= pg_snapshot_xmax(pg_current_snapshot())'
  const { rows } = await send(`select 1 from cq_store_changes where ${foreign} limit 1`)
  if (rows.length === 0) return
  await inTransaction(send, { kind: 'write' }, async () => {
    // No write may come between, whose number would be forgotten, too.
    await send('lock table cq_store_changes in share row exclusive mode')
    await send(`update cq_store_changes set changed = '3' where ${foreign}`)
  })
}
