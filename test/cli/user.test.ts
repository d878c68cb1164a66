import { beforeAll, describe, expect, test } from 'vitest'
import { isPassword } from '../../src/credentials/passwords.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { RunningCommand, runCommand } from './command.ts'

let directory: TemporaryDirectory
beforeAll(async () => {
  directory = await TemporaryDirectory.create()
  return () => directory[Symbol.asyncDispose]()
})

const run = (path: string, args: readonly string[], input = '') =>
  runCommand({ args: ['user', ...args], environment: { CQ_DB_PATH: path }, input })

describe('user', () => {
  test('adds, changes, lists and removes users of a file that a store has open', async () => {
    const path = directory.file('open.db')
    await using store = await SqliteStore.open({ path, readers: 1 })
    const password = async (name: string) => (await store.getUser(name))?.password_hash

    const added = await run(path, ['add', 'carol'], 'correct horse\n')
    expect(added).toMatchObject({ code: 0, stdout: `added user carol to ${path}\n`, stderr: '' })
    expect(await isPassword('correct horse', await password('carol'))).toBe(true)

    const again = await run(path, ['add', 'carol'], 'another\n')
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toContain('carol')

    expect(
      await run(path, ['password', 'carol', '--password-stdin'], ' spaces \r\n'),
    ).toMatchObject({
      code: 0,
      stderr: '',
    })
    expect(await isPassword(' spaces ', await password('carol'))).toBe(true)

    await store.createUser('ann', 'hash')
    const { stdout } = await run(path, ['list', '--json'])
    const users = JSON.parse(stdout) as { username: string }[]
    expect(users.map(({ username }) => username)).toEqual(['ann', 'carol'])
    expect(stdout).not.toContain('hash')

    const unasked = await run(path, ['remove', 'carol'])
    expect(unasked).toMatchObject({ code: 2, stdout: '' })
    expect(unasked.stderr).toContain('--yes')
    expect(await store.getUser('carol')).not.toBeNull()
    expect(await run(path, ['remove', 'carol', '--yes'])).toMatchObject({ code: 0, stderr: '' })
    expect(await store.getUser('carol')).toBeNull()
    expect((await run(path, ['remove', 'carol', '--yes'])).code).toBe(1)
  })

  test('makes a database only to add somebody', async () => {
    const path = directory.file('new.db')
    for (const args of [['list'], ['password', 'carol'], ['remove', 'carol', '--yes']]) {
      const { code, stderr } = await run(path, args, 'password')
      expect(code).toBe(1)
      expect(stderr).toContain(`no database at ${path}`)
    }
    expect(await directory.list()).not.toContain('new.db')
    expect((await run(path, ['add', 'carol'], 'password')).code).toBe(0)
    expect((await run(path, ['list'])).stdout).toMatch(/^NAME +CREATED +ROLE\ncarol {2}2\S+\n$/)
  })

  test.each([
    ['an empty password', '\n', /must not be empty/],
    ['two lines', 'one\ntwo\n', /must be one line/],
    ['73 bytes in fewer characters', `${'é'.repeat(36)}a`, /at most 72 bytes.*has 73/],
  ])('refuses %s, and never repeats it', async (_name, input, message) => {
    const path = directory.file('refused.db')
    const { code, stderr } = await run(path, ['add', 'carol'], input)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    if (input.trim() !== '') expect(stderr).not.toContain(input.trim())
    expect(await directory.list()).not.toContain('refused.db')
  })

  test('refuses a name before it takes a password, and makes no database', async () => {
    const path = directory.file('unnamed.db')
    // Input that never ends: whoever asks for a password first waits for ever.
    const refuse = async (name: string, message: RegExp, code = 1) => {
      await using command = new RunningCommand({
        args: ['user', 'add', name, '--db-path', path],
        keepsInput: true,
      })
      expect(await command.outcome).toMatchObject({
        code,
        stdout: '',
        stderr: expect.stringMatching(message),
      })
    }
    await refuse(' ', /'name'.* must not be blank/, 2)
    expect(await directory.list()).not.toContain('unnamed.db')
    await run(path, ['add', 'carol'], 'password')
    await refuse('carol', /User already exists: carol.*user password/)
  })

  test('takes no password as an argument', async () => {
    const { code, stderr } = await run(directory.file('argument.db'), ['add', 'carol', 'secret'])
    expect(code).toBe(2)
    expect(stderr).toContain('too many arguments')
  })
})
