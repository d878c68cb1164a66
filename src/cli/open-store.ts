import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { StoreError } from '../errors.ts'
import { isWritable } from '../offload/readable-file.ts'
import type { PostgresStoreOptions } from '../postgres/options.ts'
import { describeUrl } from '../postgres/url.ts'
import { toStoreError } from '../sqlite/errors.ts'
import type { SqliteStoreOptions } from '../sqlite/options.ts'
import { SqliteStore } from '../sqlite/store.ts'
import type { Store } from '../store.ts'
import { OffloadError } from '../threads/errors.ts'
import type { Log } from '../threads/log.ts'
import { endingSignals } from './interruption.ts'
import {
  type DatabaseSettings,
  databaseOptions,
  databasePath,
  postgresUrl,
  SettingError,
} from './settings.ts'

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

/** A database of a PostgreSQL server. As text, it is what messages call it, without a password. */
export class ServerDatabase {
  readonly url: string
  constructor(url: string) {
    this.url = url
  }

  toString(): string {
    return describeUrl(this.url)
  }
}

/** A database: the real path of its file, or a server's. */
export type Database = string | ServerDatabase

let inUse: Database | undefined

/** The database that this command works on, once known: its errors name it. */
export function databaseInUse(): string | undefined {
  return inUse?.toString()
}

/** The database that a command works on. @throws {SettingError} */
export function commandDatabase(flags: DatabaseSettings, environment: NodeJS.ProcessEnv): Database {
  const url = postgresUrl(flags, environment)
  const database =
    url === undefined
      ? databasePath(flags, environment, productionDatabase)
      : new ServerDatabase(url)
  inUse = database
  return database
}

/**
 * The same for a command that works on files only.
 * @param instead what to do with a server's database
 * @throws {SettingError}
 */
export function commandFile(
  flags: DatabaseSettings,
  environment: NodeJS.ProcessEnv,
  instead: string,
): string {
  const database = commandDatabase(flags, environment)
  if (typeof database === 'string') return database
  throw new SettingError(`this command works on database files only. ${instead}`)
}

/** The same for a database that must exist: a mistyped path is reported, and no database created there. */
export function existingDatabase(
  flags: DatabaseSettings,
  environment: NodeJS.ProcessEnv,
): Database {
  const database = commandDatabase(flags, environment)
  if (typeof database === 'string') requireThere(database)
  return database
}

/** @throws {Error} if there is no database at a path */
export function requireThere(path: string): void {
  if (isDatabaseThere(path)) return
  throw new Error(
    `there is no database at ${path}. Name another with --db-path (serve --dev keeps data/cq.db), ` +
      'or make one with cq-store migrate',
  )
}

/** Whether there may be a database. An empty file is none, until something is stored in it. */
export function isDatabaseThere(path: Database): boolean {
  // Its server tells when it is asked.
  if (typeof path !== 'string') return true
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory())
    throw new Error(`the database must be a file, and ${path} is a directory`)
  return stat !== undefined && stat.size > 0
}

/** The store of a command that only reads, and needs no right to write. */
export async function openToRead(path: Database, log?: Log): Promise<Store> {
  if (typeof path !== 'string') return openStore(path, { rankers: 0, log })
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
  database: Database,
  options: Omit<SqliteStoreOptions, 'path'> = { readers: 1, rankers: 0 },
): Promise<Store> {
  if (typeof database === 'string')
    return naming(database, SqliteStore.open({ ...options, path: database }))
  const { readers, rankers, migrate, log } = options
  return openOnServer(database, { connections: readers, rankers, migrate, log })
}

/** Opens the store of a server's database. @throws {StoreError} naming it */
export async function openOnServer(
  database: ServerDatabase,
  options: Omit<PostgresStoreOptions, 'url'>,
): Promise<Store> {
  // Loaded only here: most commands work on files.
  const { PostgresStore } = await import('../postgres/store.ts')
  return naming(database, PostgresStore.open({ ...options, url: database.url }))
}

/** Adds the file's name to failures of work on a database. @throws {StoreError} */
export async function naming<Result>(database: Database, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof OffloadError)) throw error
    const { code } = toStoreError(error)
    const message = `${error.message} (database: ${database})`
    throw new StoreError(code, message, { cause: error })
  }
}
