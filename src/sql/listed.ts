import { type DialectName, sql } from './statement.ts'

/** A list of texts, which travels as one JSON parameter, as rows of one column `value`. */
export function listed(json: string, dialect: DialectName) {
  return dialect === 'sqlite'
    ? sql<{ value: string }>`json_each(${json})`
    : sql<{ value: string }>`(select value from jsonb_array_elements_text(cast(${json} as jsonb)))`
}
