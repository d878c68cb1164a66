import { mkdir } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts'
import { RecordedLog } from '../offload/recorded-log.ts'
import { Tally } from '../offload/tally.ts'
import { openSteered } from './steered-store.ts'
import { ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

const start = process.cwd()
afterEach(() => process.chdir(start))

const odd = 'sp ace %20 100% a?mode=memory b#c &d=e; ünï-日本語-🦆 \'quoted" -wal.db'

describe('the path of a store', () => {
  it('is taken to the letter', async () => {
    await using directory = await TemporaryDirectory.create()
    const [unit] = ordinaryUnits(1)
    if (!unit) return
    {
      await using store = await SqliteStore.open({ path: directory.file(odd), readers: 1 })
      await store.insert(unit)
      expect(await Promise.all([store.getAny(unit.id), store.count()])).toEqual([unit, 1])
    }
    expect(await directory.list()).toEqual([odd])
  })

  it('is no URI', async () => {
    const path = 'file:cq.db?mode=memory'
    await using directory = await TemporaryDirectory.create()
    process.chdir(directory.path)
    {
      await using store = await SqliteStore.open({ path, readers: 1 })
      await store.insertMany(ordinaryUnits(1))
      expect(await store.count()).toBe(1)
    }
    process.chdir(start)
    expect(await directory.list()).toEqual([path])
  })

  it('is, where relative, the same file after the process went elsewhere', async () => {
    const deaths = [Tally.create('deaths of read'), Tally.create('deaths of write')]
    await using directory = await TemporaryDirectory.create()
    const elsewhere = directory.file('elsewhere')
    await mkdir(elsewhere)
    process.chdir(directory.path)
    const log = new RecordedLog()
    {
      await using store = await openSteered({ path: 'here/cq.db', readers: 1, log })
      await store.insertMany(ordinaryUnits(1))
      process.chdir(elsewhere)
      for (const death of deaths) death.add()
      await log.told('warn', 2)
      await store.insertMany(ordinaryUnits(1, 0x2000))
      expect(await store.count()).toBe(2)
    }
    process.chdir(start)
    expect(await directory.list()).toEqual(['elsewhere', 'here'])
  })
})
