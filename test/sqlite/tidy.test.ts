import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts'
import { migrateFile, newPath, onDatabase } from '../migrations/database-file.ts'
import { Latch } from '../offload/latch.ts'
import { RecordedLog } from '../offload/recorded-log.ts'
import { openSteered } from './steered-store.ts'
import { ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

async function emptied(store: SqliteStore): Promise<void> {
  while ((await store.fileSizes()).wal > 0) await setImmediate()
}

function analyzedTables(path: string): unknown[] {
  return onDatabase(path, (db) => db.prepare('select distinct tbl from sqlite_stat1').pluck().all())
}

describe('a store that nobody writes to', () => {
  it('empties its write-ahead log, each time that something was written', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await using store = await SqliteStore.open({ path, readers: 1, tidyInterval: 5 })
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
    await using store = await openSteered({ path, log, tidyInterval: 5 })
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

describe('opening a store', () => {
  it('lets the planner know of tables that other programs filled', async () => {
    const path = newPath()
    migrateFile(path)
    onDatabase(path, (db) => {
      db.exec(`insert into knowledge_units (id, data, status)
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 500)
        select 'unit ' || n, '{}', 'rejected' from numbers`)
      expect(db.pragma('table_list(sqlite_stat1)')).toEqual([])
    })
    await using _ = await SqliteStore.open({ path, readers: 1 })
    const known = analyzedTables(path)
    expect(known).toContain('knowledge_units')
  })
})
