import type { RawBuilder, ReferenceExpression } from 'kysely'
import type { Schema } from '../schema.ts'
import { type DialectName, sql } from '../statement.ts'

/** The confidence inside a unit's document; a document without one has cq's default, 0.5. */
export function confidenceOf(
  column: ReferenceExpression<Schema, 'knowledge_units'> & string,
  dialect: DialectName,
): RawBuilder<number> {
  const data = sql.ref<string>(column)
  return dialect === 'sqlite'
    ? sql<number>`coalesce(json_extract(${data}, '$.evidence.confidence'), 0.5)`
    : sql<number>`coalesce(cast(cast(${data} as jsonb) #>> '{evidence,confidence}' as double precision), 0.5)`
}
