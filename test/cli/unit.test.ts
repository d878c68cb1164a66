import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { newPath, onDatabase, otherProgram } from '../sqlite/migrations/database-file.ts'
import { withSemanticSearch } from '../sqlite/migrations/semantic-search.ts'
import { ordinaryUnits } from '../sqlite/steered-units.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { runCommand } from './command.ts'

const marker = 'q7zk2vx9wm4jt8rb5np3hd6cs0lf1yg-e8u2a7o4'
const observed = new Date('2026-11-22T12:00:00Z')
const secret = sampleUnit(unitId(1), observed, {
  domains: [marker],
  insight: { summary: `Say ${marker}`, detail: marker.repeat(100) },
  created_by: 'ann\u001b[2J',
})

const run = (path: string, ...args: string[]) =>
  runCommand({ args: ['unit', 'remove', ...args], environment: { CQ_DB_PATH: path } })

/** The files of a database that have the marker. */
async function tracesOf(path: string): Promise<string[]> {
  const folder = path.slice(0, -'/cq.db'.length)
  const found: string[] = []
  for (const name of await readdir(folder))
    if ((await readFile(`${folder}/${name}`, 'latin1')).includes(marker)) found.push(name)
  return found
}

describe('unit remove', () => {
  test('removes units of a file that a store has open, and leaves no trace of them', async () => {
    const path = newPath()
    await using store = await SqliteStore.open({ path, readers: 1 })
    const [other, last] = ordinaryUnits(2)
    await store.insertMany([secret, ...ordinaryUnits(2)])
    await store.decide(secret.id, 'approved', 'carol')
    await store.confirm(secret.id)

    const unasked = await run(path, secret.id, other?.id as string)
    expect(unasked).toMatchObject({ code: 2, stdout: '' })
    expect(unasked.stderr).toMatch(/^ID +STATUS +PROPOSED BY +DOMAINS +SUMMARY\n/)
    expect(unasked.stderr).toContain(`${secret.id}  approved  ann\ufffd[2J`)
    expect(unasked.stderr).toContain(`Say ${marker}\n${other?.id}  pending`)
    expect(unasked.stderr).toContain('--yes is needed')
    expect(await store.count()).toBe(3)

    expect(await run(path, '--yes', secret.id, other?.id as string, secret.id)).toEqual({
      code: 0,
      signal: null,
      stdout: `removed unit ${secret.id}\nremoved unit ${other?.id}\n`,
      stderr: '',
    })
    expect(await tracesOf(path)).toEqual([])
    expect(await store.listUnits()).toMatchObject([{ knowledge_unit: { id: last?.id } }])
    await store.insert(secret)
    expect(await store.count()).toBe(2)
  })

  test('says which ones are not there, and removes the others', async () => {
    const path = newPath()
    await using store = await SqliteStore.open({ path, readers: 1 })
    await store.insert(secret)
    const { code, stdout, stderr } = await run(path, '--yes', 'ku_a', secret.id, 'ku_b')
    expect({ code, stdout }).toEqual({ code: 1, stdout: `removed unit ${secret.id}\n` })
    expect(stderr).toBe(`cq-store: Knowledge unit not found: ku_a, ku_b (database: ${path})\n`)
    expect(await store.count()).toBe(0)
    // Nobody is asked about what isn't there.
    expect(await run(path, 'ku_a')).toMatchObject({ code: 1, stdout: '' })
  })

  test('removes what another program left in the unused space of the file, unless told not to', async () => {
    const path = newPath()
    {
      await using store = await SqliteStore.open({ path, readers: 1 })
      await store.insertMany([secret, ...ordinaryUnits(20)])
    }
    onDatabase(path, (db) => {
      db.exec("update knowledge_units set data = '{}' where id like '%1'")
      db.exec('delete from knowledge_unit_domains')
    })
    expect(await run(path, '--yes', '--no-rewrite', secret.id)).toMatchObject({ code: 0 })
    expect(await tracesOf(path)).toEqual(['cq.db'])
    expect(await run(path, '--yes', secret.id)).toMatchObject({ code: 1 })
    expect(await tracesOf(path)).toEqual([])
    onDatabase(path, (db) => {
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
      expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    })
  })

  test('removes a unit whose document cannot be read', async () => {
    const path = newPath()
    {
      await using store = await SqliteStore.open({ path, readers: 1 })
      await store.insert(secret)
    }
    onDatabase(path, (db) => db.prepare("update knowledge_units set data = 'no ' || data").run())
    const { code, stderr } = await run(path, secret.id)
    expect(code).toBe(2)
    expect(stderr).toMatch(new RegExp(`${secret.id}  pending .*its document can't be read`))
    expect(stderr).toContain('--yes is needed')
    expect(await run(path, '--yes', secret.id)).toMatchObject({ code: 0, stderr: '' })
    expect(await tracesOf(path)).toEqual([])
  })

  test.each(['none', 'units', 'all kinds'] as const)(
    'leaves no trace in a file with semantic search, of which it has rows of: %s',
    async (rows) => {
      const path = newPath()
      {
        await using store = await SqliteStore.open({ path, readers: 1 })
        await store.insertMany([secret, ...ordinaryUnits(2)])
      }
      withSemanticSearch(path, rows)
      expect(await run(path, '--yes', secret.id)).toMatchObject({ code: 0, stderr: '' })
      expect(await tracesOf(path)).toEqual([])
      onDatabase(path, (db) => {
        db.function(
          'vec_length',
          { deterministic: true },
          (vector) => (vector as Buffer).length / 4,
        )
        const vectors = db.prepare('select count(*) from knowledge_units_vec').pluck().get()
        expect(vectors).toBe(rows === 'none' ? 0 : 2)
        db.pragma('ignore_check_constraints = on')
        expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
      })
    },
  )

  test('says where traces are left since somebody else reads the log', async () => {
    const path = newPath()
    await using store = await SqliteStore.open({ path, readers: 1 })
    await store.insert(secret)
    const reader = otherProgram(path)
    reader.exec('begin')
    reader.prepare('select count(*) from knowledge_units').get()
    const { code, stderr } = await run(path, '--yes', secret.id)
    expect(code).toBe(0)
    expect(stderr).toMatch(/^traces may be left in .*cq\.db-wal, since another process reads/)
    expect(await tracesOf(path)).toContain('cq.db-wal')
    reader.exec('commit')
    expect((await run(path, '--yes', secret.id)).stderr).not.toContain('traces')
    expect(await tracesOf(path)).toEqual([])
  })

  test('makes no database', async () => {
    const path = newPath()
    const { code, stderr } = await run(path, '--yes', secret.id)
    expect(code).toBe(1)
    expect(stderr).toContain(`no database at ${path}`)
    expect((await run(path)).code).toBe(2)
  })
})
