import { existsSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import { issueApiKey, presentApiKey } from '../credentials/issuing.ts'
import { StoreError } from '../errors.ts'
import { parseTtl, type Ttl } from '../knowledge/ttl.ts'
import { secretsFile } from './development.ts'
import {
  addDatabaseOptions,
  type Database,
  databaseHelp,
  existingDatabase,
  openStore,
  openToRead,
} from './open-store.ts'
import { printJson } from './output.ts'
import { type DatabaseSettings, SettingError } from './settings.ts'
import { textTable } from './text-table.ts'
import { requireUser } from './user.ts'

interface CreateFlags extends DatabaseSettings {
  readonly name: string
  readonly ttl: Ttl
  readonly label: readonly string[]
  readonly json?: true
}

const longestName = 64
const longestTtl = 16
const mostLabels = 16

/** Adds `key` and its subcommands. */
export function addKeyCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const key = program.command('key').description("Manage users' API keys, which agents write with.")

  const create = key
    .command('create')
    .description('Create an API key and print its token, which is shown only once.')
    .argument('<user>', 'the owner of the key')
    .requiredOption('--name <text>', `what it is for, 1 to ${longestName} characters`, parseName)
    .requiredOption('--ttl <duration>', 'its lifetime: 90s, 15m, 12h, 30d; at most 365d', readTtl)
    .option('--label <text>', `a label; may be given ${mostLabels} times`, addLabel, [])
    .option('--json', 'as JSON, like the HTTP API, including the token')
  addDatabaseOptions(create)
    .addHelpText(
      'after',
      `
CQ_API_KEY_PEPPER must be the server's, or the server does not accept the key.
The token alone goes to standard output; a description goes to standard error.
${databaseHelp}

Examples:
  $ cq-store key create carol --name laptop --ttl 30d
  $ TOKEN=$(cq-store key create carol --name ci --ttl 12h --label ci --label nightly)`,
    )
    .action(async (username: string, flags: CreateFlags) => {
      const path = existingDatabase(flags, environment)
      const pepper = requirePepper(path, environment)
      await using store = await openStore(path)
      const { id: userId } = await requireUser(store, username)
      const now = new Date()
      const { name, ttl, label: labels } = flags
      const issued = await toldWell(issueApiKey(store, { name, ttl, labels }, userId, pepper, now))
      const wireKey = presentApiKey(issued.key, now)
      if (flags.json) printJson({ ...wireKey, token: issued.token })
      else process.stdout.write(`${issued.token}\n`)
      process.stderr.write(
        `made key ${wireKey.id} of ${username} in ${path}, valid until ${wireKey.expires_at}; ` +
          'its token is not shown again\n',
      )
    })

  const list = key
    .command('list')
    .description("List a user's keys, newest first, including revoked and expired ones.")
    .argument('<user>', 'the owner of the keys')
    .option('--json', 'as a JSON array of keys, like the HTTP API')
  addDatabaseOptions(list)
    .addHelpText(
      'after',
      `${databaseHelp}

Examples:
  $ cq-store key list carol
  $ cq-store key list carol --json | jq -r '.[] | select(.is_active) | .id'`,
    )
    .action(async (username: string, flags: DatabaseSettings & { readonly json?: true }) => {
      await using store = await openToRead(existingDatabase(flags, environment))
      const { id } = await requireUser(store, username)
      const now = new Date()
      const keys = (await store.listApiKeysForUser(id)).map((stored) => presentApiKey(stored, now))
      if (flags.json) {
        printJson(keys)
        return
      }
      const rows = keys.map((one) => [
        one.id,
        one.name,
        one.revoked_at !== null ? 'revoked' : one.is_expired ? 'expired' : 'active',
        one.expires_at,
        one.last_used_at ?? 'never',
        one.labels.join(', '),
      ])
      const headings = ['ID', 'NAME', 'STATE', 'EXPIRES', 'LAST USED', 'LABELS']
      process.stdout.write(textTable(headings, rows))
    })

  const revoke = key
    .command('revoke')
    .description('Revoke a key for good, with immediate effect. Revoking it again is not an error.')
    .argument('<user>', 'the owner of the key')
    .argument('<key-id>', 'its id, as shown by key list')
  addDatabaseOptions(revoke)
    .addHelpText(
      'after',
      `${databaseHelp}

Example:
  $ cq-store key revoke carol 0b6f3c0e5d4b4f0a9b1c2d3e4f5a6b7c`,
    )
    .action(async (username: string, keyId: string, flags: DatabaseSettings) => {
      const path = existingDatabase(flags, environment)
      await using store = await openStore(path)
      const { id: userId } = await requireUser(store, username)
      if (!(await store.getApiKeyForUser({ userId, keyId })))
        throw new Error(`API key not found among those of ${username}: ${keyId}`)
      const isNews = await store.revokeApiKey({ userId, keyId })
      process.stdout.write(
        isNews ? `revoked key ${keyId} in ${path}\n` : `key ${keyId} was revoked before\n`,
      )
    })
}

/** The pepper that keys are hashed with. @throws {SettingError} if it is not set */
function requirePepper(database: Database, { CQ_API_KEY_PEPPER = '' }: NodeJS.ProcessEnv): string {
  if (CQ_API_KEY_PEPPER !== '') return CQ_API_KEY_PEPPER
  const kept = typeof database === 'string' ? secretsFile(database) : ''
  throw new SettingError(
    'CQ_API_KEY_PEPPER must be set, to what the server is started with' +
      (existsSync(kept) ? `; that of serve --dev is in ${kept}` : ''),
  )
}

/** Adds to a limit what to do about it. */
async function toldWell<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (error instanceof StoreError && error.code === 'limit_reached')
      throw new Error(`${error.message}; revoke one with cq-store key revoke`, { cause: error })
    throw error
  }
}

function parseName(text: string): string {
  const { length } = [...text]
  if (length >= 1 && length <= longestName) return text
  throw new InvalidArgumentError(`it must be 1 to ${longestName} characters long.`)
}

function readTtl(text: string): Ttl {
  if ([...text].length > longestTtl)
    throw new InvalidArgumentError(`it must be at most ${longestTtl} characters long.`)
  try {
    return parseTtl(text)
  } catch (error) {
    throw new InvalidArgumentError(`${(error as RangeError).message}.`)
  }
}

function addLabel(text: string, before: readonly string[]): readonly string[] {
  if (before.length < mostLabels) return [...before, text]
  throw new InvalidArgumentError(`there may be at most ${mostLabels} labels.`)
}
