import {
  type Database,
  type DefinitionsOf,
  maintenance,
  OffloadError,
  type Offloaded,
  operations,
  read,
  type Statement,
  stream,
  type ThreadContext,
  write,
} from '../offload/index.ts'

/** What a dialect tells its threads. */
export interface DialectData {
  readonly safeIntegers: boolean
  /** The URL of the file that prepares connections. */
  readonly connection: string | undefined
}

/** Rows, or how many were changed and the last one's id. */
export type Answer =
  | { readonly rows: unknown[] }
  | { readonly changes: readonly [changes: number, lastInsertRowid: number | bigint] }

/** Prepares a connection, as `OffloadDialectOptions.connection` says. */
type Prepare = (database: Database) => void

/** Loads what prepares connections. @throws {OffloadError} `invalid` */
export async function loadPrepare(url: string | undefined): Promise<Prepare | undefined> {
  if (url === undefined) return undefined
  const { default: prepare } = (await import(url)) as { readonly default?: unknown }
  if (typeof prepare === 'function') return prepare as Prepare
  throw new OffloadError('invalid', `the default export of ${url} must be a function`)
}

/** The operations of a dialect: they run whatever SQL it is given. */
export function dialectOperations(prepareConnection?: Prepare) {
  let areSafe = false
  const prepared = (database: Database, sql: string): Statement => {
    const statement = database.prepare(sql)
    return areSafe && statement.reader ? statement.safeIntegers() : statement
  }
  const run = (database: Database, sql: string, params: readonly unknown[]): Answer => {
    const statement = prepared(database, sql)
    if (statement.reader) return { rows: statement.all(params) }
    const { changes, lastInsertRowid } = statement.run(params)
    return { changes: [changes, lastInsertRowid] }
  }
  return operations(
    {
      /** `undefined` if SQLite says that the statement is not one that only reads. */
      query: read((database, sql: string, params: readonly unknown[]): unknown[] | undefined => {
        const statement = prepared(database, sql)
        return statement.readonly && statement.reader ? statement.all(params) : undefined
      }),
      run: write(run),
      runAlone: maintenance(run),
      rows: stream((database, sql: string, params: readonly unknown[]): Iterable<unknown> => {
        const statement = prepared(database, sql)
        if (!statement.readonly || !statement.reader)
          throw new OffloadError('invalid', 'only queries that change nothing can be streamed')
        return statement.iterate(params)
      }),
    },
    {
      connect(database: Database, { data }: ThreadContext) {
        areSafe = (data as DialectData).safeIntegers
        prepareConnection?.(database)
      },
    },
  )
}

export type DialectOperations = ReturnType<typeof dialectOperations>
export type DialectDefinitions = DefinitionsOf<DialectOperations>
/** The database behind a dialect. */
export type DialectDatabase = Offloaded<DialectDefinitions>
