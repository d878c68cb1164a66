import Sqlite from 'better-sqlite3'
import { StoreError, type StoreErrorCode } from '../errors.ts'

/** What SQLite's primary result codes mean to a caller of the store. */
const meanings: Readonly<Record<string, [StoreErrorCode, string]>> = {
  SQLITE_BUSY: ['unavailable', 'the database is locked by another connection'],
  SQLITE_LOCKED: ['unavailable', 'the database is locked by another connection'],
  SQLITE_FULL: ['unavailable', 'the disk is full'],
  SQLITE_IOERR: ['unavailable', 'the disk failed'],
  SQLITE_CANTOPEN: ['unavailable', 'the database file cannot be opened'],
  SQLITE_READONLY: ['unavailable', 'the database file cannot be written'],
  SQLITE_PERM: ['unavailable', 'access to the database file is denied'],
  SQLITE_NOMEM: ['unavailable', 'SQLite is out of memory'],
  SQLITE_PROTOCOL: ['unavailable', 'the locks of the database file do not work'],
  SQLITE_INTERRUPT: ['unavailable', 'SQLite was interrupted'],
  SQLITE_ABORT: ['unavailable', 'SQLite undid the transaction'],
  SQLITE_SCHEMA: ['unavailable', 'another program changed the schema'],
  SQLITE_NOLFS: ['unavailable', 'the system has no room for so large a file'],
  SQLITE_AUTH: ['unavailable', 'SQLite was not allowed to'],
  SQLITE_MISMATCH: ['corrupt', 'the database file holds what its tables can not'],
  SQLITE_FORMAT: ['corrupt', 'the database file is damaged'],
  SQLITE_CORRUPT: ['corrupt', 'the database file is damaged'],
  SQLITE_NOTADB: ['corrupt', 'the file is not a SQLite database'],
  SQLITE_TOOBIG: ['invalid', 'a value is too big for SQLite'],
}

/** Extended result codes with another meaning than their primary code. */
const constraints: Readonly<Record<string, StoreErrorCode>> = {
  SQLITE_CONSTRAINT_UNIQUE: 'conflict',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'conflict',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'not_found',
  SQLITE_CONSTRAINT_NOTNULL: 'invalid',
  SQLITE_CONSTRAINT_CHECK: 'invalid',
}

/** Translates a failure, by SQLite's result code. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  if (!(error instanceof Sqlite.SqliteError))
    return new StoreError('internal', `a fault in cq-store: ${error}`, { cause: error })
  const { code, message } = error
  const constraint = constraints[code]
  if (constraint) return new StoreError(constraint, message, { cause: error })
  const primary = code.split('_', 2).join('_')
  const [meaning, words] = meanings[primary] ?? ['internal', 'SQLite failed']
  return new StoreError(meaning, `${words} (${code}: ${message})`, { cause: error })
}
