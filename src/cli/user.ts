import { Argument, type Command, Option } from 'commander'
import { hashPassword } from '../credentials/passwords.ts'
import { type Role, roles } from '../knowledge/records.ts'
import { accounts } from '../operations/accounts.ts'
import type { Store, User } from '../store.ts'
import {
  addDatabaseOptions,
  commandDatabase,
  type Database,
  databaseHelp,
  existingDatabase,
  isDatabaseThere,
  openStore,
  openToRead,
} from './open-store.ts'
import { printJson } from './output.ts'
import { readPassword, requireConfirmed } from './password-input.ts'
import type { DatabaseSettings } from './settings.ts'
import { textTable } from './text-table.ts'

interface AddFlags extends PasswordFlags {
  readonly role?: Role
}

interface Agreement {
  readonly yes?: true
}

interface PasswordFlags extends DatabaseSettings {
  readonly passwordStdin?: true
}

/** Adds `user` and its subcommands. */
export function addUserCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const user = program
    .command('user')
    .description('Manage users: reviewers, and owners of API keys.')

  const add = user
    .command('add')
    .description('Add a user. Creates the database if it does not exist.')
    .argument('<name>', 'the name to log in with; letter case matters')
  addPasswordOption(add)
    .addOption(roleOption())
    .addHelpText(
      'after',
      `${rolesHelp}${databaseHelp}

Examples:
  $ cq-store user add carol
  $ cq-store user add dave --role reviewer
  $ pass show cq/carol | cq-store user add carol --db-path /var/lib/cq/cq.db`,
    )
    .action(async (name: string, flags: AddFlags) => {
      const path = commandDatabase(flags, environment)
      // The store's own check, before there is a database.
      accounts.createUser.prepare(new Date(), name, 'any')
      if (isDatabaseThere(path)) await requireNoUser(path, name)
      const hash = await hashPassword(
        await readPassword(`${name} in ${path}`, flags.passwordStdin === true),
      )
      await using store = await openStore(path)
      await store.createUser(name, hash)
      if (flags.role) await store.setRole(name, flags.role)
      process.stdout.write(`added user ${name} to ${path}\n`)
    })

  const role = user
    .command('role')
    .description('Name what a user may do.')
    .argument('<name>', 'the user')
    .addArgument(new Argument('<role>', 'the role; none takes it away').choices([...roles, 'none']))
    .option('--yes', 'take the last role away without asking')
  addDatabaseOptions(role)
    .addHelpText(
      'after',
      `${rolesHelp}${databaseHelp}

Examples:
  $ cq-store user role carol admin
  $ cq-store user role carol none`,
    )
    .action(async (name: string, named: Role | 'none', flags: DatabaseSettings & Agreement) => {
      const path = existingDatabase(flags, environment)
      await using store = await openStore(path)
      const warning = named === 'none' ? await warningWithout(store, name) : ''
      if (warning && !flags.yes) await requireConfirmed(`${warning}Go on?`, '--yes')
      await store.setRole(name, named === 'none' ? null : named)
      const now = await store.roleOf(name)
      process.stdout.write(`${name} is ${now === 'admin' ? 'an' : 'a'} ${now} in ${path}\n`)
    })

  const password = user
    .command('password')
    .description("Replace a user's password. API keys stay valid, sessions end.")
    .argument('<name>', 'the user')
  addPasswordOption(password)
    .addHelpText(
      'after',
      `${databaseHelp}

Examples:
  $ cq-store user password carol
  $ cq-store user password carol --password-stdin < new-password`,
    )
    .action(async (name: string, flags: PasswordFlags) => {
      const path = existingDatabase(flags, environment)
      await using store = await openStore(path)
      // Before anybody types a password for a name that does not exist.
      await requireUser(store, name)
      await store.setPassword(
        name,
        await hashPassword(await readPassword(`${name} in ${path}`, !!flags.passwordStdin)),
      )
      process.stdout.write(`the password of ${name} is replaced in ${path}\n`)
    })

  const list = user
    .command('list')
    .description('List users by name.')
    .option('--json', 'as a JSON array of {id, username, created_at, role}')
  addDatabaseOptions(list)
    .addHelpText(
      'after',
      `${databaseHelp}

Examples:
  $ cq-store user list
  $ cq-store user list --json | jq -r '.[].username'`,
    )
    .action(async (flags: DatabaseSettings & { readonly json?: true }) => {
      await using store = await openToRead(existingDatabase(flags, environment))
      const users = await allUsers(store)
      if (flags.json) {
        printJson(users)
        return
      }
      const rows = users.map(({ username, created_at, role }) => [username, created_at, role ?? ''])
      process.stdout.write(textTable(['NAME', 'CREATED', 'ROLE'], rows))
    })

  const remove = user
    .command('remove')
    .description('Remove a user and their API keys. Units that they proposed stay.')
    .argument('<name>', 'the user')
    .option('--yes', 'remove without asking')
  addDatabaseOptions(remove)
    .addHelpText(
      'after',
      `${databaseHelp}

Examples:
  $ cq-store user remove carol
  $ cq-store user remove carol --yes`,
    )
    .action(async (name: string, flags: DatabaseSettings & Agreement) => {
      const path = existingDatabase(flags, environment)
      await using store = await openStore(path)
      const { id } = await requireUser(store, name)
      const keys = (await store.listApiKeysForUser(id)).length
      const owned = keys === 0 ? '' : ` and ${keys === 1 ? '1 API key' : `${keys} API keys`}`
      const warning = await warningWithout(store, name)
      const question = `${warning}Remove ${name}${owned} from ${path}?`
      if (!flags.yes) await requireConfirmed(question, '--yes')
      if (!(await store.removeUser(name))) throw new Error(`User not found: ${name}`)
      process.stdout.write(`removed user ${name} from ${path}\n`)
    })
}

/** What it means for all others that a user has no role any more; `''` if nothing. */
async function warningWithout(store: Store, name: string): Promise<string> {
  const named = (await allUsers(store)).filter(({ role }) => role !== null)
  const isLast = named.length === 1 && named[0]?.username === name
  return isLast
    ? `${name} is the last user with a role: without one, every user may decide, edit and remove everything. `
    : ''
}

/** The user with this name. @throws {Error} if there is none */
export async function requireUser(store: Store, name: string): Promise<User> {
  const user = await store.getUser(name)
  if (user) return user
  throw new Error(`User not found: ${name}`)
}

/** Before anybody types a password for a name that exists. */
async function requireNoUser(path: Database, name: string): Promise<void> {
  await using store = await openStore(path)
  if (await store.getUser(name))
    throw new Error(
      `User already exists: ${name}; cq-store user password gives them another password`,
    )
}

type ListedUser = Awaited<ReturnType<Store['listUsers']>>[number]

async function allUsers(store: Store): Promise<ListedUser[]> {
  const users: ListedUser[] = []
  for (;;) {
    const last = users.at(-1)
    const page = await store.listUsers({ limit: 500, ...(last && { after: last.username }) })
    if (page.length === 0) return users
    users.push(...page)
  }
}

const rolesHelp = `
A member may only look; a reviewer also decides and edits what others have proposed; an admin may do everything. As
long as no user has a role, everybody is an admin. As soon as one has, everybody else is a member.
`

function roleOption(): Option {
  return new Option('--role <role>', 'what the user may do').choices(roles)
}

function addPasswordOption(command: Command): Command {
  return addDatabaseOptions(
    command.option(
      '--password-stdin',
      'read the password from standard input, even if it is a terminal',
    ),
  )
}
