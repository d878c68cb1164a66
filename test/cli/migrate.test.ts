import { existsSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { migrations } from '../../src/sqlite/migrations/index.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { copyOf, databaseOf, footprintOf, newPath } from '../sqlite/migrations/database-file.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { runCommand } from './command.ts'

const run = (path: string, ...args: string[]) =>
  runCommand({ args: ['migrate', '--json', ...args], environment: { CQ_DB_PATH: path } })
const plan = async (path: string, ...args: string[]) => {
  const { code, stdout, stderr } = await run(path, ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as unknown
}
const steps = (reference: string, own: string) => [
  { name: 'reference schema 0001', state: reference },
  ...migrations.map(({ name }) => ({ name, state: own })),
]

describe('migrate', () => {
  test.each([
    ['a new file', newPath, 'empty', 'pending'],
    ["the reference server's file", () => copyOf('current'), 'stamped', 'done'],
    ['a file from before revisions', () => copyOf('unstamped'), 'unstamped', 'pending'],
  ])(
    'shows what it would do to %s, does it, and has nothing more to do',
    async (_name, make, kind, reference) => {
      const path = make()
      const before = existsSync(path) ? footprintOf(path) : undefined
      expect(await plan(path, '--dry-run')).toEqual({
        path,
        kind,
        steps: steps(reference, 'pending'),
        old_units: 0,
      })
      expect(existsSync(path) ? footprintOf(path) : undefined).toEqual(before)
      expect(await plan(path)).toEqual({
        path,
        kind,
        steps: steps(reference === 'pending' ? 'applied' : 'done', 'applied'),
        old_units: 0,
      })
      expect(await plan(path)).toEqual({
        path,
        kind: 'stamped',
        steps: steps('done', 'done'),
        old_units: 0,
      })
    },
  )

  const unit = sampleUnit(unitId(1), new Date('2026-11-22T12:00:00Z'))
  test.each([
    ['migrate', [], ''],
    ['user', ['add', 'carol', '--password-stdin'], 'password'],
    ['import', ['-'], JSON.stringify({ knowledge_unit: unit })],
  ])('%s makes a database that only its owner may read', async (command, args, input) => {
    const path = newPath()
    const umask = process.umask(0)
    const { code } = await runCommand({ args: [command, ...args, '--db-path', path], input })
    process.umask(umask)
    expect(code).toBe(0)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  // Where Node's own way to make a directory with all above it never ends.
  test.runIf(existsSync('/proc/self'))('makes no file in /proc, and says so', async () => {
    const { code, stderr } = await run('/proc/x/cq.db')
    expect(code).toBe(1)
    expect(stderr).toContain('the directory /proc/x cannot be made')
  })

  test('tells people, too, also while a store has the file open', async () => {
    const path = newPath()
    await using _store = await SqliteStore.open({ path, readers: 1 })
    const { code, stdout } = await runCommand({
      args: ['migrate', '--dry-run', '--db-path', path],
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /: a cq database\n {2}done {5}reference schema 0001\n(?:.*\n)*it is up to date\n$/,
    )
  })

  test.each([
    ['of a newer revision', () => copyOf('newer'), /revision '0002'.*nothing was changed/],
    ['of another program', () => databaseOf('create table songs (id)'), /has songs/],
  ])('refuses a file %s and leaves it as it is', async (_name, make, message) => {
    const path = make()
    const before = footprintOf(path)
    for (const args of [['--dry-run'], []]) {
      const { code, stdout, stderr } = await run(path, ...args)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(message)
    }
    expect(footprintOf(path)).toEqual(before)
  })
})
