import { resolve } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'

/** A setting that is missing, or that is not what it may be. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

/** Where the server listens and what it serves, as flags and environment name it. */
export interface DatabaseSettings {
  readonly databaseUrl?: string | undefined
  readonly dbPath?: string | undefined
}

export const databaseOptions = [
  new Option(
    '--database-url <url>',
    'the database: sqlite:///relative/path or sqlite:////absolute/path; wins over --db-path (env: CQ_DATABASE_URL)',
  ),
  new Option('--db-path <path>', 'the database file (env: CQ_DB_PATH)'),
]

/** A port as a flag or the environment gives it. 0 is any that is free. */
export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new InvalidArgumentError('it must be a whole number from 0 to 65535.')
}

/** A whole number within bounds. */
export function parseCount(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (count >= least && count <= most) return count
    throw new InvalidArgumentError(`it must be a whole number from ${least} to ${most}.`)
  }
}

/**
 * The absolute path of the database file. A flag wins over the environment, and a URL over a path.
 * @throws {SettingError}
 */
export function databasePath(
  flags: DatabaseSettings,
  environment: NodeJS.ProcessEnv,
  fallback: string,
): string {
  if (flags.databaseUrl !== undefined) return pathOfUrl('--database-url', flags.databaseUrl)
  if (flags.dbPath !== undefined) return checkedPath('--db-path', flags.dbPath)
  const { CQ_DATABASE_URL, CQ_DB_PATH } = environment
  if (CQ_DATABASE_URL !== undefined) return pathOfUrl('CQ_DATABASE_URL', CQ_DATABASE_URL)
  if (CQ_DB_PATH !== undefined) return checkedPath('CQ_DB_PATH', CQ_DB_PATH)
  return resolve(fallback)
}

const urlForms = 'sqlite:///relative/path or sqlite:////absolute/path'

function pathOfUrl(setting: string, url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/i.exec(url.trim()) ?? []
  // Never the URL itself: it may hold a password.
  if (/^postgres(ql)?(\+\w+)?$/i.test(scheme))
    throw new SettingError(
      `${setting} names a PostgreSQL database, which this version can't serve from; it takes ${urlForms}`,
    )
  if (scheme.toLowerCase() !== 'sqlite')
    throw new SettingError(
      `${setting} must be ${urlForms}${scheme && `, and not a URL that begins with ${scheme}:`}`,
    )
  if (!rest.startsWith('///')) {
    if (rest === '//' || rest === '') throw memoryRefusal(setting)
    throw new SettingError(`${setting} must have three slashes before a path: ${urlForms}`)
  }
  return checkedPath(setting, rest.slice(3))
}

function checkedPath(setting: string, path: string): string {
  if (path.trim() === '') throw new SettingError(`${setting} must name a file, and is blank`)
  if (path.startsWith(':memory:')) throw memoryRefusal(setting)
  return resolve(path)
}

function memoryRefusal(setting: string): SettingError {
  return new SettingError(
    `${setting} must name a file: a database in memory cannot be shared by several connections`,
  )
}
