import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { StoreError } from '../../errors.ts'
import { driverFailure } from '../driver-failure.ts'

/** A database file that nobody else uses until this is disposed of. */
export interface SoleUse extends Disposable {
  /**
   * Whether SQLite cannot read the file, so that its log may still be beside it, and nobody is locked out. Any
   * other file is complete, without a log.
   */
  readonly isUnreadable: boolean
}

/**
 * Makes sure that nobody has a database open, including idle connections, and locks everybody out. Its log is
 * copied into it, and it is left without one: a connection that waited, and finds another file at its path, can
 * then write to neither. The next store that opens it creates a log again.
 * @throws {StoreError} `unavailable` if somebody has it open
 */
export function takeSoleUse(path: string): SoleUse {
  const others = processesWithOpen(path)
  if (others.length > 0)
    throw inUse(
      path,
      others.length === 1
        ? `process ${others[0]} has it open`
        : `processes ${others.join(', ')} have it open`,
    )
  try {
    foldIn(path)
    const held = open(path)
    try {
      held.prepare('BEGIN EXCLUSIVE').run()
      // Otherwise somebody created a log again in between.
      requireNoLog(path, held.pragma('journal_mode', { simple: true }))
    } catch (error) {
      held.close()
      throw error
    }
    return { isUnreadable: false, [Symbol.dispose]: () => void held.close() }
  } catch (error) {
    const failure = driverFailure(error)
    if (failure.code === 'corrupt') return { isUnreadable: true, [Symbol.dispose]() {} }
    const { code } = error as { code?: string }
    throw code?.startsWith('SQLITE_BUSY') ? inUse(path, failure.message) : failure
  }
}

function foldIn(path: string): void {
  const sqlite = open(path)
  try {
    // Whoever uses a write-ahead log holds a lock from the first read until closing the file.
    sqlite.pragma('locking_mode = EXCLUSIVE')
    requireNoLog(path, sqlite.pragma('journal_mode = DELETE', { simple: true }))
  } finally {
    // Otherwise the journal of this change stays.
    sqlite.close()
  }
}

function open(path: string): Sqlite.Database {
  return new Sqlite(path, { timeout: 0, fileMustExist: true })
}

function requireNoLog(path: string, mode: unknown): void {
  if (mode !== 'delete') throw inUse(path, `its journal mode is '${mode}'`)
}

function inUse(path: string, why: string): StoreError {
  return new StoreError(
    'unavailable',
    `${path} is in use; nothing was changed. Stop the server and whatever else has it open (${why})`,
  )
}

/**
 * The processes that have a file open, as far as Linux shows them to this user: without a write-ahead log, idle
 * connections hold no lock.
 */
function processesWithOpen(path: string): string[] {
  if (process.platform !== 'linux') return []
  const { dev, ino } = statSync(path)
  const isIt = (link: string) => {
    const file = statSync(link, { throwIfNoEntry: false })
    return file?.dev === dev && file.ino === ino
  }
  return entriesOf('/proc')
    .filter((id) => /^\d+$/.test(id))
    .filter((id) => {
      const folder = join('/proc', id, 'fd')
      return entriesOf(folder).some((name) => orFalse(() => isIt(join(folder, name))))
    })
}

/** Other users' processes cannot be inspected, and a process may end meanwhile. */
function entriesOf(folder: string): string[] {
  return orFalse(() => readdirSync(folder)) || []
}

function orFalse<Result>(look: () => Result): Result | false {
  try {
    return look()
  } catch {
    return false
  }
}
