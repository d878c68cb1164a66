import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { parseEnv } from 'node:util'
import Sqlite from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { samples, sampleUnits } from '../../src/cli/sample-units.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { apiKeyPepper, jwtSecret, passwordHash } from '../server/served-store.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { RunningCommand, runCommand } from './command.ts'

let directory: TemporaryDirectory
let database: string
let secretsFile: string
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
  database = directory.file('cq.db')
  secretsFile = directory.file('dev.env')
})
afterEach(() => directory[Symbol.asyncDispose]())

const development = (environment: Record<string, string> = {}) => ({
  args: ['serve', '--dev', '--port', '0', '--readers', '1'],
  environment: { CQ_DB_PATH: database, ...environment },
})

const served = /^at (http:[^\s,]+)/m

/** Starts a development server, and hands its address to the work. */
async function whileServed(
  work: (url: string) => Promise<void> = async () => {},
  more: { nodeArgs?: readonly string[] } = {},
  environment: Record<string, string> = {},
): Promise<void> {
  await using command = new RunningCommand({ ...development(environment), ...more })
  const [, url = ''] = await command.tells(served)
  await work(url)
  command.process.kill('SIGTERM')
  expect((await command.outcome).code).toBe(0)
}

/** The files of a development server that was started once, for tests that go on from there. */
let made: TemporaryDirectory
beforeAll(async () => {
  made = await TemporaryDirectory.create()
  await using command = new RunningCommand({
    ...development(),
    environment: { CQ_DB_PATH: made.file('cq.db') },
  })
  await command.tells(served)
  command.process.kill('SIGTERM')
  expect((await command.outcome).code).toBe(0)
})
afterAll(() => made[Symbol.asyncDispose]())

async function startFromMade(): Promise<void> {
  expect(await made.list()).toEqual(['cq.db', 'dev.env'])
  await copyFile(made.file('cq.db'), database)
  await copyFile(made.file('dev.env'), secretsFile)
}

const readSecrets = async () => parseEnv(await readFile(secretsFile, 'utf8'))

/** That what is kept in `dev.env` opens the server. */
async function expectOpen(url: string): Promise<void> {
  const secrets = await readSecrets()
  const login = await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: secrets.CQ_DEMO_USER, password: secrets.CQ_DEMO_PASSWORD }),
  })
  expect(login.status).toBe(200)
  const confirmation = await fetch(`${url}/api/v1/knowledge/${sampleUnits[0]?.id}/confirmations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secrets.CQ_DEMO_API_KEY}` },
  })
  expect(confirmation.status).toBe(201)
}

/** That `--dev` refuses the database, and changes no byte of it nor anything beside it. */
async function expectUntouched(): Promise<void> {
  const content = () =>
    directory
      .list()
      .then((names) => Promise.all(names.map((name) => readFile(directory.file(name)))))
  const [files, before] = [await directory.list(), await content()]
  const { code, stdout, stderr } = await runCommand(development())
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(`${database} (CQ_DB_PATH) is another one; nothing was changed`)
  expect(await directory.list()).toEqual(files)
  expect(await content()).toEqual(before)
}

function setMark(mark: number): void {
  const sqlite = new Sqlite(database)
  sqlite.pragma(`application_id = ${mark}`)
  sqlite.close()
}

describe('a database that --dev did not make', () => {
  test.each(['reference-current.db', 'reference-legacy.db'])('is untouched: %s', async (file) => {
    await copyFile(new URL(`../fixtures/${file}`, import.meta.url), database)
    await expectUntouched()
  })

  test('is untouched, though it lies where one was, beside its dev.env', async () => {
    await startFromMade()
    await rm(database)
    await using store = await SqliteStore.open({ path: database, readers: 1 })
    await store.createUser('carol', passwordHash)
    await store.close()
    await expectUntouched()
  })

  test('is untouched while it is served, and its users stay who they were', async () => {
    await using store = await SqliteStore.open({ path: database, readers: 1 })
    await store.createUser('carol', passwordHash)
    expect((await runCommand(development())).code).toBe(2)
    expect((await store.listUsers()).map(({ username }) => username)).toEqual(['carol'])
    expect(await store.count()).toBe(0)
  })

  test('is untouched, though an earlier --dev added its user to it', async () => {
    const { keyId, token } = {
      keyId: 'a'.repeat(32),
      token: `cqa.v1.${'a'.repeat(32)}.${'a'.repeat(52)}`,
    }
    const store = await SqliteStore.open({ path: database, readers: 1 })
    for (const name of ['carol', 'demo']) await store.createUser(name, passwordHash)
    const [knowledge_unit] = sampleUnits
    if (!knowledge_unit) expect.fail('there are no sample units')
    await store.importUnits([{ knowledge_unit, status: 'approved', reviewed_by: 'cq-store' }])
    await store.createApiKey({
      ...{ keyId, userId: 2, name: 'demo', labels: [], keyPrefix: 'a', keyHash: 'a', ttl: '1d' },
      expiresAt: '2999-01-01T00:00:00Z',
    })
    await store.close()
    await writeFile(secretsFile, `CQ_DEMO_API_KEY=${token}\n`, { mode: 0o600 })
    await expectUntouched()
  })
})

describe('a database that an earlier --dev made, which left no mark', () => {
  test('goes on, and is known without its dev.env from then on', async () => {
    await startFromMade()
    const before = await readSecrets()
    setMark(0)
    await whileServed(expectOpen)
    expect(await readSecrets()).toEqual(before)
    await rm(secretsFile)
    await whileServed(expectOpen)
  })

  test('is untouched where nothing is left that tells it', async () => {
    await startFromMade()
    setMark(0)
    await rm(secretsFile)
    await expectUntouched()
  })
})

