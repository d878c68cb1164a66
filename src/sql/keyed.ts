import type { RawBuilder, SqlBool } from 'kysely'
import { type DialectName, sql } from './statement.ts'

/**
 * Whether a column is the key that a statement looks for, see `StatementOptions.key`: on SQLite it is one key, on
 * PostgreSQL those of all calls that came together.
 */
export function isKey(column: string, key: string, dialect: DialectName): RawBuilder<SqlBool> {
  const ref = sql.ref(column)
  return dialect === 'sqlite' ? sql<SqlBool>`${ref} = ${key}` : sql<SqlBool>`${ref} = any(${key})`
}

/** A number that is compared with an integer column, whatever its size: PostgreSQL would refuse a large one. */
export function integer(value: number, dialect: DialectName): RawBuilder<number> {
  return dialect === 'sqlite' ? sql<number>`${value}` : sql<number>`cast(${value} as bigint)`
}
