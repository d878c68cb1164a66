import Sqlite from 'better-sqlite3'
import { OffloadError } from '../threads/errors.ts'
import type { ConnectionAccess, ConnectionOptions, ConnectionReport } from './connection-options.ts'
import { translated } from './errors.ts'
import { OpenFile } from './open-file.ts'
import { requireSafeSqlite } from './versions.ts'

const reportedPragmas = [
  'foreign_keys',
  'journal_mode',
  'synchronous',
  'busy_timeout',
  'query_only',
  'cache_size',
  'mmap_size',
] as const

/** Opens a database with its PRAGMAs set. @throws {OffloadError} */
export function openDatabase(options: ConnectionOptions): Sqlite.Database {
  const { path, access, busyTimeout } = options
  const readonly = access === 'read' || access === 'index'
  try {
    const sqlite = new Sqlite(path, { readonly, timeout: busyTimeout })
    try {
      setPragmas(sqlite, options)
      if (options.file !== undefined && options.file !== new OpenFile(path).identity)
        throw fileMoved()
    } catch (error) {
      sqlite.close()
      throw error
    }
    return sqlite
  } catch (error) {
    throw translated(error)
  }
}

function setPragmas(sqlite: Sqlite.Database, options: ConnectionOptions): void {
  const { access, durability, busyTimeout, cacheSize, mmapSize } = options
  requireSafeSqlite(versionOf(sqlite))
  sqlite.pragma('foreign_keys = ON')
  sqlite.pragma(`busy_timeout = ${busyTimeout}`)
  sqlite.pragma(`synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`)
  sqlite.pragma(`cache_size = ${-cacheSize}`)
  sqlite.pragma(`mmap_size = ${mmapSize}`)
  // Otherwise each page that a savepoint may have to restore is first written to a temporary file.
  sqlite.pragma('temp_store = MEMORY')
  // Deleted and replaced content is overwritten. FAST would leave it in pages that become free.
  if (access === 'write') sqlite.pragma('secure_delete = ON')
  // Does not prevent checkpoints.
  else sqlite.pragma('query_only = ON')
}

export function reportOf(sqlite: Sqlite.Database, access: ConnectionAccess): ConnectionReport {
  const pragmas = reportedPragmas.map((name) => [name, pragmaOf(sqlite, name)])
  return { access, sqliteVersion: versionOf(sqlite), pragmas: Object.fromEntries(pragmas) }
}

/** The value of a PRAGMA. */
export function pragmaOf(sqlite: Sqlite.Database, name: string): string | number {
  return sqlite.pragma(name, { simple: true }) as string | number
}

/** The failure of a call on a file that is no longer at its path. */
export function fileMoved(): OffloadError {
  const why = 'the database file was moved, removed or replaced while it was open; nothing was done'
  return new OffloadError('unavailable', why)
}

function versionOf(sqlite: Sqlite.Database): string {
  return sqlite.prepare('select sqlite_version()').pluck().get() as string
}
