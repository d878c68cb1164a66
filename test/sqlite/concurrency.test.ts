import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import type { SqliteStore } from '../../src/sqlite/store.ts'
import { Latch } from '../threads/latch.ts'
import { longScanWorker, openSteered } from './steered-store.ts'
import { heldUnit, ordinaryUnits, otherHeldUnit, steeredIds } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

/** Lets the event loop turn this often: whoever keeps it from turning keeps the test from ending. */
async function turnEventLoop(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await setImmediate()
}

/** What the promise is by now, once everything that is due has run. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'settled'> {
  let state: 'pending' | 'settled' = 'pending'
  const settle = () => {
    state = 'settled'
  }
  promise.then(settle, settle)
  await turnEventLoop(3)
  return state
}

/** A scan that stops at the latch, and answers how many units there were when it began. */
async function scanOf(store: SqliteStore): Promise<number> {
  return (await store.reviewQueue()).total
}

describe('a store with two readers', () => {
  const units = ordinaryUnits(1_000)
  let directory: TemporaryDirectory
  let store: SqliteStore
  let scanning: Latch
  let writing: Latch

  beforeAll(async () => {
    directory = await TemporaryDirectory.create()
    scanning = Latch.create('scan')
    writing = Latch.create('write')
    store = await openSteered({ path: directory.file('cq.db') })
    await store.insertMany(units.slice(0, 10))
  })

  beforeEach(() => {
    scanning.close()
    writing.close()
  })

  afterAll(async () => {
    await store.close()
    await directory[Symbol.asyncDispose]()
  })

  it('writes while a reader is inside a long scan, which keeps the snapshot it began with', async () => {
    const scan = scanOf(store)
    await scanning.arrived()
    for (const unit of units.slice(10, 20)) await store.insert(unit)
    await Promise.all(units.slice(20, 30).map((unit) => store.insert(unit)))
    expect(await stateOf(scan)).toBe('pending')
    scanning.open()
    expect(await scan).toBe(10)
    expect(await store.count()).toBe(30)
  })

  it('answers point reads while scans are under way and wait', async () => {
    const scans = [scanOf(store), scanOf(store)]
    await scanning.arrived()
    for (const unit of units.slice(0, 20)) expect(await store.getAny(unit.id)).toEqual(unit)
    expect(await stateOf(Promise.race(scans))).toBe('pending')
    scanning.open()
    expect(await Promise.all(scans)).toEqual([30, 30])
  })

  it('reads while a large write is under way, as of the last commit', async () => {
    const under = units.slice(500)
    const write = store.insertMany([...under, heldUnit])
    await writing.arrived()
    expect(await store.count()).toBe(30)
    expect(await store.pendingQueue({ limit: 500 })).toHaveLength(30)
    for (const { id } of under.slice(0, 10)) expect(await store.getAny(id)).toBeNull()
    for (const unit of units.slice(0, 10)) expect(await store.getAny(unit.id)).toEqual(unit)
    expect(await stateOf(write)).toBe('pending')
    writing.open()
    await write
    expect(await store.count()).toBe(531)
  })

  it('keeps the event loop turning while both are under way', async () => {
    const both = Promise.all([store.insert(otherHeldUnit), scanOf(store)])
    await Promise.all([writing.arrived(), scanning.arrived()])
    await turnEventLoop(1_000)
    expect(await stateOf(both)).toBe('pending')
    expect(await store.getAny(otherHeldUnit.id)).toBeNull()
    writing.open()
    scanning.open()
    expect((await both)[1]).toBe(531)
    expect(await store.getAny(otherHeldUnit.id)).toEqual(otherHeldUnit)
  })
})

describe('a store with one reader', () => {
  it('has reads wait for one scan, and writes for none', async () => {
    const reading = Latch.create('read')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1 })
    const held = store.get(steeredIds.held)
    await reading.arrived()
    const order: string[] = []
    const calls = [
      store.reviewQueue().then(() => order.push('scan 1')),
      store.getAny(steeredIds.held).then(() => order.push('read 1')),
      store.reviewQueue().then(() => order.push('scan 2')),
      store.getAny(steeredIds.held).then(() => order.push('read 2')),
    ]
    await store.insertMany(ordinaryUnits(3))
    expect(order).toEqual([])
    reading.open()
    await Promise.all([held, ...calls])
    expect(order).toEqual(['scan 1', 'read 1', 'read 2', 'scan 2'])
  })
})

describe('a real scan over a seeded store', () => {
  it('ends after inserts and point reads that were made while it ran', async () => {
    const scanning = Latch.create('scan')
    scanning.open()
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await using store = await openSteered({
      path,
      ...internalOptions({ operationsFile: longScanWorker }),
    })
    const [first, ...others] = ordinaryUnits(256)
    if (!first) return
    await store.insertMany(others)
    const order: string[] = []
    const scan = scanOf(store).then((count) => order.push(`scan of ${count}`))
    await scanning.arrived()
    await store.insert(first)
    order.push('insert')
    expect(await store.getAny(first.id)).toEqual(first)
    order.push('read')
    await turnEventLoop(100)
    order.push('turns')
    await scan
    expect(order).toEqual(['insert', 'read', 'turns', 'scan of 255'])
  })
})
