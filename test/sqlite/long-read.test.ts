import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import type { Steps } from '../../src/operations/operation.ts'
import { Connection, TooMuchWork } from '../../src/sqlite/connection.ts'
import type { SqliteStore } from '../../src/sqlite/sqlite-store.ts'
import { Latch } from '../offload/latch.ts'
import { Tally } from '../offload/tally.ts'
import { unitId } from '../store/samples.ts'
import { openSteered } from './steered-store.ts'
import { laboriousUnit, ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

const units = ordinaryUnits(7)
let directory: TemporaryDirectory
let reading: Latch
let begun: Tally
let ended: Tally
let store: SqliteStore

async function open(readers: number): Promise<void> {
  store = await openSteered({ path: directory.file('cq.db'), readers })
  await store.insertMany([laboriousUnit, ...units])
}

function getUnits(): Promise<unknown[]> {
  return Promise.all(units.map(({ id }) => store.getAny(id)))
}

beforeEach(async () => {
  directory = await TemporaryDirectory.create()
  reading = Latch.create('laborious')
  begun = Tally.create('laborious reads begun')
  ended = Tally.create('laborious reads ended')
})

afterEach(async () => {
  reading.open()
  await store.close()
  await directory[Symbol.asyncDispose]()
})

describe('a read that turns out to be long', () => {
  it('delays no other read where there are two readers', async () => {
    await open(2)
    const long = store.getAny(laboriousUnit.id)
    // Made in the same moment, so that some of them travel with it.
    expect(await getUnits()).toEqual(units)
    await reading.arrived()
    for (let round = 0; round < 5; round++) expect(await getUnits()).toEqual(units)
    expect(store.figures.read).toMatchObject({ madeAlone: 1, underWay: 1 })
    reading.open()
    expect(await long).toEqual(laboriousUnit)
  })

  it('is begun twice, and ended in between, so that it cleans up after itself', async () => {
    await open(2)
    const long = store.getAny(laboriousUnit.id)
    await reading.arrived()
    expect({ begun: begun.value, ended: ended.value }).toEqual({ begun: 2, ended: 1 })
    reading.open()
    await long
    expect({ begun: begun.value, ended: ended.value }).toEqual({ begun: 2, ended: 2 })
  })

  it('answers the same with a single reader, after the others of its batch', async () => {
    await open(1)
    const order: string[] = []
    const long = store.getAny(laboriousUnit.id).then((unit) => {
      order.push('long')
      return unit
    })
    const others = getUnits().then(() => order.push('others'))
    await reading.arrived()
    await others
    reading.open()
    expect(await long).toEqual(laboriousUnit)
    expect(order).toEqual(['others', 'long'])
    expect(store.figures.read.madeAlone).toBe(1)
  })
})

describe('a long write', () => {
  it('is done at once, since it must not be begun twice', async () => {
    await open(1)
    await store.insertMany(ordinaryUnits(2_500, 0x9000))
    expect(store.figures.write).toMatchObject({ madeAlone: 0, calls: 2, batches: 2 })
  })
})

describe('an operation that may do only so much', () => {
  let connection: Connection
  const { getAny, pendingQueue } = operations

  beforeEach(async () => {
    await open(1)
    connection = new Connection({
      path: directory.file('cq.db'),
      access: 'read',
      durability: 'normal',
      busyTimeout: 0,
      cacheSize: 1_024,
      mmapSize: 0,
    })
  })

  afterEach(() => connection.sqlite.close())

  function* getTimes(id: string, times: number): Steps<number> {
    for (let time = 0; time < times; time++) yield* getAny.run(id)
    return times
  }

  it('is ended where it asks for another statement after that', () => {
    const none = unitId(0)
    expect(connection.run(getTimes(none, 4), 3)).toBe(4)
    expect(() => connection.run(getTimes(none, 5), 3)).toThrow(TooMuchWork)
  })

  it('is charged for each row that it is answered', () => {
    const { id } = laboriousUnit
    expect(connection.run(getTimes(id, 3), 4)).toBe(3)
    expect(() => connection.run(getTimes(id, 4), 4)).toThrow(TooMuchWork)
  })

  it('is not ended where it has all that it needs', () => {
    const page = pendingQueue.run({ limit: 100, offset: 0 })
    expect(connection.run(page, 1)).toHaveLength(units.length + 1)
  })

  it('may do anything where nothing is said', () => {
    expect(connection.run(getTimes(unitId(0), 5_000))).toBe(5_000)
  })
})
