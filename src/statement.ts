import {
  type Compilable,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Schema } from './schema.ts'

export type DialectName = 'sqlite' | 'postgres'

/** A query compiled to text, and the order in which its named parameters are bound. */
export interface CompiledStatement {
  readonly sql: string
  bind(params: Readonly<Record<string, unknown>>): unknown[]
}

/** One query: built once for a dialect, then run many times with other parameters. */
export interface Statement<Params, Row> {
  /** What it does, in a few words. */
  readonly name: string
  compiled(dialect: DialectName): CompiledStatement
  readonly types?: { params: Params; row: Row }
}

class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** Kyselys that compile for one dialect each, and are connected to nothing. */
const compilers: Record<DialectName, Kysely<Schema>> = {
  sqlite: new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }),
  postgres: new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }),
}

/** Stands for every parameter while a query is built: `params.id` is the placeholder named `id`. */
const placeholders = new Proxy({}, { get: (_, name) => new Placeholder(String(name)) })

/** Every statement that was declared, so that a test can state what each compiles to. */
export const statements: Statement<never, unknown>[] = []

/**
 * Declares a query. It is built when a dialect first needs it, and never again. Where one text can't
 * serve both dialects, `dialect` says which one it is built for.
 */
export function statement<Params, Row>(
  name: string,
  build: (db: Kysely<Schema>, params: Params, dialect: DialectName) => Compilable<Row>,
): Statement<Params, Row> {
  const cache: Partial<Record<DialectName, CompiledStatement>> = {}
  const declared: Statement<Params, Row> = {
    name,
    compiled(dialect) {
      cache[dialect] ??= compile(build(compilers[dialect], placeholders as Params, dialect))
      return cache[dialect]
    },
  }
  statements.push(declared as unknown as Statement<never, unknown>)
  return declared
}

function compile(query: Compilable<unknown>): CompiledStatement {
  const { sql, parameters } = query.compile()
  return {
    sql,
    bind: (params) =>
      parameters.map((value) => (value instanceof Placeholder ? params[value.name] : value)),
  }
}
