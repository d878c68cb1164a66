import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { passwordHash, sampleKey, sampleUnit, unitId } from '../store/samples.ts'
import { newPath, onDatabase, otherProgram } from './migrations/database-file.ts'
import { runScript } from './script.ts'
import { ordinaryUnits } from './steered-units.ts'

/**
 * Forty characters that stand nowhere else. Not random: SQLite keeps copies of rows that it moves, which
 * depends on what they hold, see `leave-no-trace.ts`.
 */
const marker = 'q7zk2vx9wm4jt8rb5np3hd6cs0lf1yg-e8u2a7o4'
const secretId = unitId(0x1010)

/** A unit that has the marker wherever a unit may have a text, and fills pages of its own. */
const secret = sampleUnit(secretId, new Date('2026-05-04T03:02:01.000Z'), {
  domains: [`${marker}-one`, 'sample', `${marker}-two`],
  insight: { summary: `Say ${marker}`, detail: `${marker} `.repeat(190), action: `Do ${marker}` },
  context: {
    languages: [`${marker}-language`],
    frameworks: [`${marker}-framework`],
    pattern: `${marker}-pattern`,
  },
  created_by: `${marker}-agent`,
  extensions: { [`vendor:${marker}`]: marker },
})

/** How often a text stands in the files of a database, by the file's name. Files without it are left out. */
function tracesOf(path: string, text = marker): Record<string, number> {
  const folder = dirname(path)
  const found = readdirSync(folder).map((name): [string, number] => {
    const bytes = readFileSync(join(folder, name)).toString('latin1')
    return [name, bytes.split(text).length - 1]
  })
  return Object.fromEntries(found.filter(([, count]) => count > 0))
}

async function emptied(store: SqliteStore): Promise<void> {
  while ((await store.fileSizes()).wal > 0) await setImmediate()
}

/** Opens a store whose unit with the marker has been through all that happens to units. */
async function openWithSecret(path: string): Promise<SqliteStore> {
  const store = await SqliteStore.open({
    path,
    readers: 1,
    ...internalOptions({ upkeepInterval: 5 }),
  })
  const others = ordinaryUnits(40)
  await store.insertMany(others.filter(({ id }) => id !== secretId))
  for (const { id } of others.slice(0, 10)) await store.decide(id, 'approved', 'carol')
  await store.insert(secret)
  await store.decide(secretId, 'approved', 'carol')
  await store.confirm(secretId)
  await store.flag(secretId, { reason: 'incorrect', detail: `It tells ${marker}` })
  return store
}

/** Has another process's read keep the write-ahead log as it is, until it is called back. */
function holdLog(path: string): () => void {
  const db = otherProgram(path)
  db.exec('begin')
  db.prepare('select count(*) from knowledge_units').get()
  return () => void db.exec('commit')
}

describe('a unit that was removed', () => {
  it('stands in no file when that is acknowledged', async () => {
    const path = newPath()
    const store = await openWithSecret(path)
    expect(tracesOf(path)).toHaveProperty('cq.db-wal')
    expect(await store.removeUnit(secretId)).toBe(true)
    expect(tracesOf(path)).toEqual({})
    await store.confirm(unitId(0x1001))
    await store.close()
    expect(tracesOf(path)).toEqual({})
  })

  it('stands in no file as soon as no read is in the way', async () => {
    const path = newPath()
    await using store = await openWithSecret(path)
    const letGo = holdLog(path)
    expect(await store.removeUnit(secretId)).toBe(true)
    // The read may still ask for it.
    expect(tracesOf(path)).toHaveProperty('cq.db-wal')
    letGo()
    await emptied(store)
    expect(tracesOf(path)).toEqual({})
  })

  it('stands in no file once a process that was killed right after is replaced', async () => {
    const path = newPath()
    await (await openWithSecret(path)).close()
    const letGo = holdLog(path)
    const { signal, stdout, stderr } = await runScript('removed-and-killed.ts', path, secretId)
    expect({ signal, stdout, stderr }).toEqual({ signal: 'SIGKILL', stdout: '', stderr: '' })
    expect(tracesOf(path)).not.toEqual({})
    letGo()
    await using store = await SqliteStore.open({
      path,
      readers: 1,
      ...internalOptions({ upkeepInterval: 5 }),
    })
    await emptied(store)
    expect(tracesOf(path)).toEqual({})
    expect(await store.getAny(secretId)).toBeNull()
  })

  it('is in no sample of keys that another program took for its planner', async () => {
    const path = newPath()
    await using store = await openWithSecret(path)
    onDatabase(path, (db) => db.exec('analyze'))
    const samples = () =>
      onDatabase(path, (db) => db.prepare('select count(*) from sqlite_stat4').pluck().get())
    expect(samples()).toBeGreaterThan(0)
    await store.removeUnit(secretId)
    expect(tracesOf(path)).toEqual({})
  })

  it('was replaced before, and no earlier text of it stands in a file, either', async () => {
    const path = newPath()
    await using store = await openWithSecret(path)
    const { domains: _, ...plain } = sampleUnit(secretId, new Date('2026-05-04T03:02:01.000Z'))
    await store.update({ ...plain, domains: ['sample'] })
    await emptied(store)
    expect(tracesOf(path)).toEqual({})
    expect(await store.removeUnit(secretId)).toBe(true)
    expect(tracesOf(path)).toEqual({})
  })
})

describe('a user who was removed', () => {
  it('leaves neither name, password nor key in a file', async () => {
    const path = newPath()
    await using store = await SqliteStore.open({
      path,
      readers: 1,
      ...internalOptions({ upkeepInterval: 5 }),
    })
    await store.createUser(marker, `${passwordHash}-${marker}`)
    const { id = 0 } = (await store.getUser(marker)) ?? {}
    const expires = new Date('2027-01-01T00:00:00Z')
    const key = sampleKey(`${marker}-key`, id, expires, { name: marker, labels: [marker] })
    await store.createApiKey(key)
    await store.revokeApiKey({ userId: id, keyId: key.keyId })
    expect(await store.removeUser(marker)).toBe(true)
    expect(tracesOf(path)).toEqual({})
  })

  it('or whose password was replaced, leaves the old one in no file', async () => {
    const path = newPath()
    await using store = await SqliteStore.open({
      path,
      readers: 1,
      ...internalOptions({ upkeepInterval: 5 }),
    })
    await store.createUser('carol', `${passwordHash}-${marker}`)
    await store.setPassword('carol', passwordHash)
    expect(tracesOf(path)).toEqual({})
    expect(tracesOf(path, passwordHash)).toEqual({ 'cq.db': 1 })
  })
})
