/** The database as a migration sees it: open, inside one transaction that the migrator commits. */
export interface MigrationDatabase {
  /** Runs statements that answer nothing. */
  run(sql: string, ...params: unknown[]): void
  /** Every row that a query answers. */
  all<Row>(sql: string, ...params: unknown[]): Row[]
}

/**
 * One step from an older schema to a newer one. Steps of our own only add what the reference server
 * does not notice, and stay correct when it writes to the same file.
 */
export interface Migration {
  /** Stored when the step is done. Never changed, since it is how a file tells what it has. */
  readonly name: string
  up(database: MigrationDatabase): void
}
