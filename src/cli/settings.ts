import { isIP } from 'node:net'
import { InvalidArgumentError, Option } from 'commander'
import type { Secrets } from '../credentials/secrets.ts'
import { realPathOf } from '../sqlite/database-file.ts'

/** A setting that is missing, or that is not what it may be. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

/** Where the server listens and what it serves, as flags and environment name it. */
export interface DatabaseSettings {
  readonly databaseUrl?: string | undefined
  readonly dbPath?: string | undefined
}

/** Where the server's secrets come from. */
export const secretVariables = {
  jwtSecret: 'CQ_JWT_SECRET',
  apiKeyPepper: 'CQ_API_KEY_PEPPER',
} as const satisfies Record<keyof Secrets, string>

export const databaseOptions = () => [
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

/** What a timer of Node takes at most, in milliseconds; a longer one is over at once. */
export const longestTimer = 2_147_483_647

/** A whole number within bounds. */
export function parseCount(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (count >= least && count <= most) return count
    throw new InvalidArgumentError(`it must be a whole number from ${least} to ${most}.`)
  }
}

const namedNetworks = ['loopback', 'linklocal', 'uniquelocal']

/** Addresses and networks by commas, as Fastify takes them. */
export function parseNetworks(text: string): readonly string[] {
  const networks = text.split(',').map((network) => network.trim())
  const bad = networks.find((network) => !isNetwork(network))
  if (bad === undefined) return networks
  throw new InvalidArgumentError(
    `'${bad}' is none of these: an address, a network such as 10.1.0.0/16, ${namedNetworks.join(', ')}.`,
  )
}

function isNetwork(text: string): boolean {
  if (namedNetworks.includes(text)) return true
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const longest = { 4: 32, 6: 128 }[isIP(address)]
  if (longest === undefined) return false
  return length === undefined || (Number(length) >= 1 && Number(length) <= longest)
}

/** Which setting names the database: a flag wins over the environment, and a URL over a path. */
export function databaseSetting(
  { databaseUrl, dbPath }: DatabaseSettings,
  { CQ_DATABASE_URL, CQ_DB_PATH }: NodeJS.ProcessEnv,
) {
  if (databaseUrl !== undefined) return { name: '--database-url', url: databaseUrl }
  if (dbPath !== undefined) return { name: '--db-path', path: dbPath }
  if (CQ_DATABASE_URL !== undefined) return { name: 'CQ_DATABASE_URL', url: CQ_DATABASE_URL }
  if (CQ_DB_PATH !== undefined) return { name: 'CQ_DB_PATH', path: CQ_DB_PATH }
  return undefined
}

/**
 * The absolute path of the database file, every link in it followed.
 * @throws {SettingError}
 */
export function databasePath(
  flags: DatabaseSettings,
  environment: NodeJS.ProcessEnv,
  fallback: string,
): string {
  const setting = databaseSetting(flags, environment)
  if (!setting) return realPathOfSetting('the default database', fallback)
  const { name, url, path } = setting
  return url === undefined ? checkedPath(name, path) : pathOfUrl(name, url)
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
  // As the reference server reads it: a path ends here, and all else in it stands for itself.
  if (rest.includes('?'))
    throw new SettingError(
      `${setting} must not have a query string, of which nothing would be used; a file with a question ` +
        'mark in its name can be given by --db-path or CQ_DB_PATH',
    )
  return checkedPath(setting, rest.slice(3))
}

function checkedPath(setting: string, path: string): string {
  if (path.trim() === '') throw new SettingError(`${setting} must name a file, and is blank`)
  if (path.startsWith(':memory:')) throw memoryRefusal(setting)
  if (/^([a-z][a-z0-9+.-]*:\/\/|file:)/i.test(path))
    throw new SettingError(
      `${setting} must be the path of a file, and not a URL; --database-url and CQ_DATABASE_URL take one`,
    )
  return realPathOfSetting(setting, path)
}

/** Where a file really lies, or would be made. @throws {SettingError} where links go in a circle */
export function realPathOfSetting(setting: string, path: string): string {
  try {
    return realPathOf(path)
  } catch (error) {
    throw new SettingError(`${setting}: ${(error as Error).message}`, { cause: error })
  }
}

function memoryRefusal(setting: string): SettingError {
  return new SettingError(
    `${setting} must name a file: a database in memory cannot be shared by several connections`,
  )
}
