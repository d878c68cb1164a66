import { accessSync, constants } from 'node:fs'
import type Sqlite from 'better-sqlite3'
import { OffloadError } from '../threads/errors.ts'
import type { Connection } from './connection.ts'

/** How a file is brought into the state that operations need. */
export interface FileSteps {
  /** Whether nothing is left to do. Throws to refuse the file. */
  inspect(): boolean
  /** Does what is left, in one transaction. */
  setUp(): void
}

/**
 * Sets a file up, and has it use a write-ahead log. A crash leaves it as it was. Of two processes that start at
 * once, the second finds the work done. A file that is refused is refused before anything in it is changed, and the
 * connection is closed then, so that it gets no write-ahead log.
 * @throws {OffloadError} `unavailable` if it cannot be written; what `inspect` throws
 */
export function prepareFile(connection: Connection, steps: FileSteps, busyTimeout: number): void {
  const { sqlite } = connection
  try {
    requireWritable(sqlite)
    inspectIn(connection, steps)
    switchToWal(sqlite, busyTimeout)
    if (inspectIn(connection, steps)) return
    connection.transactions.runBulk(() => {
      // Looked at again: another process may have done it meanwhile.
      if (!steps.inspect()) steps.setUp()
    })
  } catch (error) {
    sqlite.close()
    throw error
  }
}

/** Whether nothing is left to do, as of one snapshot, since another process may be at it. */
export function inspectIn({ sqlite }: Connection, steps: Pick<FileSteps, 'inspect'>): boolean {
  return sqlite.transaction(() => steps.inspect())()
}

/** SQLite opens a file that it cannot write, and every later write would fail. */
function requireWritable({ name }: Sqlite.Database): void {
  try {
    accessSync(name, constants.W_OK)
  } catch (error) {
    const why = `the database file cannot be written: ${(error as Error).message}`
    throw new OffloadError('unavailable', why, { cause: error })
  }
}

/** Two processes that switch a file at once collide, and SQLite does not wait as it does for other locks. */
function switchToWal(sqlite: Sqlite.Database, busyTimeout: number): void {
  const giveUp = Date.now() + busyTimeout
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    try {
      const mode = sqlite.pragma('journal_mode = WAL', { simple: true })
      if (mode === 'wal') return
      throw new OffloadError(
        'unavailable',
        `the database cannot use a write-ahead log (its journal mode stays '${mode}'); ` +
          'that needs a file system with shared memory, so no network drive',
      )
    } catch (error) {
      const isBusy = (error as { code?: string }).code?.startsWith('SQLITE_BUSY')
      if (!isBusy || Date.now() >= giveUp) throw error
      Atomics.wait(sleeper, 0, 0, 10)
    }
  }
}
