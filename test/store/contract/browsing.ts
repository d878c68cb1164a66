import { beforeAll, describe, expect, it } from 'vitest'
import type { BrowseFilters, BrowseOptions, KnowledgeUnit, Store } from '../../../src/index.ts'
import { columnTime, sampleUnit, TestClock, unitId } from '../samples.ts'
import { failure } from './failure.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const noon = '2026-11-22T12:00:00.000Z'
const minutesAfter = (minutes: number) => new Date(Date.parse(noon) + minutes * 60_000)

/** Twelve units, one a minute, in every way in which filters tell them apart. */
const units: KnowledgeUnit[] = Array.from({ length: 12 }, (_, number) => {
  const unit = sampleUnit(unitId(number), minutesAfter(number), {
    domains: [number % 2 === 0 ? 'even' : 'odd', 'all'],
    created_by: number < 6 ? 'ann' : 'bob',
    tier: number === 3 ? 'public' : 'private',
    insight: {
      summary: `Summary ${number}`,
      detail: number === 5 ? 'ÉTAGE \n"quoted" 100%_' : 'Detail',
      action: 'Act',
    },
  })
  return { ...unit, evidence: { ...unit.evidence, confidence: number / 12 } }
})
const idOf = (number: number) => units[number]?.id ?? ''
const numberOf = (id: string) => units.findIndex((unit) => unit.id === id)
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at)

/** All pages, put together. Fails where they do not end. */
async function browseAll(store: Store, options: BrowseOptions): Promise<number[]> {
  const found: number[] = []
  let cursor: string | null = ''
  for (let pages = 0; cursor !== null; pages++) {
    expect(pages).toBeLessThan(30)
    const page = await store.browseUnits({ ...options, cursor })
    expect(page.items.length).toBeLessThanOrEqual(options.limit ?? 50)
    found.push(...page.items.map(({ knowledge_unit }) => numberOf(knowledge_unit.id)))
    cursor = page.next_cursor
  }
  return found
}

