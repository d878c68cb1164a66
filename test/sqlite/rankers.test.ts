import { afterEach, describe, expect, it } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import type { KnowledgeUnitInput } from '../../src/knowledge/records.ts'
import type { SqliteStore } from '../../src/sqlite/store.ts'
import { Latch } from '../threads/latch.ts'
import { arrange } from '../threads/mishap.ts'
import { outcome } from '../threads/outcome.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import { openSteered } from './steered-store.ts'
import { ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

afterEach(() => arrange({}))

const [domain = ''] = ordinaryUnits(1)[0]?.domains ?? []

async function approve(store: SqliteStore, units: readonly KnowledgeUnitInput[]): Promise<void> {
  await store.insertMany(units)
  await Promise.all(units.map(({ id }) => store.decide(String(id), 'approved', 'ada')))
}

async function foundBy(store: SqliteStore, limit = 100): Promise<string[]> {
  return (await store.query([domain], { limit })).map(({ id }) => id).sort()
}

function idsOf(units: readonly KnowledgeUnitInput[]): string[] {
  return units.map(({ id }) => String(id)).sort()
}

/** Resolves once something holds of the figures, which change as threads go on. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

describe('while a ranker loads its index', () => {
  it('queries and statistics wait for it, and everything else goes on', async () => {
    const opening = Latch.create('open')
    arrange({ 'open index': 'wait' })
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db') })
    await opening.arrived()
    const units = ordinaryUnits(20)
    const waiting = [store.query([domain], { limit: 100 }), store.stats(), store.reviewStats()]
    await approve(store, units)
    await store.confirm(idsOf(units)[0] ?? '')
    expect((await store.listUnits({ status: 'approved' })).length).toBe(20)
    expect(await store.count()).toBe(20)
    expect(store.figures.rank).toMatchObject({ calls: 3, waiting: 3, underWay: 0 })
    expect(store.figures.ranking).toEqual([{ units: 0, bytes: 0, loadMilliseconds: 0, changes: 0 }])
    opening.open()
    const [found, stats] = await Promise.all(waiting)
    expect(found).toHaveLength(20)
    expect(stats).toMatchObject({ total_count: 20, domain_counts: { [domain]: 20 } })
    expect(store.figures.ranking[0]?.units).toBe(20)
  })

  it('a query that waits too long for it ends as timeout', async () => {
    const opening = Latch.create('open')
    arrange({ 'open index': 'wait' })
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), timeout: 1_000 })
    await opening.arrived()
    expect(await outcome(store.query([domain]))).toBe('timeout')
    opening.open()
    // On a busy machine it may come too late once more.
    while ((await outcome(store.query([domain]))) === 'timeout');
    expect(await foundBy(store)).toEqual([])
  })

  it('the store closes, once what it took has ended', async () => {
    const opening = Latch.create('open')
    arrange({ 'open index': 'wait' })
    await using directory = await TemporaryDirectory.create()
    const store = await openSteered({ path: directory.file('cq.db'), timeout: 1_000 })
    await opening.arrived()
    const waiting = outcome(store.query([domain]))
    await store.close()
    expect(await waiting).toBe('timeout')
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it('queries say why, where it cannot be loaded, and are answered once it can', async () => {
    const log = new RecordedLog()
    arrange({ 'open index': 'refuse' })
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), log })
    await log.told('error')
    await expect(store.query([domain])).rejects.toMatchObject({
      code: 'unavailable',
      message: 'no worker can index: refused to open',
    })
    expect(await store.count()).toBe(0)
    arrange({})
    while ((await outcome(store.query([domain]))) === 'unavailable')
      await new Promise((resolve) => setImmediate(resolve))
    expect(await foundBy(store)).toEqual([])
  })
})

describe('a ranker', () => {
  it('sees every write that was acknowledged before a query, of this store and of others', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await using one = await openSteered({ path, readers: 1 })
    await using other = await openSteered({ path, readers: 1 })
    const units = ordinaryUnits(30)
    for (const [at, unit] of units.entries()) {
      await approve(at % 2 === 0 ? one : other, [unit])
      const approved = idsOf(units.slice(0, at + 1))
      expect(await Promise.all([foundBy(one), foundBy(other)])).toEqual([approved, approved])
    }
    await one.setReviewStatus(idsOf(units)[0] ?? '', 'rejected', 'ada')
    await other.removeUnit(idsOf(units)[1] ?? '')
    const left = idsOf(units).slice(2)
    expect(await Promise.all([foundBy(one), foundBy(other)])).toEqual([left, left])
  })

  it('sees more changes at once than it reads at once', async () => {
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db') })
    expect(await foundBy(store)).toEqual([])
    const units = ordinaryUnits(4_500)
    await approve(store, units)
    expect(await foundBy(store, 5_000)).toEqual(idsOf(units))
  })

  it('loads its index anew where it dies, and queries are answered then', async () => {
    const log = new RecordedLog()
    const deaths = Tally.create('deaths of index')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), log })
    const units = ordinaryUnits(10)
    await approve(store, units)
    expect(await foundBy(store)).toEqual(idsOf(units))
    deaths.add()
    await log.told('warn')
    expect(await foundBy(store)).toEqual(idsOf(units))
    expect(store.figures.rank.restarts).toBe(1)
    expect(store.figures.read.restarts).toBe(0)
    expect(log.messages('warn')[0]).toContain('the indexer 1 crashed')
  })

  it('tells how many units and bytes its index has, how long it took to load, and what changed', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const units = ordinaryUnits(10)
    {
      await using store = await openSteered({ path })
      await approve(store, units)
    }
    await using store = await openSteered({ path, ...internalOptions({ upkeepInterval: 5 }) })
    await foundBy(store)
    const [loaded] = store.figures.ranking
    expect(loaded).toMatchObject({ units: 10, changes: 0 })
    expect(loaded?.bytes).toBeGreaterThan(1_000)
    expect(loaded?.loadMilliseconds).toBeGreaterThan(0)
    // Without a query: it follows while nobody asks.
    await approve(store, ordinaryUnits(5, 0x5000))
    await until(() => store.figures.ranking[0]?.units === 15)
    await store.confirm(idsOf(units)[0] ?? '')
    await until(() => store.figures.ranking[0]?.changes === 6)
    expect(store.figures.ranking[0]?.units).toBe(15)
    await until(() => (store.figures.ranking[0]?.bytes ?? 0) > (loaded?.bytes ?? 0))
    expect(store.figures.connections.map(({ access }) => access)).toContain('index')
  })

  it('is one of as many as are asked for, and each knows all', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await using store = await openSteered({ path, rankers: 3 })
    await approve(store, ordinaryUnits(10))
    await until(() => store.figures.ranking.every(({ loadMilliseconds }) => loadMilliseconds > 0))
    expect(store.figures.ranking).toHaveLength(3)
    await Promise.all(
      Array.from({ length: 50 }, async () =>
        expect(await foundBy(store)).toEqual(idsOf(ordinaryUnits(10))),
      ),
    )
    await expect(openSteered({ path, rankers: -1 })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('is none where none is asked for, and then queries are unavailable', async () => {
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), rankers: 0 })
    await approve(store, ordinaryUnits(1))
    await expect(store.query([domain])).rejects.toMatchObject({
      code: 'unavailable',
      message: 'the store has no rankers; query was not done',
    })
    expect(await store.count()).toBe(1)
  })

  it('answers where the store is read only, too, and follows what others write', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await using writing = await openSteered({ path })
    await using reading = await openSteered({ path, readOnly: true })
    await approve(writing, ordinaryUnits(3))
    expect(await foundBy(reading)).toEqual(idsOf(ordinaryUnits(3)))
    expect((await reading.stats()).domain_counts).toMatchObject({ [domain]: 3 })
  })
})
