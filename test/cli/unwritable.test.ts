import { chmodSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { apiKeyPepper, jwtSecret } from '../server/served-store.ts'
import { copyOf, footprintOf, newPath } from '../sqlite/migrations/database-file.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { bound, canBind, withModes } from '../sqlite/without-rights.ts'
import { keyId, sampleKey, sampleUnit, unitId } from '../store/samples.ts'
import { RunningCommand, runCommand } from './command.ts'

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** A database with a unit, and a user who has a key. */
async function filled(): Promise<string> {
  const path = newPath()
  await using store = await SqliteStore.open({ path, readers: 1 })
  await store.insert(sampleUnit(unitId(1), new Date()))
  await store.createUser('carol', 'hash')
  await store.createApiKey(sampleKey(keyId(1), 1, new Date('2099-01-01T00:00:00Z')))
  return path
}

describe.runIf(canBind(cli))('a database that may not be written, nor its directory,', () => {
  const run = (path: string, ...args: string[]) =>
    withModes(path, { file: 0o444, directory: 0o555 }, () =>
      runCommand({ args, environment: { CQ_DB_PATH: path }, identity: bound }),
    )

  test.each([
    [['check'], /\nintegrity {7}ok\n/],
    [['export'], /^\{"knowledge_unit":\{"id":"ku_/],
    [['user', 'list'], /^carol /m],
    [['key', 'list', 'carol'], / active /],
    [['migrate', '--dry-run'], /it is up to date\n$/],
  ])('is read by %j, and stays as it is', async (args, told) => {
    const path = await filled()
    const before = footprintOf(path)
    const { code, stdout, stderr } = await run(path, ...args)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(told)
    expect(footprintOf(path)).toEqual(before)
  })

  test('is backed up', async () => {
    const path = await filled()
    await using directory = await TemporaryDirectory.create()
    chmodSync(directory.path, 0o777)
    const copy = directory.file('copy.db')
    const { code, stdout } = await run(path, 'backup', copy)
    expect(code).toBe(0)
    expect(stdout).toContain('1 knowledge unit, 1 user, 1 API key')
  })

  test.each([['check'], ['migrate', '--dry-run']])(
    'is read by %s where it lacks steps',
    async (...args) => {
      const { stdout } = await run(copyOf('current'), ...args)
      expect(stdout).toContain('pending')
    },
  )

  test.each([['export'], ['user', 'list']])(
    'says to %s what to do where it lacks steps',
    async (...args) => {
      const { code, stderr } = await run(copyOf('current'), ...args)
      expect(code).toBe(1)
      expect(stderr).toContain('make a copy with cq-store backup')
    },
  )

  test.each([[['user', 'remove', 'carol', '--yes']], [['check', '--rebuild']], [['migrate']]])(
    'is told of by %j',
    async (args) => {
      const path = await filled()
      const { code, stderr } = await run(path, ...args)
      expect(code).toBe(1)
      expect(stderr).toMatch(/the database file cannot be (written|opened)/)
    },
  )

  test('is served with --read-only, which serve says without it', async () => {
    const path = await filled()
    const environment = {
      CQ_DB_PATH: path,
      CQ_JWT_SECRET: jwtSecret,
      CQ_API_KEY_PEPPER: apiKeyPepper,
    }
    await withModes(path, { file: 0o444, directory: 0o555 }, async () => {
      const args = ['serve', '--port', '0']
      const refused = await runCommand({ args, environment, identity: bound })
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--read-only') })
      await using command = new RunningCommand({
        args: [...args, '--read-only'],
        environment,
        identity: bound,
      })
      const [, url] = await command.tells(/listening at (http:[^\s"]+)/)
      const ready = await fetch(`${url}/ready`)
      expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }])
      const stats = await fetch(`${url}/api/v1/knowledge/stats`)
      expect(await stats.json()).toMatchObject({ total_count: 1 })
      command.process.kill('SIGTERM')
      expect((await command.outcome).code).toBe(0)
    })
  })
})

describe('serve --dev', () => {
  test('takes no --read-only', async () => {
    const { code, stderr } = await runCommand({ args: ['serve', '--dev', '--read-only'] })
    expect(code).toBe(2)
    expect(stderr).toContain('--read-only')
  })
})
