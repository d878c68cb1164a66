import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { StoreError } from '../errors.ts'
import { isWritable } from '../offload/readable-file.ts'
import { toStoreError } from '../sqlite/errors.ts'
import type { SqliteStoreOptions } from '../sqlite/options.ts'
import { SqliteStore } from '../sqlite/store.ts'
import { OffloadError } from '../threads/errors.ts'
import type { Log } from '../threads/log.ts'
import { endingSignals } from './interruption.ts'
import { type DatabaseSettings, databaseOptions, databasePath } from './settings.ts'

export const productionDatabase = '/data/cq.db'

/** What the help of every command says about its database. */
export const databaseHelp = `
Without --database-url, --db-path and their variables, the database is ${productionDatabase}.
The command may run while a server uses the same file.`

/** Adds the options that name the database. */
export function addDatabaseOptions(command: Command): Command {
  for (const option of databaseOptions()) command.addOption(option)
  return command
}

let inUse: string | undefined

/** The database that this command works on, once known: its errors name it. */
export function databaseInUse(): string | undefined {
  return inUse
}

/** The real path of the database that a command works on. @throws {SettingError} */
export function commandDatabase(flags: DatabaseSettings, environment: NodeJS.ProcessEnv): string {
  inUse = databasePath(flags, environment, productionDatabase)
  return inUse
}

/** The same for a database that must exist: a mistyped path is reported, and no database created there. */
export function existingDatabase(flags: DatabaseSettings, environment: NodeJS.ProcessEnv): string {
  const path = commandDatabase(flags, environment)
  if (isDatabaseThere(path)) return path
  throw new Error(
    `there is no database at ${path}. Name another with --db-path (serve --dev keeps data/cq.db), ` +
      'or make one with cq-store migrate',
  )
}

/** Whether there is a file that may be a database. An empty one is not, until something is stored in it. */
export function isDatabaseThere(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory())
    throw new Error(`the database must be a file, and ${path} is a directory`)
  return stat !== undefined && stat.size > 0
}

/** The store of a command that only reads, and needs no right to write. */
export async function openToRead(path: string, log?: Log): Promise<SqliteStore> {
  const readOnly = !(await isWritable(path))
  if (readOnly) exitAtSignals()
  try {
    return await openStore(path, { readers: 1, rankers: 0, readOnly, log })
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

/** Makes a signal exit the process normally, so that a private copy is deleted. */
function exitAtSignals(): void {
  for (const [signal, number] of Object.entries(endingSignals))
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(128 + number))
}

/**
 * Opens a command's store. By default it is for one call after another, and no queries.
 * @throws {StoreError} naming the file
 */
export async function openStore(
  path: string,
  options: Omit<SqliteStoreOptions, 'path'> = { readers: 1, rankers: 0 },
): Promise<SqliteStore> {
  return naming(path, SqliteStore.open({ ...options, path }))
}

/** Adds the file's name to failures of work on a database. @throws {StoreError} */
export async function naming<Result>(path: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof OffloadError)) throw error
    const { code } = toStoreError(error)
    const message = `${error.message} (database: ${path})`
    throw new StoreError(code, message, { cause: error })
  }
}
