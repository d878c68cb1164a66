import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { SqliteStore } from '../../src/sqlite/store.ts'
import { Latch } from '../threads/latch.ts'
import { arrange } from '../threads/mishap.ts'
import { outcome } from '../threads/outcome.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import { openSteered } from './steered-store.ts'
import { deadlyUnit, heldUnit, ordinaryUnits, steeredIds } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

afterEach(() => arrange({}))

/** Repeats a call while it is refused because there is no worker for it. */
async function onceAvailable<T>(make: () => Promise<T>): Promise<T> {
  for (;;) {
    const call = make()
    if ((await outcome(call)) !== 'unavailable') return call
    await setImmediate()
  }
}

function storedOf(store: SqliteStore, units: readonly { id: string }[]): Promise<unknown[]> {
  return Promise.all(units.map(({ id }) => store.getAny(id)))
}

describe('a reader that dies', () => {
  it('with reads under way: they are tried once more, and only the deadly one fails', async () => {
    Tally.create('exits')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db') })
    const units = ordinaryUnits(10)
    await store.insertMany(units)
    const reads = [
      store.get(steeredIds.deadlyOnce),
      ...units.map(({ id }) => store.getAny(id)),
      store.reviewQueue().then(({ total }) => total),
    ]
    const deadly = outcome(store.get(steeredIds.deadly))
    expect(await Promise.all(reads)).toEqual([null, ...units, 10])
    expect(await deadly).toBe('unavailable')
    expect(store.figures.read.restarts).toBeGreaterThan(0)
    expect(store.figures.write.restarts).toBe(0)
    expect(await storedOf(store, units)).toEqual(units)
  })
})

describe('a writer that dies', () => {
  it('inside a transaction: its writes end as outcome_unknown, and nothing of it is stored', async () => {
    const writing = Latch.create('write')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1 })
    const units = ordinaryUnits(5)
    const held = outcome(store.insert(heldUnit))
    await writing.arrived()
    const calls = [...units, deadlyUnit].map((unit) => outcome(store.insert(unit)))
    writing.open()
    expect(await Promise.all(calls)).toEqual(calls.map(() => 'outcome_unknown'))
    await held
    expect(await storedOf(store, [...units, deadlyUnit])).toEqual(calls.map(() => null))
    expect(store.figures.write.restarts).toBe(1)
    await store.insertMany(units)
    expect(await storedOf(store, units)).toEqual(units)
  })
})

describe('workers that die idle', () => {
  it('are replaced: reads and writes wait only for their own', async () => {
    const deaths = { read: Tally.create('deaths of read'), write: Tally.create('deaths of write') }
    const opening = Latch.create('open')
    await using directory = await TemporaryDirectory.create()
    const log = new RecordedLog()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1, log })
    const units = ordinaryUnits(4)

    arrange({ 'open read': 'wait' })
    deaths.read.add()
    await opening.arrived()
    const reads = storedOf(store, units.slice(0, 2))
    await store.insertMany(units.slice(0, 2))
    opening.open()
    expect(await reads).toEqual(units.slice(0, 2))

    opening.close()
    arrange({ 'open write': 'wait' })
    deaths.write.add()
    await opening.arrived()
    const write = store.insertMany(units.slice(2))
    expect(await storedOf(store, units)).toEqual([...units.slice(0, 2), null, null])
    opening.open()
    await write
    expect(await storedOf(store, units)).toEqual(units)
    expect(log.messages('warn')).toEqual([
      'the reader 1 crashed (died idle); restarting it',
      'the writer crashed (died idle); restarting it',
    ])
    expect([store.figures.read.restarts, store.figures.write.restarts]).toEqual([1, 1])
  })

  it('fail at once what only they could do, as long as they cannot be started anew', async () => {
    const deaths = { read: Tally.create('deaths of read'), write: Tally.create('deaths of write') }
    await using directory = await TemporaryDirectory.create()
    const log = new RecordedLog()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1, log })
    const [first, second] = ordinaryUnits(2)
    if (!first || !second) return

    arrange({ 'open read': 'refuse' })
    deaths.read.add()
    await log.told('error')
    expect(await outcome(store.getAny(first.id))).toBe('unavailable')
    expect(await outcome(store.count())).toBe('unavailable')
    await store.insert(first)
    arrange({})
    expect(await onceAvailable(() => store.getAny(first.id))).toEqual(first)

    const told = log.messages('error').length
    arrange({ 'load write': 'throw' })
    deaths.write.add()
    await log.told('error', told + 1)
    expect(await outcome(store.insert(second))).toBe('unavailable')
    expect(await store.getAny(second.id)).toBeNull()
    arrange({})
    await onceAvailable(() => store.insert(second))
    expect(await store.getAny(second.id)).toEqual(second)
  })
})
