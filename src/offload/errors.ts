import Sqlite from 'better-sqlite3'
import { OffloadError } from '../threads/errors.ts'
import { type Failure, toFailure } from '../threads/reply.ts'

/** What SQLite's primary result codes mean if they are not the caller's doing. */
const meanings: Readonly<Record<string, [code: string, words: string]>> = {
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
  SQLITE_FORMAT: ['corrupt', 'the database file is damaged'],
  SQLITE_CORRUPT: ['corrupt', 'the database file is damaged'],
  SQLITE_NOTADB: ['corrupt', 'the file is not a SQLite database'],
}

/**
 * Translates a failure of SQLite that is the file's or the disk's fault. Any other one keeps SQLite's own code, such
 * as `SQLITE_CONSTRAINT_UNIQUE`. What is no failure of SQLite stays as it is.
 */
export function translated(error: unknown): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error
  const { code, message } = error
  const meaning = meanings[code.split('_', 2).join('_')]
  if (!meaning) return new OffloadError(code, message, { cause: error })
  const [known, words] = meaning
  return new OffloadError(known, `${words} (${code}: ${message})`, { cause: error })
}

/** A failure of an operation as data. The code of an error that has none is `failed`. */
export function failureOf(error: unknown): Failure {
  return toFailure(translated(error), 'failed')
}

/** The words of a failure. */
export function wordsOf(error: unknown): string {
  return failureOf(error).message
}