test('a copy of a development database is one', async () => {
  await startFromMade()
  const copy = directory.file('copy.db')
  const backup = await runCommand({ args: ['backup', copy, '--db-path', database] })
  expect(backup.code).toBe(0)
  database = copy
  await whileServed(expectOpen)
})

test('two first starts at once come up with the same credentials, which work at both', async () => {
  const commands = [new RunningCommand(development()), new RunningCommand(development())]
  try {
    for (const command of commands) {
      const [, url = ''] = await command.tells(served)
      await command.tells(new RegExp(`login of demo and an API key are in ${secretsFile}`))
      await expectOpen(url)
    }
    await using store = await SqliteStore.open({ path: database, readers: 1 })
    const users = await store.listUsers()
    expect(users.map(({ username }) => username)).toEqual(['demo'])
    expect(await store.listApiKeysForUser(users[0]?.id ?? 0)).toHaveLength(1)
    expect(await store.count()).toBe(samples.length)
    expect((await directory.list()).filter((name) => !/^cq\.db/.test(name))).toEqual(['dev.env'])
  } finally {
    for (const command of commands) await command[Symbol.asyncDispose]()
  }
})

test('a development database is for its owner only, and made in no place that takes none', async () => {
  const umask = process.umask(0)
  await whileServed()
  process.umask(umask)
  expect((await stat(database)).mode & 0o777).toBe(0o600)
  const { code, stderr } = await runCommand(development({ CQ_DB_PATH: '/proc/x/cq.db' }))
  expect(code).toBe(1)
  expect(stderr).toContain('/proc/x')
})

test('a link to a development database is followed: there is one dev.env, beside the target', async () => {
  await startFromMade()
  await mkdir(directory.file('links'))
  const link = directory.file('links/cq.db')
  await symlink(database, link)
  const before = await readFile(secretsFile, 'utf8')
  await whileServed(expectOpen, {}, { CQ_DB_PATH: link })
  expect(await readFile(secretsFile, 'utf8')).toBe(before)
  expect(await readdir(directory.file('links'))).toEqual(['cq.db'])
})

describe('dev.env', () => {
  test('opens the server again after its key was revoked and its password replaced', async () => {
    await startFromMade()
    const store = await SqliteStore.open({ path: database, readers: 1 })
    const user = await store.getUser('demo')
    const [key] = await store.listApiKeysForUser(user?.id ?? 0)
    await store.revokeApiKey({ userId: user?.id ?? 0, keyId: key?.id ?? '' })
    await store.setPassword('demo', passwordHash)
    await store.close()
    await whileServed(expectOpen)
  })

  test('is for its owner alone, also where it was for others', async () => {
    await startFromMade()
    const before = await readSecrets()
    await chmod(secretsFile, 0o644)
    await whileServed()
    expect((await stat(secretsFile)).mode & 0o777).toBe(0o600)
    expect(await readSecrets()).toEqual(before)
  })

  test('holds no secret that the environment sets', async () => {
    const set = { CQ_JWT_SECRET: jwtSecret, CQ_API_KEY_PEPPER: apiKeyPepper }
    for (let start = 0; start < 2; start++) {
      await whileServed(expectOpen, {}, set)
      const kept = await readFile(secretsFile, 'utf8')
      for (const secret of Object.values(set)) expect(kept).not.toContain(secret)
    }
    // Without them it makes its own, and a key that they fit.
    await whileServed(expectOpen)
    expect(Object.keys(await readSecrets())).toEqual(expect.arrayContaining(Object.keys(set)))
  })

  test('is neither read nor written through a link', async () => {
    const other = directory.file('other')
    await writeFile(other, 'CQ_DEMO_USER=mallory\n')
    await symlink(other, secretsFile)
    const { code, stderr } = await runCommand(development())
    expect(code).toBe(1)
    expect(stderr).toBe(`cq-store: ${secretsFile} is not a regular file; remove it\n`)
    expect(await readFile(other, 'utf8')).toBe('CQ_DEMO_USER=mallory\n')
    expect(await directory.list()).toEqual(['dev.env', 'other'])
  })

  test('is not written through a link that waits in the place of a draft', async () => {
    const plant = `import { symlinkSync } from 'node:fs'
for (const name of [process.pid, process.pid + '.partial'])
  symlinkSync('${directory.file('other')}', '${secretsFile}.' + name)`
    const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(plant)}`]
    await whileServed(expectOpen, { nodeArgs })
    const files = await directory.list()
    expect(files).toContain('dev.env')
    expect(files).not.toContain('other')
  })

  test.each([
    ['of the environment', { CQ_JWT_SECRET: 'hush' }, '', /^cq-store: CQ_JWT_SECRET is shorter/],
    [
      'that it holds',
      {},
      'CQ_JWT_SECRET=hush\n',
      /^cq-store: CQ_JWT_SECRET in .*dev\.env is short/,
    ],
  ])(
    'keeps a secret %s to the rules of every server',
    async (_name, environment, kept, message) => {
      await writeFile(secretsFile, kept)
      const { code, stderr } = await runCommand(development(environment))
      expect(code).toBe(2)
      expect(stderr).toMatch(message)
      expect(stderr).not.toContain('hush')
      expect(await directory.list()).toEqual(['dev.env'])
    },
  )
})
