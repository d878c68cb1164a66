import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { StoreError } from '../errors.ts'
import type { Log } from '../offload/log.ts'
import { realPathOf } from '../sqlite/database-file.ts'
import { isWritable } from '../sqlite/readable-file.ts'
import { SqliteStore } from '../sqlite/sqlite-store.ts'
import { type DatabaseSettings, databaseOptions, databasePath } from './settings.ts'

const productionDatabase = '/data/cq.db'

/** What every command says about its database below its options. */
export const databaseHelp = `
Without --database-url, --db-path and their variables the database is ${productionDatabase}.
The command may run while a server works on the same file.`

/** Adds what names the database. */
export function addDatabaseOptions(command: Command): Command {
  for (const option of databaseOptions()) command.addOption(option)
  return command
}

/** The database file that a command is to work on, no link. @throws {SettingError} */
export function commandDatabase(flags: DatabaseSettings, environment: NodeJS.ProcessEnv): string {
  return realPathOf(databasePath(flags, environment, productionDatabase))
}

/** The same, which must be there: a mistyped path is told, and not made into a new database. */
export function existingDatabase(flags: DatabaseSettings, environment: NodeJS.ProcessEnv): string {
  const path = commandDatabase(flags, environment)
  if (existsSync(path)) return path
  throw new Error(
    `there is no database at ${path}. Name another with --db-path (serve --dev keeps data/cq.db), ` +
      'or make one with cq-store migrate',
  )
}

/** The same for a command that only reads, which needs no rights to write. */
export async function openToRead(path: string, log?: Log): Promise<SqliteStore> {
  const readOnly = !(await isWritable(path))
  try {
    return await SqliteStore.open({ path, readers: 1, readOnly, log })
  } catch (error) {
    if (error instanceof StoreError && error.code === 'migration_needed')
      throw new Error(
        `${error.message}. It can't be written where it is: make a copy with cq-store backup, and ` +
          'name that with --db-path',
        { cause: error },
      )
    throw error
  }
}

/** Opens the store of a command, which asks one thing after the other. */
export function openStore(path: string, log?: Log): Promise<SqliteStore> {
  return SqliteStore.open({ path, readers: 1, log })
}
