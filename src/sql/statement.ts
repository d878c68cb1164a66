import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Compilable, Kysely, sql as kyselySql } from 'kysely'
import type { Schema } from './schema.ts'

export type DialectName = 'sqlite' | 'postgres'

/** A query compiled to text, and the order in which its named parameters are bound. */
export interface CompiledStatement {
  readonly sql: string
  bind(params: Readonly<Record<string, unknown>>): unknown[]
}

/** One query: built once for a dialect, then run many times with other parameters. */
export interface Statement<Params, Row> {
  /** What it does, in a few words. No two have the same. */
  readonly name: string
  /** See `StatementOptions`. */
  readonly key?: string | undefined
  compiled(dialect: DialectName): CompiledStatement
  readonly types?: { params: Params; row: Row }
}

/** A compiled query as data that can be handed to another thread. */
export interface StatementText {
  readonly name: string
  readonly sql: string
  /** For each place that is bound, in order: the parameter's name, or a value that is always the same. */
  readonly places: readonly ({ readonly param: string } | { readonly value: unknown })[]
}

class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

// Loaded only to compile: its three hundred files take longer than everything else at a thread's start. In the
// package, the build has compiled every statement; the threads of a store get theirs from the main thread.
let loaded: typeof import('kysely') | undefined
function kysely(): typeof import('kysely') {
  loaded ??= createRequire(import.meta.url)('kysely') as typeof import('kysely')
  return loaded
}

/** Kysely's `sql`, for the inside of queries. */
export const sql: typeof kyselySql = new Proxy((() => {}) as unknown as typeof kyselySql, {
  apply: (_, __, [texts, ...values]) => kysely().sql(texts, ...values),
  get: (_, name) => Reflect.get(kysely().sql, name),
})

/** Kyselys that compile for one dialect each, and are connected to nothing. */
const compilers: Partial<Record<DialectName, Kysely<Schema>>> = {}

function compiler(name: DialectName): Kysely<Schema> {
  const {
    DummyDriver,
    Kysely,
    PostgresAdapter,
    PostgresIntrospector,
    PostgresQueryCompiler,
    SqliteAdapter,
    SqliteIntrospector,
    SqliteQueryCompiler,
  } = kysely()
  const isSqlite = name === 'sqlite'
  compilers[name] ??= new Kysely<Schema>({
    dialect: {
      createAdapter: () => (isSqlite ? new SqliteAdapter() : new PostgresAdapter()),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) =>
        isSqlite ? new SqliteIntrospector(db) : new PostgresIntrospector(db),
      createQueryCompiler: () =>
        isSqlite ? new SqliteQueryCompiler() : new PostgresQueryCompiler(),
    },
  })
  return compilers[name]
}

/** Stands for every parameter while a query is built: `params.id` is the placeholder named `id`. */
const placeholders = new Proxy({}, { get: (_, name) => new Placeholder(String(name)) })

/** Every statement that was declared, so that a test can state what each compiles to. */
export const statements: Statement<never, unknown>[] = []

/** What each statement compiled to, by dialect and name. */
const compiled: Record<DialectName, Map<string, StatementText & CompiledStatement>> = {
  sqlite: new Map(),
  postgres: new Map(),
}

export interface StatementOptions<Params> {
  /**
   * The parameter by which it looks for one row, which has it in a column of the same name. PostgreSQL answers all
   * calls that came together at once: there it is a list of keys, see `isKey`.
   */
  readonly key?: keyof Params & string
}

/**
 * Declares a query. It is built when a dialect first needs it, and never again. Where one text can't
 * serve both dialects, `dialect` says which one it is built for.
 * @throws {Error} where another one has the name
 */
export function statement<Params, Row>(
  name: string,
  build: (db: Kysely<Schema>, params: Params, dialect: DialectName) => Compilable<Row>,
  { key }: StatementOptions<Params> = {},
): Statement<Params, Row> {
  if (statements.some((other) => other.name === name))
    throw new Error(`two statements are called '${name}'`)
  const declared: Statement<Params, Row> = {
    name,
    key,
    compiled(dialect) {
      const known = compiled[dialect].get(name)
      if (known) return known
      const query = build(compiler(dialect), placeholders as Params, dialect)
      return remember(dialect, toText(name, query))
    },
  }
  statements.push(declared as unknown as Statement<never, unknown>)
  return declared
}

/** Every statement compiled, to be sent to the threads that run them. */
export function statementTexts(dialect: DialectName): StatementText[] {
  if (compiled[dialect].size === 0) adoptStatements(dialect, precompiled()[dialect] ?? [])
  for (const statement of statements) statement.compiled(dialect)
  return [...compiled[dialect].values()].map(({ name, sql, places }) => ({ name, sql, places }))
}

/** What the build compiled; nothing when running from source, whose statements may have changed since. */
function precompiled(): Partial<Record<DialectName, StatementText[]>> {
  const file = new URL('./compiled.json', import.meta.url)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}

/** Takes over statements that were compiled elsewhere. */
export function adoptStatements(dialect: DialectName, texts: readonly StatementText[]): void {
  for (const text of texts) remember(dialect, text)
}

function toText(name: string, query: Compilable<unknown>): StatementText {
  const { sql, parameters } = query.compile()
  const places = parameters.map((value) =>
    value instanceof Placeholder ? { param: value.name } : { value },
  )
  return { name, sql, places }
}

function remember(dialect: DialectName, text: StatementText): CompiledStatement {
  const { places } = text
  const statement = {
    ...text,
    bind: (params: Readonly<Record<string, unknown>>) =>
      places.map((place) => ('param' in place ? params[place.param] : place.value)),
  }
  compiled[dialect].set(text.name, statement)
  return statement
}
