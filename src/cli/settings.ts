import { isIP } from 'node:net'
import { InvalidArgumentError, Option } from 'commander'
import type { Secrets } from '../credentials/secrets.ts'
import { realPathOf } from '../offload/database-file.ts'
import { isPostgresUrl } from '../postgres/url.ts'

/** A setting that is missing or wrong. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

/** The database, as named by flags and environment. */
export interface DatabaseSettings {
  readonly databaseUrl?: string | undefined
  readonly dbPath?: string | undefined
}

/** The environment variables of the secrets. */
export const secretVariables = {
  jwtSecret: 'CQ_JWT_SECRET',
  apiKeyPepper: 'CQ_API_KEY_PEPPER',
} as const satisfies Record<keyof Secrets, string>

export const databaseOptions = () => [
  new Option(
    '--database-url <url>',
    'the database: sqlite:///relative/path, sqlite:////absolute/path or postgresql://user@host/name; wins over --db-path (env: CQ_DATABASE_URL)',
  ),
  new Option('--db-path <path>', 'the database file (env: CQ_DB_PATH)'),
]

/** Parses a port. 0 is any free one. */
export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new InvalidArgumentError('it must be a whole number from 0 to 65535.')
}

/** The longest delay of a timer in Node, in milliseconds; a longer one expires at once. */
export const longestTimer = 2_147_483_647

/** Makes a parser of integers within bounds. */
export function parseCount(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (count >= least && count <= most) return count
    throw new InvalidArgumentError(`it must be a whole number from ${least} to ${most}.`)
  }
}

/** Splits URLs, separated by commas. Not checked here: what is told of a bad argument would hold its password. */
export function parseUrls(text: string): readonly string[] {
  return text.split(',').map((url) => url.trim())
}

const namedNetworks = ['loopback', 'linklocal', 'uniquelocal']

/** Parses addresses and networks, separated by commas, as Fastify takes them. */
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

/** The setting that names the database: a flag wins over the environment, and a URL over a path. */
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

/** The URL of the database, if it is a PostgreSQL server's. */
export function postgresUrl(
  flags: DatabaseSettings,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  const { url = '' } = databaseSetting(flags, environment) ?? {}
  return isPostgresUrl(url) ? url : undefined
}

/**
 * The absolute path of the database file, with all links followed.
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
const allForms = `${urlForms}, or postgresql://user@host/name`

function pathOfUrl(setting: string, url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/i.exec(url.trim()) ?? []
  // Never the URL itself: it may contain a password.
  if (isPostgresUrl(url))
    throw new SettingError(
      `${setting} names a PostgreSQL database, and a file is needed: ${urlForms}`,
    )
  if (scheme.toLowerCase() !== 'sqlite')
    throw new SettingError(
      `${setting} must be ${allForms}${scheme && `, and not a URL that begins with ${scheme}:`}`,
    )
  if (!rest.startsWith('///')) {
    if (rest === '//' || rest === '') throw memoryRefusal(setting)
    throw new SettingError(`${setting} must have three slashes before a path: ${urlForms}`)
  }
  // As the reference server reads it: here the path ends, and nothing in it is special.
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

/** The real path of a file, whether or not it exists. @throws {SettingError} if links lead in a circle */
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
