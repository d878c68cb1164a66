/** What a statement that returns no rows has done. */
export interface Changes {
  /** Rows that were inserted, updated or deleted, those that triggers changed not included. */
  readonly changes: number
  readonly lastInsertRowid: number | bigint
}

/**
 * A prepared statement. Parameters are values for `?`, or one object for named ones, as in better-sqlite3.
 * @throws {SqliteError} better-sqlite3's, whose `code` is SQLite's
 */
export interface Statement<Row = unknown> {
  readonly sql: string
  /** Whether it returns rows. */
  readonly reader: boolean
  /** Whether it changes nothing, as SQLite sees it. */
  readonly readonly: boolean
  run(...params: unknown[]): Changes
  /** The first row. */
  get(...params: unknown[]): Row | undefined
  all(...params: unknown[]): Row[]
  iterate(...params: unknown[]): IterableIterator<Row>
  /** The same statement, whose rows are the values of its first column. */
  pluck<Value = unknown>(): Statement<Value>
  /** The same statement, whose rows are arrays. */
  raw<Values extends unknown[] = unknown[]>(): Statement<Values>
  /** The same statement, whose integers are BigInts. */
  safeIntegers(): Statement<Row>
}

/** What an operation works on: a connection, inside a transaction or snapshot that is not its own to end. */
export interface Database {
  /** A statement, prepared once and kept. @throws if it would begin or end a transaction */
  prepare<Row = unknown>(sql: string): Statement<Row>
  /** Runs any number of statements. */
  exec(sql: string): void
  /** The value of a PRAGMA, or what it says of one that is set. */
  pragma(pragma: string): unknown
  /** Adds a function to SQL on this connection, as better-sqlite3's `function`. For `connect` hooks. */
  function(name: string, run: (...args: never[]) => unknown, options?: FunctionOptions): void
  /** Has a message logged once, whether or not the call succeeds. */
  notice(message: string): void
  /** Says that what was deleted must also disappear from the write-ahead log, once it is committed. */
  leaveNoTrace(): void
}

export interface FunctionOptions {
  readonly deterministic?: boolean
  readonly varargs?: boolean
  readonly directOnly?: boolean
  readonly safeIntegers?: boolean
}