export function describeBrowsing(openStore: OpenStore): void {
  describe('browseUnits, countUnits and listDecisions', () => {
    const clock = new TestClock(noon)
    const the = shareStore(openStore, clock.now)

    beforeAll(async () => {
      await the.store.insertMany(units)
      // Decided in another order than they were proposed: 8, 2, 4 are approved, 1 is rejected.
      for (const number of [8, 2, 4]) {
        clock.advance(1_000)
        await the.store.decide(idOf(number), 'approved', 'carol')
      }
      clock.advance(1_000)
      await the.store.decide(idOf(1), 'rejected', 'dora')
      await the.store.flag(idOf(2), { reason: 'stale' })
    })

    const filters: [BrowseFilters, number[]][] = [
      [{}, numbers(0, 11)],
      [{ status: 'pending' }, [0, 3, 5, 6, 7, 9, 10, 11]],
      [{ status: 'approved' }, [2, 4, 8]],
      [{ status: 'rejected' }, [1]],
      [{ domain: ' EVEN ' }, [0, 2, 4, 6, 8, 10]],
      [{ domain: 'even', status: 'approved' }, [2, 4, 8]],
      [{ domain: 'unknown' }, []],
      [{ domain: ' ' }, numbers(0, 11)],
      [{ tier: 'public' }, [3]],
      [{ proposer: 'ann' }, numbers(0, 5)],
      [{ proposer: 'Ann' }, []],
      [{ text: 'étage' }, [5]],
      [{ text: '100%_ "QUOTED"' }, [5]],
      [{ text: 'summary missing' }, []],
      [{ text: ' \n ' }, numbers(0, 11)],
      [{ text: idOf(7) }, [7]],
      [{ text: 'odd act' }, [1, 3, 5, 7, 9, 11]],
      [{ confidenceMin: 0.5 }, numbers(6, 11)],
      // A flag took 0.15 of unit 2, which had 2/12.
      [{ confidenceMax: 0.1 }, [0, 1, 2]],
      [{ flagged: true }, [2]],
      [{ flagged: false, proposer: 'ann' }, [0, 1, 3, 4, 5]],
      [{ proposedAfter: minutesAfter(3).toISOString() }, numbers(3, 11)],
      [{ proposedBefore: minutesAfter(3).toISOString() }, [0, 1, 2]],
      [
        {
          proposedAfter: minutesAfter(3).toISOString(),
          proposedBefore: minutesAfter(9).toISOString(),
          domain: 'odd',
        },
        [3, 5, 7],
      ],
    ]

    it.each(filters)(
      'find, by %j, units %j: oldest and newest first, in pages',
      async (by, found) => {
        expect(await browseAll(the.store, { ...by, order: 'oldest', limit: 2 })).toEqual(found)
        expect(await browseAll(the.store, { ...by, limit: 3 })).toEqual(found.toReversed())
        expect(await the.store.countUnits(by)).toEqual({ count: found.length, is_exact: true })
      },
    )

    it.each<[BrowseFilters, number[]]>([
      [{}, [1, 4, 2, 8]],
      [{ status: 'approved' }, [4, 2, 8]],
      [{ domain: 'odd' }, [1]],
      [{ proposedAfter: minutesAfter(4).toISOString() }, [4, 8]],
    ])('find, by %j, units %j by when they were decided', async (by, found) => {
      expect(await browseAll(the.store, { ...by, order: 'decided', limit: 1 })).toEqual(found)
    })

    it('tell the review state of each unit', async () => {
      const { items, next_cursor } = await the.store.browseUnits({ text: 'Summary 8' })
      expect(next_cursor).toBeNull()
      expect(items).toEqual([await the.store.reviewItem(idOf(8))])
    })

    it('go on behind a unit that has been removed, and see those that were added', async () => {
      await using own = await openStore({ now: clock.now })
      await own.insertMany(units.slice(0, 4))
      const page = await own.browseUnits({ order: 'oldest', limit: 2 })
      await own.removeUnit(idOf(1))
      await own.removeUnit(idOf(2))
      await own.insert(units[5] as KnowledgeUnit)
      const cursor = page.next_cursor ?? ''
      const rest = await own.browseUnits({ order: 'oldest', cursor })
      expect(rest.items.map(({ knowledge_unit }) => numberOf(knowledge_unit.id))).toEqual([3, 5])
    })

    it('refuse a cursor that is none, and say which would be right', async () => {
      expect(await failure('invalid', the.store.browseUnits({ cursor: 'x' }))).toContain(
        'next_cursor',
      )
    })

    it('refuse a cursor of another order', async () => {
      const { next_cursor } = await the.store.browseUnits({ limit: 1 })
      for (const order of ['oldest', 'decided'] as const) {
        const page = the.store.browseUnits({ order, cursor: next_cursor ?? '' })
        expect(await failure('invalid', page)).toContain('same filters and order')
      }
    })

    it('tell the decisions that stand since a time, newest first', async () => {
      const all = await the.store.listDecisions()
      expect(all.map(({ unit_id }) => numberOf(unit_id))).toEqual([1, 4, 2, 8])
      expect(all[0]).toEqual({
        unit_id: idOf(1),
        status: 'rejected',
        reviewed_by: 'dora',
        reviewed_at: columnTime(clock.now()),
      })
      const since = all[1]?.reviewed_at ?? ''
      expect(await the.store.listDecisions({ since })).toEqual(all.slice(0, 2))
      expect(await the.store.listDecisions({ since, limit: 1 })).toEqual(all.slice(0, 1))
    })
  })

  describe('browseUnits, where there are more units than it looks at at once', () => {
    it('stops where it has read very much text, and goes on from there', async () => {
      await using store = await openStore({})
      const extensions = { 'vendor:key': 'x'.repeat(2_000_000) }
      for (let number = 0; number < 20; number++)
        await store.insert(sampleUnit(unitId(number), minutesAfter(number), { extensions }))
      const first = await store.browseUnits({ text: 'nobody wrote this' })
      expect(first.items).toEqual([])
      expect(first.examined).toBeLessThan(20)
      const cursor = first.next_cursor ?? ''
      const second = await store.browseUnits({ text: 'nobody wrote this', cursor })
      expect([second.next_cursor, first.examined + second.examined]).toEqual([null, 20])
      expect((await store.countUnits({ text: 'summary' })).is_exact).toBe(false)
    })

    it('answers pages that are empty until it finds one, and counts so many', async () => {
      await using store = await openStore({})
      const many = Array.from({ length: 10_500 }, (_, number) =>
        sampleUnit(unitId(number), minutesAfter(number), {
          created_by: number === 0 ? 'zoe' : 'ann',
        }),
      )
      for (let at = 0; at < many.length; at += 1_500)
        await store.insertMany(many.slice(at, at + 1_500))
      const first = await store.browseUnits({ proposer: 'zoe' })
      expect([first.items.length, typeof first.next_cursor]).toEqual([0, 'string'])
      const second = await store.browseUnits({ proposer: 'zoe', cursor: first.next_cursor ?? '' })
      expect([second.items.length, second.next_cursor]).toEqual([1, null])
      expect(await store.countUnits()).toEqual({ count: 10_500, is_exact: true })
      expect(await store.countUnits({ status: 'approved' })).toEqual({ count: 0, is_exact: true })
      expect(await store.countUnits({ text: 'detail' })).toEqual({ count: 10_000, is_exact: false })
      expect(await store.countUnits({ proposer: 'zoe' })).toEqual({ count: 0, is_exact: false })
    })
  })
}
