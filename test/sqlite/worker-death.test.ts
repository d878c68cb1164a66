import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { SqliteStore } from '../../src/sqlite/sqlite-store.ts'
import { Latch } from '../offload/latch.ts'
import { arrange } from '../offload/mishap.ts'
import { outcome } from '../offload/outcome.ts'
import { RecordedLog } from '../offload/recorded-log.ts'
import { Tally } from '../offload/tally.ts'
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
      store.stats().then(({ total_count }) => total_count),
    ]
    const deadly = outcome(store.get(steeredIds.deadly))
    expect(await Promise.all(reads)).toEqual([null, ...units, 10])
    expect(await deadly).toBe('unavailable')
    expect(store.figures.read.restarts).toBeGreaterThan(0)
    expect(store.figures.write.restarts).toBe(0)
    expect(await storedOf(store, units)).toEqual(units)
  })

  it('idle: it is replaced, and sees what was written meanwhile', async () => {
    const deaths = Tally.create('deaths of read')
    const opening = Latch.create('open')
    await using directory = await TemporaryDirectory.create()
    const log = new RecordedLog()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1, log })
    const units = ordinaryUnits(2)
    arrange({ 'open read': 'wait' })
    deaths.add()
    await opening.arrived()
    const reads = storedOf(store, units)
    await store.insertMany(units)
    opening.open()
    expect(await reads).toEqual(units)
    expect(log.messages('warn')).toEqual(['the reader 1 died (died idle); starting it anew'])
  })

  it('for good: reads fail at once, writes go on, and reads do again once it can start', async () => {
    const deaths = Tally.create('deaths of read')
    await using directory = await TemporaryDirectory.create()
    const log = new RecordedLog()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1, log })
    const [unit] = ordinaryUnits(1)
    if (!unit) return
    arrange({ 'open read': 'refuse' })
    deaths.add()
    await log.told('error')
    expect(await outcome(store.getAny(unit.id))).toBe('unavailable')
    expect(await outcome(store.count())).toBe('unavailable')
    await store.insert(unit)
    arrange({})
    expect(await onceAvailable(() => store.getAny(unit.id))).toEqual(unit)
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

  it('with two batches under way: both end as outcome_unknown, and what waits is done', async () => {
    const exits = Tally.create('exits')
    const writing = Latch.create('write')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1 })
    const [first, second, third] = ordinaryUnits(3)
    if (!first || !second || !third) return
    const deadly = { ...first, id: steeredIds.deadlyOnce }
    const held = outcome(store.insertMany([heldUnit]))
    await writing.arrived()
    const behind = outcome(store.insertMany([second, deadly]))
    await Promise.resolve()
    writing.open()
    await held
    expect(await behind).toBe('outcome_unknown')
    expect(exits.value).toBe(1)
    await store.insertMany([third, deadly])
    expect(await storedOf(store, [second, third])).toEqual([null, third])
  })

  it('idle: it is replaced, and reads go on meanwhile', async () => {
    const deaths = Tally.create('deaths of write')
    const opening = Latch.create('open')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1 })
    const units = ordinaryUnits(2)
    arrange({ 'open write': 'wait' })
    deaths.add()
    await opening.arrived()
    const write = store.insertMany(units)
    expect(await storedOf(store, units)).toEqual([null, null])
    opening.open()
    await write
    expect(await storedOf(store, units)).toEqual(units)
    expect(store.figures.write.restarts).toBe(1)
  })

  it('for good: writes fail at once, and reads go on', async () => {
    const deaths = Tally.create('deaths of write')
    await using directory = await TemporaryDirectory.create()
    const log = new RecordedLog()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1, log })
    const [unit] = ordinaryUnits(1)
    if (!unit) return
    arrange({ 'load write': 'throw' })
    deaths.add()
    await log.told('error')
    expect(await outcome(store.insert(unit))).toBe('unavailable')
    expect(await store.getAny(unit.id)).toBeNull()
    arrange({})
    await onceAvailable(() => store.insert(unit))
    expect(await store.getAny(unit.id)).toEqual(unit)
  })
})
