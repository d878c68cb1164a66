import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { copyOf, faultsOf, footprintOf, referenceRows } from '../sqlite/migrations/database-file.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { runCommand } from './command.ts'

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
})
afterEach(() => directory[Symbol.asyncDispose]())

const run = (path: string, ...args: string[]) =>
  runCommand({ args: ['backup', ...args], environment: { CQ_DB_PATH: path } })

describe('backup', () => {
  test('copies a file that a store writes to all the time', async () => {
    const path = directory.file('cq.db')
    await using store = await SqliteStore.open({ path, readers: 1 })
    await store.createUser('carol', 'hash')
    // Enough that it is copied in more than one step.
    const detail = 'x'.repeat(8_000)
    const units = Array.from({ length: 1_000 }, (_, number) =>
      sampleUnit(unitId(number), new Date(), { insight: { detail } }),
    )
    await store.insertMany(units)
    let next = 10_000
    let isDone = false
    const writing = (async () => {
      while (!isDone) await store.insert(sampleUnit(unitId(next++), new Date()))
    })()
    const copy = directory.file('copy.db')
    const { code, stdout, stderr } = await run(path, copy)
    isDone = true
    await writing

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [, count] = /: (\d+) knowledge units, 1 user, 0 API keys; \d+ bytes, verified\n$/.exec(
      stdout,
    ) ?? [undefined, expect.fail(stdout)]
    expect((await stat(copy)).mode & 0o777).toBe(0o600)
    expect((await directory.list()).filter((name) => !name.startsWith('cq.db'))).toEqual([
      'copy.db',
    ])
    expect(faultsOf(copy)).toEqual([])
    await using copied = await SqliteStore.open({ path: copy, readers: 1 })
    expect(await copied.count()).toBe(Number(count))
    expect(Number(count)).toBeGreaterThanOrEqual(1_000)
    expect(await copied.getAny(unitId(999))).toEqual(units[999])
    expect(await copied.getUser('carol')).not.toBeNull()
  })

  test("copies the reference server's file as it is", async () => {
    const path = copyOf('legacy')
    const copy = directory.file('copy.db')
    const before = footprintOf(path)
    expect((await run(path, copy)).code).toBe(0)
    expect(referenceRows(copy)).toEqual(referenceRows(path))
    expect(footprintOf(path)).toEqual(before)
  })

  test('leaves a file alone that is there, but for --force', async () => {
    const path = copyOf('current')
    const copy = directory.file('copy.db')
    await writeFile(copy, 'precious')
    const before = footprintOf(copy)
    const { code, stderr } = await run(path, copy)
    expect(code).toBe(1)
    expect(stderr).toContain('--force')
    expect(footprintOf(copy)).toEqual(before)
    expect((await run(path, copy, '--force')).code).toBe(0)
    expect(referenceRows(copy)).toEqual(referenceRows(path))
  })

  test('never replaces the database itself, nor one that is in use', async () => {
    const path = copyOf('current')
    const before = footprintOf(path)
    expect((await run(path, path, '--force')).code).toBe(2)
    expect(footprintOf(path)).toEqual(before)

    const other = directory.file('other.db')
    await using store = await SqliteStore.open({ path: other, readers: 1 })
    const { code, stderr } = await run(path, other, '--force')
    expect(code).toBe(1)
    expect(stderr).toContain('in use')
    expect(await store.count()).toBe(0)
  })

  test('follows links: to the database, and to where the copy is to be', async () => {
    const path = copyOf('current')
    const link = directory.file('link.db')
    await symlink(path, link)
    expect((await run(path, link, '--force')).code).toBe(2)
    expect((await run(link, path, '--force')).code).toBe(2)

    await mkdir(directory.file('backups'))
    const latest = directory.file('latest.db')
    await symlink('backups/today.db', latest)
    for (const args of [[], ['--force']]) {
      expect(await run(link, latest, ...args)).toMatchObject({ code: 0, stderr: '' })
      expect((await lstat(latest)).isSymbolicLink()).toBe(true)
      expect(await readdir(directory.file('backups'))).toEqual(['today.db'])
      expect(referenceRows(latest)).toEqual(referenceRows(path))
    }

    const circle = directory.file('circle.db')
    await symlink('circle.db', circle)
    for (const args of [
      [path, circle],
      [circle, directory.file('copy.db')],
    ] as const) {
      const { code, stderr } = await run(...args)
      expect(code).toBe(2)
      expect(stderr).toContain('symbolic links go in a circle')
    }
  })

  test('tells as JSON what it copied', async () => {
    const path = copyOf('current')
    const copy = directory.file('copy.db')
    const { code, stdout } = await run(path, copy, '--json')
    expect({ code, ...(JSON.parse(stdout) as object) }).toEqual({
      code: 0,
      path,
      copy,
      bytes: (await stat(copy)).size,
      rows: { knowledge_units: 10, users: expect.any(Number), api_keys: expect.any(Number) },
    })
  })

  test('removes what a killed one has left in its place, and nobody else is making', async () => {
    const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
    const { pid: dead } = spawnSync('true')
    const left = (by: string) => `.copy.db.${by}-0123abcd.partial`
    const names = [left(`${host}-${dead}`), `${left(`${host}-${dead}`)}-journal`]
    const kept = [
      left(`${host}-${process.pid}`),
      left(`00000000-${dead}`),
      `.other.db.${host}-${dead}`,
    ]
    for (const name of [...names, ...kept]) await writeFile(directory.file(name), 'x')
    expect((await run(copyOf('current'), directory.file('copy.db'))).code).toBe(0)
    const there = (await directory.list()).filter((name) => name.startsWith('.'))
    expect(there.sort()).toEqual(kept.sort())
    for (const name of kept) await directory.remove(name)
  })

  test('leaves nothing behind where it fails', async () => {
    const { code, stderr } = await run(copyOf('newer'), directory.file('copy.db'))
    expect(code).toBe(1)
    expect(stderr).toContain("revision '0002'")
    expect((await run(directory.file('none.db'), directory.file('copy.db'))).code).toBe(1)
    expect(await directory.list()).toEqual([])
  })
})
