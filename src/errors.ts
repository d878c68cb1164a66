/**
 * What went wrong, as far as a caller can act on it:
 * - `invalid`: an argument is outside what the method takes; nothing was done. Mend the argument.
 * - `not_found`: the record that the call is about does not exist.
 * - `conflict`: the record exists already, or is no longer in the state that the call needs.
 * - `limit_reached`: the call would pass a limit that it was given.
 * - `overloaded`: too many calls wait; nothing was done. Try again later.
 * - `timeout`: the call did not settle in time, and had no effect.
 * - `outcome_unknown`: a write was sent and its answer lost; it may or may not be stored.
 * - `unavailable`: the database can't be reached now (locked, full, worker lost); nothing was done.
 * - `closed`: the store was closed.
 * - `read_only`: a write to a store that was opened with `readOnly`; nothing was done.
 * - `migration_needed`: the file lacks steps of the schema, and the store was opened so that it takes none.
 * - `newer_schema`: the file was written by a newer cq-store or reference server; nothing was done.
 * - `corrupt`: the file is damaged, or is no cq database.
 * - `internal`: a fault in this library.
 */
export const storeErrorCodes = [
  'invalid',
  'not_found',
  'conflict',
  'limit_reached',
  'overloaded',
  'timeout',
  'outcome_unknown',
  'unavailable',
  'closed',
  'read_only',
  'migration_needed',
  'newer_schema',
  'corrupt',
  'internal',
] as const

export type StoreErrorCode = (typeof storeErrorCodes)[number]

/** The one error that callers of a Store meet. Its `code` says what they may do about it. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
