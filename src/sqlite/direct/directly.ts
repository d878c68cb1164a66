import Sqlite from 'better-sqlite3'
import { Connection } from '../../offload/connection.ts'
import { isWritable, readableFile } from '../../offload/readable-file.ts'
import { OffloadError } from '../../threads/errors.ts'
import { driverFailure } from '../driver-failure.ts'

export interface DirectOptions {
  /** The path of an existing file. */
  readonly path: string
  /** Whether the work may change the file. */
  readonly access: 'read' | 'write'
  /** Called with the directory of a private copy, to be deleted if this process is killed. */
  readonly onCopy?: (directory: string) => void
}

/** How long to wait for another process's lock, in milliseconds. */
export const directBusyTimeout = 5_000

/**
 * Works on a database with a connection on this thread. Only commands may, which do this one thing and exit, and
 * have no event loop to keep free.
 * @throws {StoreError}
 */
export async function directly<Result>(
  { path, access, onCopy }: DirectOptions,
  work: (connection: Connection) => Result,
): Promise<Awaited<Result>> {
  const isRead = access === 'read'
  await using unwritable =
    isRead && !(await isWritable(path)) ? await readableFile(path, onCopy) : undefined
  let connection: Connection | undefined
  try {
    connection = new Connection({
      path: unwritable?.path ?? path,
      // Also to read: a read-only connection that is the last one leaves a write-ahead log behind.
      access: unwritable?.isCopy === false ? 'read' : 'write',
      durability: 'full',
      busyTimeout: directBusyTimeout,
      cacheSize: 16_384,
      mmapSize: 0,
    })
    if (isRead) connection.sqlite.pragma('query_only = ON')
    return await work(connection)
  } catch (error) {
    const isDrivers = error instanceof Sqlite.SqliteError || error instanceof OffloadError
    throw isDrivers ? driverFailure(error) : error
  } finally {
    // Not the connection's own close, which would wait for others.
    connection?.sqlite.close()
  }
}
