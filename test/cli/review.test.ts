import { describe, expect, test } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { newPath } from '../sqlite/migrations/database-file.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { runCommand } from './command.ts'

const observed = (number: number) => new Date(Date.parse('2026-11-22T12:00:00Z') + number * 60_000)
const units = ['ann', 'bob', 'ann\u001b[2J'].map((created_by, number) =>
  sampleUnit(unitId(number), observed(number), { created_by, domains: [`domain${number}`] }),
)
const [first = '', second = '', third = ''] = units.map(({ id }) => id)

const run = (path: string, ...args: string[]) =>
  runCommand({ args, environment: { CQ_DB_PATH: path } })

async function filled(): Promise<string> {
  const path = newPath()
  await using store = await SqliteStore.open({ path, readers: 1 })
  await store.insertMany(units)
  for (const name of ['ann', 'carol']) await store.createUser(name, 'hash')
  return path
}

describe('review', () => {
  test('lists pending units, oldest first, and decides them', async () => {
    const path = await filled()
    const listed = await run(path, 'review', 'list')
    expect(listed.code).toBe(0)
    expect(listed.stdout).toMatch(
      new RegExp(`^ID +PROPOSED BY +DOMAINS +SUMMARY\n${first} .*\n${second} .*\n${third} .*\n$`),
    )
    expect(listed.stdout).not.toContain('\u001b')
    const one = await run(path, 'review', 'list', '--domain', 'domain1', '--json')
    expect(JSON.parse(one.stdout)).toMatchObject([{ knowledge_unit: { id: second } }])
    expect((await run(path, 'review', 'list', '--limit', '2')).stdout).not.toContain(third)

    expect(await run(path, 'review', 'approve', '--as', 'carol', first, second)).toMatchObject({
      code: 0,
      stdout: `approved ${first}\napproved ${second}\n`,
    })
    const late = await run(path, 'review', 'reject', '--as', 'carol', second, third, 'ku_none')
    expect(late).toMatchObject({ code: 1, stdout: `rejected ${third}\n` })
    expect(late.stderr).toContain(`${second} is approved already by carol; ku_none does not exist`)
    const rejected = await run(path, 'review', 'list', '--status', 'rejected', '--json')
    expect(JSON.parse(rejected.stdout)).toMatchObject([{ reviewed_by: 'carol' }])
  })

  test('keeps to roles', async () => {
    const path = await filled()
    const approve = (...args: string[]) => run(path, 'review', 'approve', ...args)
    expect((await approve(first)).code).toBe(2)
    expect((await approve('--as', 'nobody', first)).stderr).toContain('User not found: nobody')
    expect((await run(path, 'user', 'role', 'ann', 'reviewer')).stdout).toContain(
      'ann is a reviewer',
    )
    expect((await approve('--as', 'carol', first)).stderr).toContain('carol is a member')
    expect((await approve('--as', 'ann', first)).stderr).toContain('proposed by the same user')
    expect((await approve('--as', 'ann', second)).code).toBe(0)
    expect((await run(path, 'user', 'role', 'carol', 'admin')).stdout).toContain(
      'carol is an admin',
    )
    expect((await approve('--as', 'carol', first)).code).toBe(0)
    expect((await run(path, 'user', 'list')).stdout).toMatch(/ann .* reviewer\ncarol .* admin\n/)
    expect((await run(path, 'user', 'role', 'ann', 'none')).stdout).toContain('ann is a member')
    expect((await run(path, 'user', 'role', 'ann', 'boss')).code).toBe(2)
    expect((await run(path, 'user', 'role', 'zoe', 'admin')).stderr).toContain('not found: zoe')
  })

  test('takes the last role away only where that is wanted, since all may do everything then', async () => {
    const path = await filled()
    await run(path, 'user', 'role', 'carol', 'admin')
    for (const args of [
      ['user', 'role', 'carol', 'none'],
      ['user', 'remove', 'carol'],
    ]) {
      const { code, stderr } = await run(path, ...args)
      expect(code).toBe(2)
      expect(stderr).toContain('carol is the last user with a role')
    }
    expect((await run(path, 'user', 'list')).stdout).toMatch(/carol .* admin\n/)
    expect(await run(path, 'user', 'role', 'carol', 'none', '--yes')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('carol is an admin'),
    })
  })

  test('adds a user with a role', async () => {
    const path = newPath()
    const args = ['user', 'add', 'dave', '--role', 'reviewer', '--password-stdin']
    const added = await runCommand({ args, environment: { CQ_DB_PATH: path }, input: 'password' })
    expect(added.code).toBe(0)
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.roleOf('dave')).toBe('reviewer')
  })
})
