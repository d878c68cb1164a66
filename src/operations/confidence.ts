import type { RawBuilder } from 'kysely'
import { type DialectName, sql } from '../statement.ts'

/**
 * The confidence inside a unit's document; a document without one has cq's default, 0.5, and one that is
 * no JSON has none. SQLite's indexes hold it: it takes their value for an expression of this very text.
 */
export const sqliteConfidence =
  "CASE WHEN json_valid(data) THEN cast(coalesce(json_extract(data, '$.evidence.confidence'), 0.5) AS REAL) END"

/** The confidence inside a unit's document, in the table of units. */
export function confidenceOf(dialect: DialectName): RawBuilder<number> {
  return dialect === 'sqlite'
    ? sql<number>`${sql.raw(sqliteConfidence)}`
    : sql<number>`coalesce(cast(cast(${sql.ref('data')} as jsonb) #>> '{evidence,confidence}' as double precision), 0.5)`
}
