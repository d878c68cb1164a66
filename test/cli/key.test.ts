import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashSecret, readApiKey } from '../../src/credentials/api-key.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { runCommand } from './command.ts'

let directory: TemporaryDirectory
let store: SqliteStore
beforeAll(async () => {
  directory = await TemporaryDirectory.create()
  store = await SqliteStore.open({ path: directory.file('cq.db'), readers: 1 })
  for (const name of ['carol', 'dave', 'full']) await store.createUser(name, 'hash')
})
afterAll(async () => {
  await store.close()
  await directory[Symbol.asyncDispose]()
})

const pepper = { CQ_API_KEY_PEPPER: 'pepper' }
const run = (args: readonly string[], environment: Record<string, string> = pepper) =>
  runCommand({
    args: ['key', ...args],
    environment: { CQ_DB_PATH: directory.file('cq.db'), ...environment },
  })
const userId = async (name: string) => (await store.getUser(name))?.id as number

describe('key', () => {
  test('creates a key whose token a server takes, lists it without, and revokes it', async () => {
    const labels = ['--label', ' ci ', '--label', 'ci', '--label', 'nightly']
    const made = await run(['create', 'carol', '--name', 'laptop', '--ttl', ' 12H', ...labels])
    expect(made.code).toBe(0)
    const { id, secret } = readApiKey(made.stdout.trimEnd()) ?? expect.fail(made.stdout)
    expect(made.stderr).toContain(id)
    expect(made.stderr).not.toContain(secret)
    expect(await store.getActiveApiKeyById(id)).toMatchObject({
      username: 'carol',
      name: 'laptop',
      ttl: '12h',
      labels: ['ci', 'nightly'],
      key_prefix: secret.slice(0, 8),
      key_hash: hashSecret(secret, 'pepper'),
    })

    const listed = await run(['list', 'carol', '--json'])
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id, is_active: true, last_used_at: null }])
    expect(listed.stdout).not.toContain(secret)
    expect(listed.stdout).not.toContain('key_hash')

    expect(await run(['revoke', 'dave', id])).toMatchObject({ code: 1, stdout: '' })
    expect(await store.getActiveApiKeyById(id)).not.toBeNull()
    expect(await run(['revoke', 'carol', id])).toMatchObject({
      code: 0,
      stdout: `revoked key ${id} in ${directory.file('cq.db')}\n`,
    })
    expect(await store.getActiveApiKeyById(id)).toBeNull()
    expect(await run(['revoke', 'carol', id])).toMatchObject({ code: 0 })
    expect((await run(['list', 'carol'])).stdout).toMatch(new RegExp(`${id}  laptop  revoked`))
  })

  test('puts the token into the JSON', async () => {
    const { stdout } = await run(['create', 'dave', '--name', 'ci', '--ttl', '30d', '--json'])
    const { id, token } = JSON.parse(stdout) as { id: string; token: string }
    expect(readApiKey(token)?.id).toBe(id)
  })

  test('makes no more than 20 active keys of a user', async () => {
    const owner = await userId('full')
    for (let number = 0; number < 20; number++)
      await store.createApiKey({
        keyId: `key-${number}`,
        userId: owner,
        name: 'key',
        labels: [],
        keyPrefix: 'prefix',
        keyHash: `hash-${number}`,
        ttl: '1d',
        expiresAt: '2999-01-01T00:00:00Z',
      })
    const { code, stdout, stderr } = await run(['create', 'full', '--name', 'one', '--ttl', '1d'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('20')
    expect(await store.countActiveApiKeysForUser(owner)).toBe(20)
  })

  test.each([
    ['without a pepper', ['--name', 'x', '--ttl', '1d'], {}, /CQ_API_KEY_PEPPER must be set/],
    ['without a name', ['--ttl', '1d'], pepper, /--name/],
    [
      'with a blank pepper',
      ['--name', 'x', '--ttl', '1d'],
      { CQ_API_KEY_PEPPER: ' ' },
      /must be set/,
    ],
    ['with a blank name', ['--name', ' ', '--ttl', '1d'], pepper, /--name <text>' .*be blank/],
    ['for no time', ['--name', 'x', '--ttl', '0d'], pepper, /greater than zero/],
    ['for too long', ['--name', 'x', '--ttl', '366d'], pepper, /maximum of 365d/],
    [
      'with 17 labels',
      ['--name', 'x', '--ttl', '1d', ...Array.from({ length: 17 }, () => '--label=a')],
      pepper,
      /at most 16 labels/,
    ],
  ])('is misused %s', async (_name, args, environment, message) => {
    const { code, stdout, stderr } = await run(['create', 'dave', ...args], environment)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  test('makes no database of an empty file, nor of a missing one', async () => {
    const path = directory.file('empty.db')
    const create = ['create', 'carol', '--name', 'x', '--ttl', '1d', '--db-path', path]
    expect((await run(create)).stderr).toContain(`no database at ${path}`)
    await writeFile(path, '')
    for (const args of [create, ['list', 'carol', '--db-path', path]])
      expect(await run(args)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`no database at ${path}`),
      })
    expect(await readFile(path, 'utf8')).toBe('')
    const { code, stderr } = await run(['list', 'carol', '--db-path', directory.path])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `cq-store: the database must be a file, and ${directory.path} is a directory\n`,
    })
  })

  test('tells an unknown user', async () => {
    expect(await run(['list', 'nobody'])).toMatchObject({
      code: 1,
      stderr: `cq-store: User not found: nobody (database: ${directory.file('cq.db')})\n`,
    })
  })
})
