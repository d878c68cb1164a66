import type { RawBuilder } from 'kysely'
import { type DialectName, sql } from './statement.ts'

/**
 * The confidence inside a unit's document, in the table of units; a document without one has cq's default,
 * 0.5, and one that is no JSON has none.
 */
export function confidenceOf(dialect: DialectName): RawBuilder<number> {
  return dialect === 'sqlite'
    ? sql<number>`CASE WHEN json_valid(data) THEN cast(coalesce(json_extract(data, '$.evidence.confidence'), 0.5) AS REAL) END`
    : sql<number>`cq_store_confidence(data)`
}
