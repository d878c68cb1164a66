import { randomBytes } from 'node:crypto'
import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { parseTtl } from '../knowledge/ttl.ts'
import { issueApiKey } from '../server/accounts.ts'
import { hashSecret, readApiKey, sameHash } from '../server/api-key.ts'
import { hashPassword } from '../server/passwords.ts'
import type { Store } from '../store.ts'

/** What a development server keeps beside its database, so that it is the same at each start. */
export interface DevelopmentSecrets {
  readonly jwtSecret: string
  readonly apiKeyPepper: string
  readonly username: string
  readonly password: string
  /** The demo user's API key. */
  readonly apiKey: string
}

const names = {
  jwtSecret: 'CQ_JWT_SECRET',
  apiKeyPepper: 'CQ_API_KEY_PEPPER',
  username: 'CQ_DEMO_USER',
  password: 'CQ_DEMO_PASSWORD',
  apiKey: 'CQ_DEMO_API_KEY',
} as const satisfies Record<keyof DevelopmentSecrets, string>

/** Nobody but the owner may read it. */
const mode = 0o600

export function secretsFile(database: string): string {
  return join(dirname(database), 'dev.env')
}

/** What is kept beside the database, or `undefined` where nothing is. */
export async function readSecrets(database: string): Promise<DevelopmentSecrets | undefined> {
  try {
    const kept = parseEnv(await readFile(secretsFile(database), 'utf8'))
    const entries = Object.entries(names).map(([name, variable]) => [name, kept[variable] ?? ''])
    return Object.fromEntries(entries) as unknown as DevelopmentSecrets
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Sees to it that there are secrets, and a demo user and API key that they fit. Where the environment
 * sets a secret, that one counts.
 */
export async function prepareDevelopment(
  store: Store,
  database: string,
  environment: NodeJS.ProcessEnv,
): Promise<DevelopmentSecrets> {
  const kept = await readSecrets(database)
  const wanted: DevelopmentSecrets = {
    jwtSecret: environment.CQ_JWT_SECRET || kept?.jwtSecret || randomText(),
    apiKeyPepper: environment.CQ_API_KEY_PEPPER || kept?.apiKeyPepper || randomText(),
    username: kept?.username || 'demo',
    password: kept?.password || randomText(12),
    apiKey: kept?.apiKey ?? '',
  }
  const user = await store.getUser(wanted.username)
  if (!user) await store.createUser(wanted.username, await hashPassword(wanted.password))
  // Kept nowhere else: a new file with an old database.
  else if (!kept?.password)
    await store.setPassword(wanted.username, await hashPassword(wanted.password))
  const secrets = { ...wanted, apiKey: await demoKey(store, wanted) }
  await writeSecrets(database, secrets)
  return secrets
}

/** The key that is kept, if it still opens, and else a new one. */
async function demoKey(
  store: Store,
  { apiKey, apiKeyPepper, username }: DevelopmentSecrets,
): Promise<string> {
  const parts = readApiKey(apiKey)
  const row = parts && (await store.getActiveApiKeyById(parts.id))
  if (row && sameHash(row.key_hash, hashSecret(parts.secret, apiKeyPepper))) return apiKey
  const user = await store.getUser(username)
  const key = { name: 'demo', labels: [], ttl: parseTtl('365d') }
  return (await issueApiKey(store, key, user?.id as number, apiKeyPepper, new Date())).token
}

async function writeSecrets(database: string, secrets: DevelopmentSecrets): Promise<void> {
  const lines = Object.entries(names).map(
    ([name, variable]) => `${variable}=${secrets[name as keyof DevelopmentSecrets]}`,
  )
  const file = secretsFile(database)
  const text = `# Made by cq-store serve --dev. Nobody else should read it.\n${lines.join('\n')}\n`
  // Whole or not at all, and never readable by others in between.
  const draft = `${file}.${process.pid}`
  await writeFile(draft, text, { mode })
  await chmod(draft, mode)
  await rename(draft, file)
}

function randomText(bytes = 32): string {
  return randomBytes(bytes).toString('base64url')
}
