import { readFileSync } from 'node:fs'
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import { Flushes } from '../../src/offload/flushes.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { Latch } from '../threads/latch.ts'
import { arrange } from '../threads/mishap.ts'
import { failureOf, outcome } from '../threads/outcome.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import { openSteered } from './steered-store.ts'
import { heldUnit, ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

let directory: TemporaryDirectory
let path: string
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
  path = directory.file('cq.db')
})
afterEach(() => directory[Symbol.asyncDispose]())

const ready = { isReady: true }
const notReady = (reason: string) => ({ isReady: false, reason })
const moved =
  'the database file, or its write-ahead log, was moved, removed or replaced while it was open'
const [one, two] = ordinaryUnits(2)

describe('a store whose files are not where they were', () => {
  it.each([
    ['moved', () => rename(path, `${path}.old`)],
    ['removed', () => rm(path)],
    [
      'replaced',
      async () => {
        await rename(path, `${path}.old`)
        await writeFile(path, '')
      },
    ],
    ['without its log', () => rm(`${path}-wal`)],
  ])('writes nothing more, and says so: %s', async (_what, change) => {
    const log = new RecordedLog()
    await using store = await SqliteStore.open({
      path,
      log,
      ...internalOptions({ upkeepInterval: 20 }),
    })
    if (one) await store.insert(one)
    await store.query(['any'])
    await change()
    await expect.poll(() => store.readiness()).toEqual(notReady(moved))
    const failure = await failureOf(store.insert(two as typeof heldUnit))
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toContain('open the store anew; insert was not done')
    expect(await store.getAny(one?.id ?? '')).toEqual(one)
    expect(log.messages('error')).toEqual([expect.stringContaining(moved)])
  })

  it('writes nothing either before that was noticed', async () => {
    await using store = await SqliteStore.open({
      path,
      log: new RecordedLog(),
      ...internalOptions({ upkeepInterval: 2 ** 30 }),
    })
    if (one) await store.insert(one)
    await rename(path, `${path}.old`)
    const failure = await failureOf(store.insert(two as typeof heldUnit))
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toContain('moved, removed or replaced')
  })

  it('has no worker work on another file in their place', async () => {
    const deaths = Tally.create('deaths of write')
    const log = new RecordedLog()
    await using store = await openSteered({
      path,
      log,
      readers: 1,
      ...internalOptions({ upkeepInterval: 2 ** 30 }),
    })
    if (one) await store.insert(one)
    await store.query(['any'])
    const ends = ['', '-wal', '-shm']
    for (const end of ends) await rename(path + end, `${path}.old${end}`)
    await (await SqliteStore.open({ path })).close()
    deaths.add()
    await log.told('warn')
    deaths.reset()
    await log.told('error')
    expect(log.messages('error')[0]).toContain('moved, removed or replaced')
    expect(await outcome(store.insert(two as typeof heldUnit))).toBe('unavailable')
    for (const end of ends) await rename(`${path}.old${end}`, path + end)
    await expect.poll(() => outcome(store.insert(two as typeof heldUnit))).toBe('answered')
    expect(await store.count()).toBe(2)
  })

  it('goes on once they are back', async () => {
    const log = new RecordedLog()
    await using store = await SqliteStore.open({
      path,
      log,
      ...internalOptions({ upkeepInterval: 20 }),
    })
    await rename(path, `${path}.old`)
    await expect.poll(() => store.readiness()).toEqual(notReady(moved))
    await rename(`${path}.old`, path)
    await expect.poll(() => store.readiness()).toEqual(ready)
    expect(await outcome(store.insert(one as typeof heldUnit))).toBe('answered')
    expect(log.messages('warn')).toContain('the database file is back')
  })
})

const unlocked =
  'something else in this process has closed the database file, which dropped the locks of this store'

