import type { Database } from '../../src/offload/index.ts'

/** Adds a function to SQL. */
export default function prepare(database: Database): void {
  database.function('twice', (number: number) => 2 * number, { deterministic: true })
}
