import { StoreError, type StoreErrorCode, storeErrorCodes } from '../errors.ts'
import { OffloadError } from '../threads/errors.ts'

/** SQLite's codes that are the caller's fault, or the data's. */
const meanings: Readonly<Record<string, StoreErrorCode>> = {
  SQLITE_CONSTRAINT_UNIQUE: 'conflict',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'conflict',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'not_found',
  SQLITE_CONSTRAINT_NOTNULL: 'invalid',
  SQLITE_CONSTRAINT_CHECK: 'invalid',
}

/** Makes a StoreError of a failure of the engine, or of what ran in a worker, by its code. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  if (!(error instanceof OffloadError))
    return new StoreError('internal', `a fault in cq-store: ${error}`, { cause: error })
  const { code, message, cause } = error
  const meaning = meanings[code]
  if (meaning) return new StoreError(meaning, message, { cause })
  if ((storeErrorCodes as readonly string[]).includes(code))
    return new StoreError(code as StoreErrorCode, message, { cause })
  const words = `(${code}: ${message})`
  if (code === 'SQLITE_TOOBIG')
    return new StoreError('invalid', `a value is too big for SQLite ${words}`, { cause })
  if (code === 'SQLITE_MISMATCH')
    return new StoreError('corrupt', `the database file holds what its tables can not ${words}`, {
      cause,
    })
  return new StoreError('internal', `SQLite failed ${words}`, { cause })
}
