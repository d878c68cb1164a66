import Sqlite from 'better-sqlite3'

/** A connection as the engine's: with a write-ahead log, and as many flushes. */
export function openDirectly({
  path,
  durability,
}: {
  readonly path: string
  readonly durability: 'normal' | 'full'
}): Sqlite.Database {
  const sqlite = new Sqlite(path)
  sqlite.pragma('journal_mode = WAL')
  sqlite.pragma(`synchronous = ${durability}`)
  sqlite.pragma('cache_size = -16384')
  return sqlite
}
