import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { onTestFinished } from 'vitest'
import { Connection } from '../../../src/offload/connection.ts'
import { migrate } from '../../../src/sqlite/migrator.ts'

export type Fixture = 'current' | 'legacy' | 'unstamped' | 'first' | 'newer'

const root = mkdtempSync(join(tmpdir(), 'cq-store-migrations-'))
// The process runs several files of tests.
process.on('exit', () => rmSync(root, { recursive: true, force: true }))
let directories = 0

/** Where a database may be made: in a directory of its own, removed when the process ends. */
export function newPath(): string {
  const directory = join(root, `${++directories}`)
  mkdirSync(directory)
  return join(directory, 'cq.db')
}

/** A new database that these statements made. */
export function databaseOf(...statements: string[]): string {
  const path = newPath()
  onDatabase(path, (db) => db.exec(statements.join(';')))
  return path
}

/** A copy of a fixture, changed by these statements. */
export function copyOf(fixture: Fixture, ...statements: string[]): string {
  const path = newPath()
  copyFileSync(
    fileURLToPath(new URL(`../../fixtures/reference-${fixture}.db`, import.meta.url)),
    path,
  )
  if (statements.length > 0) onDatabase(path, (db) => db.exec(statements.join(';')))
  return path
}

/** A file that an earlier version of cq-store made, see `fixtures/README.md`. */
export function earlierFile(number: number): string {
  const path = newPath()
  const file = new URL(`../../fixtures/earlier-${number}.db.gz`, import.meta.url)
  writeFileSync(path, gunzipSync(readFileSync(file)))
  return path
}

/** Works on a database with a connection that knows nothing of cq-store, as another program would. */
export function onDatabase<Result>(path: string, work: (db: Sqlite.Database) => Result): Result {
  const db = new Sqlite(path)
  try {
    return work(db)
  } finally {
    db.close()
  }
}

/** The same, open until the test is done. */
export function otherProgram(path: string): Sqlite.Database {
  const db = new Sqlite(path)
  onTestFinished(() => void db.close())
  return db
}

/** A connection that may migrate a file, as the writer of a store has it. */
export function writer(path: string, busyTimeout = 5_000): Connection {
  const access = 'write'
  const durability = 'normal'
  return new Connection({ path, access, durability, busyTimeout, cacheSize: 1_024, mmapSize: 0 })
}

/** Migrates a file in this thread, without a store around it. */
export function migrateFile(path: string, busyTimeout = 5_000): void {
  const connection = writer(path, busyTimeout)
  migrate(connection, busyTimeout)
  // Not the connection, which would first write statistics for the query planner.
  connection.sqlite.close()
}

/** The file's bytes, and the names of all that lies beside it: what a refusal must not change. */
export function footprintOf(path: string): { files: string[]; bytes: string } {
  return { files: readdirSync(dirname(path)), bytes: readFileSync(path).toString('base64') }
}

export type Row = Readonly<Record<string, string | number | null>>

/** What a file holds: the text of its schema, and every row of each table. */
export function contentOf(path: string): { schema: Row[]; rows: Record<string, Row[]> } {
  return onDatabase(path, (db) => {
    const schema = db
      .prepare<[], Row>('select type, name, tbl_name, sql from sqlite_schema order by type, name')
      .all()
    const tables = schema.filter(({ type }) => type === 'table')
    return {
      schema,
      rows: Object.fromEntries(tables.map(({ name }) => [name, rowsOf(db, String(name))])),
    }
  })
}

export function rowsOf(db: Sqlite.Database, table: string): Row[] {
  const rows = db.prepare<[], Row>(`select * from ${table}`).all()
  return rows
    .map((row) => [JSON.stringify(row), row] as const)
    .sort(byText)
    .map(([, row]) => row)
}

function byText([one]: readonly [string, Row], [other]: readonly [string, Row]): number {
  return one < other ? -1 : 1
}

export const referenceTables = [
  'alembic_version',
  'api_keys',
  'knowledge_unit_domains',
  'knowledge_units',
  'users',
]

/** The rows of the tables that the reference server knows. */
export function referenceRows(path: string): Record<string, Row[]> {
  return onDatabase(path, (db) =>
    Object.fromEntries(referenceTables.map((table) => [table, rowsOf(db, table)])),
  )
}

/** The reference server's tables by their meaning: columns, keys, foreign keys and indexes. */
export function referenceSchema(path: string): Record<string, TableShape> {
  return onDatabase(path, (db) =>
    Object.fromEntries(referenceTables.map((table) => [table, shapeOf(db, table)])),
  )
}

export interface TableShape {
  readonly columns: Row[]
  readonly foreignKeys: Row[]
  /** `unique` or not, over which columns; named where the name was chosen. */
  readonly indexes: string[]
  readonly autoincrement: boolean
}

function shapeOf(db: Sqlite.Database, table: string): TableShape {
  const columns = db
    .prepare<[string], Row>(
      `select name, upper(type) as type, "notnull", dflt_value, pk, hidden from pragma_table_xinfo(?)`,
    )
    .all(table)
  const foreignKeys = db
    .prepare<[string], Row>(
      'select "table", "from", "to", on_update, on_delete, match from pragma_foreign_key_list(?)',
    )
    .all(table)
  const indexes = db
    .prepare<[string], { text: string }>(
      `select case origin when 'c' then list.name else origin end || case "unique" when 1 then ' unique' else '' end
         || case partial when 1 then ' partial' else '' end || ' (' || group_concat(info.name, ', ' order by seqno) || ')' as text
       from pragma_index_list(?) as list, pragma_index_info(list.name) as info
       where list.name not like 'idx_cq_store_%' group by list.name order by text`,
    )
    .all(table)
  const { sql } = db
    .prepare<[string], { sql: string }>('select sql from sqlite_schema where name = ?')
    .get(table) ?? { sql: '' }
  return {
    columns,
    foreignKeys,
    indexes: indexes.map(({ text }) => text),
    autoincrement: /autoincrement/i.test(sql),
  }
}

/** What SQLite itself finds wrong with a file. */
export function faultsOf(path: string): unknown[] {
  return onDatabase(path, (db) => [
    ...(db.pragma('integrity_check') as { integrity_check: string }[]).filter(
      ({ integrity_check }) => integrity_check !== 'ok',
    ),
    ...(db.pragma('foreign_key_check') as unknown[]),
  ])
}

/** What a migration made of a file: what it holds, but for the time and the planner's statistics. */
export function migratedContent(path: string) {
  const { schema, rows } = contentOf(path)
  const { cq_store_migrations: steps, ...others } = rows
  const isStatistics = (table: unknown) => String(table).startsWith('sqlite_stat')
  return {
    schema: schema.filter(({ tbl_name }) => !isStatistics(tbl_name)),
    rows: Object.entries(others).filter(([table]) => !isStatistics(table)),
    steps: steps?.map(({ name }) => name),
  }
}
