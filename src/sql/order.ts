import type { RawBuilder } from 'kysely'
import { type DialectName, sql } from './statement.ts'

/**
 * A column of text as it is compared and sorted: by code points, as SQLite does. PostgreSQL would go by the
 * language of the database.
 */
export function codePoints(column: string, dialect: DialectName): RawBuilder<string> {
  const ref = sql.ref<string>(column)
  return dialect === 'sqlite' ? ref : sql<string>`${ref} collate "C"`
}

/** The order of a column of text: by code points, what is absent before all that is there. */
export function ascending(column: string, dialect: DialectName): RawBuilder<string> {
  const text = codePoints(column, dialect)
  return dialect === 'sqlite' ? text : sql<string>`${text} asc nulls first`
}

/** The reverse of `ascending`. */
export function descending(column: string, dialect: DialectName): RawBuilder<string> {
  const text = codePoints(column, dialect)
  return dialect === 'sqlite' ? sql<string>`${text} desc` : sql<string>`${text} desc nulls last`
}
