import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { Latch } from '../threads/latch.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { openSteered } from './steered-store.ts'
import { ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

async function emptied(store: SqliteStore): Promise<void> {
  while ((await store.fileSizes()).wal > 0) await setImmediate()
}

describe('a store that nobody writes to', () => {
  it('empties its write-ahead log, each time that something was written', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await using store = await SqliteStore.open({
      path,
      readers: 1,
      ...internalOptions({ upkeepInterval: 5 }),
    })
    for (const from of [0x1000, 0x2000, 0x3000]) {
      await store.insertMany(ordinaryUnits(50, from))
      await emptied(store)
    }
    expect(await store.count()).toBe(150)
  })

  it('does so once the last read that is in the way has ended, and makes no fuss of it', async () => {
    const scanning = Latch.create('scan')
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const log = new RecordedLog()
    await using store = await openSteered({ path, log, ...internalOptions({ upkeepInterval: 5 }) })
    const scan = store.reviewQueue()
    await scanning.arrived()
    await store.insertMany(ordinaryUnits(50))
    expect((await store.fileSizes()).wal).toBeGreaterThan(0)
    scanning.open()
    expect((await scan).total).toBe(0)
    await emptied(store)
    expect(log.entries).toEqual([])
  })
})