it.for([
  ['read by other means', () => readFile(path)],
  [
    'opened by another SQLite of the process',
    async () => {
      const other = new DatabaseSync(path)
      other.prepare('select count(*) from users').get()
      other.close()
    },
  ],
] as const)('a store whose file was %s is not ready, and says so', async ([, open], { skip }) => {
  const log = new RecordedLog()
  await using store = await SqliteStore.open({
    path,
    log,
    ...internalOptions({ upkeepInterval: 20 }),
  })
  if (one) await store.insert(one)
  if (!toldLocks().includes(` ${process.pid} `)) return skip('this system tells of no locks')
  await open()
  await log.told('error')
  expect(log.messages('error')[0]).toContain(unlocked)
  expect(await store.readiness()).toEqual(notReady(unlocked))
})

function toldLocks(): string {
  try {
    return readFileSync('/proc/locks', 'latin1')
  } catch {
    return ''
  }
}

it('a store that can not write is not ready, until it can again, though nobody writes', async () => {
  await using store = await SqliteStore.open({
    path,
    log: new RecordedLog(),
    busyTimeout: 10,
    ...internalOptions({ upkeepInterval: 20 }),
  })
  const other = new Sqlite(path)
  other.prepare('begin immediate').run()
  expect(await outcome(store.insert(one as typeof heldUnit))).toBe('unavailable')
  expect(await store.readiness()).toEqual(
    notReady('writes fail: the database is locked by another connection'),
  )
  other.prepare('commit').run()
  other.close()
  await expect.poll(() => store.readiness()).toEqual(ready)
})

it('a store whose writer is held for longer than a call may take is not ready', async () => {
  const writing = Latch.create('write')
  await using store = await openSteered({ path, timeout: 1_000, readers: 1 })
  await expect.poll(() => store.readiness()).toEqual(ready)
  expect(await outcome(store.insert(heldUnit))).toBe('outcome_unknown')
  expect(await store.readiness()).toEqual(notReady('a write takes too long'))
  writing.open()
  await expect.poll(() => store.readiness()).toEqual(ready)
})

it('a store whose writer died is not ready until another one is there', async () => {
  const deaths = Tally.create('deaths of write')
  const opening = Latch.create('open')
  const log = new RecordedLog()
  await using store = await openSteered({ path, readers: 1, log })
  await expect.poll(() => store.readiness()).toEqual(ready)
  arrange({ 'open write': 'wait' })
  onTestFinished(() => arrange({}))
  deaths.add()
  await opening.arrived()
  expect(await store.readiness()).toEqual(notReady('the writer thread is restarting'))
  deaths.reset()
  opening.open()
  await expect.poll(() => store.readiness()).toEqual(ready)
})

it('a file is looked through before it is opened, where that is asked for', async () => {
  {
    await using store = await SqliteStore.open({ path, quickCheck: true })
    await store.insertMany(ordinaryUnits(300))
  }
  await using file = await open(path, 'r+')
  const { size } = await file.stat()
  await file.write(Buffer.alloc(4_096, 255), 0, 4_096, size - 4_096)
  const failure = await failureOf(SqliteStore.open({ path, quickCheck: true }))
  expect(failure.code).toBe('corrupt')
  expect(failure.message).toMatch(/^the database file is damaged/)
  await (await SqliteStore.open({ path, log: new RecordedLog() })).close()
})

it('a store that found damage is not ready any more', async () => {
  {
    await using store = await SqliteStore.open({ path })
    await store.insertMany(ordinaryUnits(300))
  }
  await using file = await open(path, 'r+')
  const { size } = await file.stat()
  await file.write(Buffer.alloc(size, 255), 0, size / 2, size / 2)
  await using store = await SqliteStore.open({ path, log: new RecordedLog() })
  await expect.poll(() => outcome(store.listUnits({ limit: 500 }))).toBe('corrupt')
  expect(await store.readiness()).toEqual(notReady('the database file is damaged'))
})

it('commits wait for the disk once in two seconds where they do not anyway', () => {
  let now = 0
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
  const flushes = new Flushes(true)
  const due: number[] = []
  for (now = 0; now < 9_000; now += 500) {
    const isDue = flushes.areDue
    if (isDue) due.push(now)
    flushes.noteCommit(isDue)
    expect(flushes.areOwed).toBe(!isDue)
  }
  clock.mockRestore()
  expect(due).toEqual([0, 2_500, 5_000, 7_500])
  const others = new Flushes(false)
  expect([others.areDue, others.areOwed]).toEqual([false, false])
})
