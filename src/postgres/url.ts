import { accessSync, constants } from 'node:fs'
import type { ClientConfig } from 'pg'
import { StoreError } from '../errors.ts'
import type { PostgresStoreOptions } from './options.ts'

const forms = 'postgresql://user:password@host:5432/database'

/** Whether a URL names a PostgreSQL database. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?(\+\w+)?:/i.test(url.trim())
}

/** Settings that a URL may have, which the driver does not know: for commands, which have no other place for them. */
export function settingsIn(url: string): {
  readonly preparedStatements?: boolean
  readonly pipeline?: boolean
} {
  const parameters = URL.parse(url.trim().replace(/^[^:]*:/, 'postgresql:'))?.searchParams
  const [prepared, pipeline] = ['prepared_statements', 'pipeline'].map((name) =>
    parameters?.get(name),
  )
  return {
    ...(prepared === 'false' && { preparedStatements: false }),
    ...(pipeline === 'false' && { pipeline: false }),
  }
}

/**
 * What the driver connects with. Nothing of the URL is told: it may hold a password.
 * @throws {StoreError} `invalid` for a URL that is none, or another program's
 */
export function connectionConfig({
  url,
  ssl,
}: Pick<PostgresStoreOptions, 'url' | 'ssl'>): ClientConfig {
  if (!isPostgresUrl(url)) throw new StoreError('invalid', `the database must be ${forms}`)
  const rest = url.trim().replace(/^[^:]*:/, '')
  if (!rest.startsWith('//')) throw new StoreError('invalid', `the database must be ${forms}`)
  let parsed: URL
  try {
    // Not the URL's own scheme: SQLAlchemy's names a driver.
    parsed = new URL(`postgresql:${rest}`)
  } catch {
    const why = `the database must be ${forms}, with special characters of user and password percent-encoded`
    throw new StoreError('invalid', why)
  }
  if (parsed.host.includes(','))
    throw new StoreError('invalid', 'the database must have one host; there are several in the URL')
  for (const name of ['sslrootcert', 'sslcert', 'sslkey']) requireFile(name, parsed.searchParams)
  // As libpq means it: `require` encrypts, and `verify-full` also checks whom it talks to.
  if (parsed.searchParams.has('sslmode')) parsed.searchParams.set('uselibpqcompat', 'true')
  return { connectionString: parsed.href, ...(ssl !== undefined && { ssl }) }
}

/** @throws {StoreError} `invalid` for a file that cannot be read: the driver would fail with that at each connection */
function requireFile(name: string, parameters: URLSearchParams): void {
  const file = parameters.get(name)
  if (!file) return
  try {
    accessSync(file, constants.R_OK)
  } catch (cause) {
    const why = `the file that the database's ${name} names cannot be read: ${(cause as Error).message}`
    throw new StoreError('invalid', why, { cause })
  }
}

/** The database as messages name it: host, port and name, without user and password. */
export function describeUrl(url: string): string {
  const rest = url.trim().replace(/^[^:]*:/, '')
  const parsed = URL.parse(`postgresql:${rest}`)
  if (!parsed) return 'PostgreSQL'
  const host = parsed.searchParams.get('host') ?? parsed.host
  return `PostgreSQL database ${parsed.pathname.slice(1) || '(default)'}${host && ` at ${host}`}`
}
