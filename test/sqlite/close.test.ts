import { setImmediate } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { afterEach, describe, expect, it } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { Latch } from '../threads/latch.ts'
import { liveThreads } from '../threads/live-threads.ts'
import { arrange } from '../threads/mishap.ts'
import { failureOf, outcome } from '../threads/outcome.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import { openSteered } from './steered-store.ts'
import { heldUnit, ordinaryUnits, steeredIds } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

afterEach(() => {
  arrange({})
  expect(liveThreads.size).toBe(0)
})

function countUnits(path: string): unknown {
  const db = new Sqlite(path, { fileMustExist: true })
  try {
    return db.prepare('select count(*) from knowledge_units').pluck().get()
  } finally {
    db.close()
  }
}

describe('closing a store', () => {
  it('finishes what was accepted, takes nothing new, and leaves one file and no thread', async () => {
    await using directory = await TemporaryDirectory.create()
    for (let round = 1; round <= 3; round++) {
      const path = directory.file(`${round}.db`)
      const store = await SqliteStore.open({ path, readers: 4 })
      const units = ordinaryUnits(50)
      const accepted = units.flatMap((unit) => [
        store.insert(unit),
        store.getAny(unit.id),
        store.query(['sample']),
        store.touchApiKeyLastUsed(unit.id),
      ])
      const scans = [store.reviewQueue(), store.pendingQueue(), store.reviewStats()]
      const closed = store.close()
      const late = [store.insert(heldUnit), store.getAny(heldUnit.id), store.count()]
      expect(await Promise.all(late.map(outcome))).toEqual(late.map(() => 'closed'))
      await closed
      expect(liveThreads.size).toBe(0)
      await Promise.all([...accepted, ...scans])
      expect(await directory.list()).toEqual([`${round}.db`])
      expect(countUnits(path)).toBe(50)
      await directory.remove(`${round}.db`)
    }
  })

  it('closes the writer last, after it gathered what the query planner needs', async () => {
    Tally.create('closed readers')
    const before = Tally.create('readers closed before the writer')
    const closing = Latch.create('close')
    arrange({ 'close read': 'wait' })
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const store = await openSteered({ path, readers: 3 })
    await store.insertMany(ordinaryUnits(300))
    await Promise.all([...ordinaryUnits(20).map((unit) => store.update(unit)), store.reviewQueue()])
    const closed = store.close()
    await closing.arrived(3)
    // A writer that did not wait for them would close now.
    for (let turn = 0; turn < 100; turn++) await setImmediate()
    closing.open()
    await closed
    expect(before.value).toBe(3)
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it('is one closing however often it is asked for, and every later call is closed', async () => {
    const writing = Latch.create('write')
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const store = await openSteered({ path, readers: 1 })
    const order: string[] = []
    const note = (what: string) => () => order.push(what)
    const held = store.insert(heldUnit).then(note('insert'))
    await writing.arrived()
    const closings = [store.close(), store.close(), store[Symbol.asyncDispose]()]
    const noted = closings.map((closing) => closing.then(note('close')))
    expect(await outcome(store.count())).toBe('closed')
    expect(order).toEqual([])
    writing.open()
    await Promise.all([held, ...noted])
    expect(order).toEqual(['insert', 'close', 'close', 'close'])
    await store.close()
    const late = [
      store.get('any'),
      store.count(),
      store.confirm('any'),
      store.touchApiKeyLastUsed('any'),
    ]
    expect(await Promise.all(late.map(outcome))).toEqual(late.map(() => 'closed'))
    expect(countUnits(path)).toBe(1)
  })
})

describe('closing a store of which a worker', () => {
  it.each(['read', 'write'])('that can %s is being started anew', async (access) => {
    const deaths = Tally.create(`deaths of ${access}`)
    const opening = Latch.create('open')
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const store = await openSteered({ path, readers: 1 })
    await store.insertMany(ordinaryUnits(7))
    arrange({ [`open ${access}`]: 'wait' })
    deaths.add()
    await opening.arrived()
    await store.close()
    expect(liveThreads.size).toBe(0)
    expect(countUnits(path)).toBe(7)
  })

  it('is being started anew finishes first what waits for it', async () => {
    const deaths = Tally.create('deaths of write')
    const opening = Latch.create('open')
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const store = await openSteered({ path, readers: 1 })
    arrange({ 'open write': 'wait' })
    deaths.add()
    await opening.arrived()
    const write = store.insertMany(ordinaryUnits(7))
    const closed = store.close()
    opening.open()
    await write
    await closed
    expect(await directory.list()).toEqual(['cq.db'])
    expect(countUnits(path)).toBe(7)
  })

  it('cannot be started anew', async () => {
    const deaths = Tally.create('deaths of write')
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const log = new RecordedLog()
    const store = await openSteered({ path, readers: 1, log })
    await store.insertMany(ordinaryUnits(7))
    arrange({ 'open write': 'refuse' })
    deaths.add()
    await log.told('error')
    await store.close()
    expect(liveThreads.size).toBe(0)
    expect(countUnits(path)).toBe(7)
  })

  it('is stuck fails in time, ends the worker, and closes the others as ever', async () => {
    const reading = Latch.create('read')
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const store = await openSteered({ path, readers: 1, timeout: 600 })
    const stuck = outcome(store.get(steeredIds.held))
    await reading.arrived()
    expect(await failureOf(store.close())).toMatchObject({
      code: 'timeout',
      message: 'could not close the reader 1 within 500 ms',
    })
    expect(await stuck).toBe('timeout')
    expect(liveThreads.size).toBe(0)
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it.each([
    ['close read', 'throw', 'internal'],
    ['close write', 'exit', 'unavailable'],
  ] as const)(
    'fails to close (%s: %s) ends with that failure, and leaves no thread',
    async (stage, mishap, code) => {
      arrange({ [stage]: mishap })
      await using directory = await TemporaryDirectory.create()
      const path = directory.file('cq.db')
      const store = await openSteered({ path, readers: 1 })
      await store.insertMany(ordinaryUnits(7))
      const failure = await failureOf(store.close())
      expect(failure.code).toBe(code)
      expect(liveThreads.size).toBe(0)
      expect(await failureOf(store.close())).toBe(failure)
      expect(countUnits(path)).toBe(7)
    },
  )
})
