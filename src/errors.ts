/**
 * What a caller can do about a failure:
 * - `invalid`: an argument is wrong; nothing was done. The message says what would be right.
 * - `not_found`: the record does not exist.
 * - `conflict`: the record exists already, or its state no longer allows the call.
 * - `limit_reached`: the call would exceed a limit.
 * - `overloaded`: too many calls wait; nothing was done. Try again later.
 * - `timeout`: the call did not settle in time and had no effect.
 * - `outcome_unknown`: a write was sent and its reply lost; it may have been stored.
 * - `unavailable`: the database cannot be used now (locked, disk full, worker crashed); nothing was done.
 * - `closed`: the store was closed.
 * - `read_only`: a write to a read-only store; nothing was done.
 * - `migration_needed`: the file's schema is older, and the store was opened so as not to migrate it.
 * - `newer_schema`: a newer cq-store or reference server wrote the file; nothing was done.
 * - `corrupt`: the file is damaged, or not a cq database.
 * - `internal`: a bug in this library.
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

/** The error of every failed call of a Store. Its `code` says what to do about it. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
