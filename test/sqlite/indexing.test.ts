import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { SqliteStore } from '../../src/index.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

describe('the index of words', () => {
  it('is written by no store that is only opened and searched', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await (await SqliteStore.open({ path })).close()
    await using store = await SqliteStore.open({ path })
    expect(await store.search('anything')).toEqual([])
    expect(await store.unindexedTexts()).toBe(0)
    expect(store.figures.write.calls).toBe(0)
  })

  it('has what another program approved soon after a search', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await using store = await SqliteStore.open({ path })
    const unit = sampleUnit(unitId(1), new Date())
    await store.insert(unit)
    // A process of its own would do: while a store is open, no other connection of this one may close the file.
    const other = new Sqlite(path)
    other.prepare("update knowledge_units set status = 'approved'").run()
    expect(await store.unindexedTexts()).toBe(1)
    const [hit] = await store.search(unit.insight.summary)
    expect(hit?.knowledge_unit).toEqual(unit)
    await expect.poll(() => store.unindexedTexts()).toBe(0)
    expect((await store.search(unit.insight.summary))[0]?.knowledge_unit).toEqual(unit)
    await store.close()
    other.close()
  })
})
