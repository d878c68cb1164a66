import { Connection } from '../../src/offload/connection.ts'
import { migrate } from '../../src/sqlite/migrator.ts'

/** A new database at a path, with the newest schema, on a connection of this very thread. */
export function migratedDatabase(path: string): Connection {
  const connection = new Connection({
    path,
    access: 'write',
    durability: 'normal',
    busyTimeout: 5_000,
    cacheSize: 16_384,
    mmapSize: 0,
  })
  migrate(connection, 5_000)
  return connection
}
