import { randomBytes } from 'node:crypto'
import { lstat, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { hashSecret, newApiKey, readApiKey, sameHash } from '../credentials/api-key.ts'
import { issueApiKey } from '../credentials/issuing.ts'
import { hashPassword, isPassword } from '../credentials/passwords.ts'
import { faultOfSecrets, type Secrets } from '../credentials/secrets.ts'
import { StoreError } from '../errors.ts'
import { parseTtl } from '../knowledge/ttl.ts'
import { makeDatabaseFile } from '../offload/database-file.ts'
import type { Store } from '../store.ts'
import { loadSampleUnits } from './sample-units.ts'
import { SettingError, secretVariables } from './settings.ts'
import { writeWholeFile } from './whole-file.ts'

/** What a development server keeps beside its database, so that it stays the same. */
export interface DevelopmentSecrets extends Secrets {
  readonly username: string
  readonly password: string
  /** The demo user's API key. */
  readonly apiKey: string
}

const names = {
  ...secretVariables,
  username: 'CQ_DEMO_USER',
  password: 'CQ_DEMO_PASSWORD',
  apiKey: 'CQ_DEMO_API_KEY',
} as const satisfies Record<keyof DevelopmentSecrets, string>

/** The name by which the sample units are approved. */
const reviewer = 'cq-store'

export function secretsFile(database: string): string {
  return join(dirname(database), 'dev.env')
}

/**
 * Marks the database as a development server's, and keeps the secrets beside it; before the store opens it, since
 * any other database must stay untouched.
 * @param setting how the database was named
 * @throws {SettingError} if it is another database, or a secret is weak
 */
export async function claimDatabase(
  database: string,
  setting: string,
  environment: NodeJS.ProcessEnv,
): Promise<DevelopmentSecrets> {
  const { apiKey } = (await wantedSecrets(database, environment)).wanted
  const older = { keyId: readApiKey(apiKey)?.id ?? '', reviewer }
  await makeDatabaseFile(database)
  // Loaded only here, since it loads the database driver on this thread.
  const { directly } = await import('../sqlite/direct/directly.ts')
  const { claimForDevelopment } = await import('../sqlite/direct/development-mark.ts')
  const secrets = await directly({ path: database, access: 'write' }, (connection) =>
    // Of two that start at once, the second finds what the first has kept.
    claimForDevelopment(connection, older, async () => {
      const { wanted, areKept } = await wantedSecrets(database, environment)
      if (!areKept) await keepSecrets(database, wanted, environment)
      return wanted
    }),
  )
  if (secrets) return secrets
  throw new SettingError(
    `--dev works only on databases that it made, since it adds a user whose password it keeps in a file, ` +
      `and ${database} (${setting}) is another one; nothing was changed. Serve it without --dev, or name ` +
      "a file that isn't there with --db-path",
  )
}

/** Makes sure that there are units, and a user and an API key that match the secrets. */
export async function fillDatabase(
  store: Store,
  database: string,
  secrets: DevelopmentSecrets,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  await loadSampleUnits(store, reviewer)
  const { username, password } = secrets
  const user = await store.getUser(username)
  if (!user)
    await unlessThere(async () =>
      store.createUser(username, await hashPassword(password, { isRandom: true })),
    )
  else if (!(await isPassword(password, user.password_hash)))
    await store.setPassword(username, await hashPassword(password, { isRandom: true }))
  if (await opens(store, secrets)) return
  // It is new, or another process has just stored it; otherwise it has expired, or has another pepper.
  await unlessThere(() => storeKey(store, secrets))
  if (await opens(store, secrets)) return
  const renewed = { ...secrets, apiKey: newApiKey().token }
  await storeKey(store, renewed)
  await keepSecrets(database, renewed, environment)
}

async function opens(store: Store, { apiKey, apiKeyPepper }: DevelopmentSecrets): Promise<boolean> {
  const parts = readApiKey(apiKey)
  const row = parts && (await store.getActiveApiKeyById(parts.id))
  return !!row && sameHash(row.key_hash, hashSecret(parts.secret, apiKeyPepper))
}

async function storeKey(
  store: Store,
  { apiKey: token, apiKeyPepper, username }: DevelopmentSecrets,
): Promise<void> {
  const parts = readApiKey(token)
  const user = await store.getUser(username)
  if (!parts || !user) throw new Error(`${username} was removed while the server started`)
  const key = { name: 'demo', labels: [], ttl: parseTtl('365d') }
  await issueApiKey(store, key, user.id, apiKeyPepper, new Date(), { ...parts, token })
}

async function unlessThere(create: () => Promise<void>): Promise<void> {
  try {
    await create()
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'conflict')) throw error
  }
}

/**
 * The secrets that the environment sets, or else those that are kept, or else new ones; and whether exactly these
 * are kept already.
 * @throws {SettingError}
 */
async function wantedSecrets(database: string, environment: NodeJS.ProcessEnv) {
  const file = secretsFile(database)
  const kept = await readSecrets(file)
  const keptKey = kept?.apiKey ?? ''
  const wanted: DevelopmentSecrets = {
    jwtSecret: environment.CQ_JWT_SECRET || kept?.jwtSecret || randomText(),
    apiKeyPepper: environment.CQ_API_KEY_PEPPER || kept?.apiKeyPepper || randomText(),
    username: kept?.username || 'demo',
    password: kept?.password || randomText(12),
    apiKey: readApiKey(keptKey) ? keptKey : newApiKey().token,
  }
  const found = faultOfSecrets(wanted)
  if (found) {
    const variable = names[found.name]
    throw new SettingError(
      `${environment[variable] ? variable : `${variable} in ${file}`} ${found.fault}`,
    )
  }
  const areKept =
    kept?.isPrivate === true && secretsText(kept) === secretsText(toKeep(wanted, environment))
  return { wanted, areKept }
}

/** What the file contains; `undefined` if it does not exist. */
async function readSecrets(
  file: string,
): Promise<(DevelopmentSecrets & { readonly isPrivate: boolean }) | undefined> {
  try {
    const status = await lstat(file)
    if (!status.isFile()) throw new Error(`${file} is not a regular file; remove it`)
    const kept = parseEnv(await readFile(file, 'utf8'))
    const entries = Object.entries(names).map(([name, variable]) => [name, kept[variable] ?? ''])
    return { ...Object.fromEntries(entries), isPrivate: (status.mode & 0o077) === 0 }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Writes the secrets, readable by their owner only. */
function keepSecrets(
  database: string,
  secrets: DevelopmentSecrets,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  // Whoever can create a link beside the database must not choose what is overwritten.
  const options = { force: true, mode: 0o600, followsLinks: false }
  const text = secretsText(toKeep(secrets, environment))
  return writeWholeFile(secretsFile(database), options, (_path, file) => file.writeFile(text))
}

/** Secrets of the environment may be production's, and are not written. */
function toKeep(secrets: DevelopmentSecrets, environment: NodeJS.ProcessEnv): DevelopmentSecrets {
  return {
    ...secrets,
    ...(environment.CQ_JWT_SECRET && { jwtSecret: '' }),
    ...(environment.CQ_API_KEY_PEPPER && { apiKeyPepper: '' }),
  }
}

function secretsText(secrets: DevelopmentSecrets): string {
  const lines = Object.entries(names).flatMap(([name, variable]) => {
    const secret = secrets[name as keyof DevelopmentSecrets]
    return secret === '' ? [] : [`${variable}=${secret}\n`]
  })
  return `# Made by cq-store serve --dev. Nobody else should read it.\n${lines.join('')}`
}

function randomText(bytes = 32): string {
  return randomBytes(bytes).toString('base64url')
}
