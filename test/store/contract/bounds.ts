import { beforeAll, describe, expect, it } from 'vitest'
import type { ReviewItem } from '../../../src/index.ts'
import { sampleUnit, TestClock, unitId } from '../samples.ts'
import { failure } from './failure.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const mebi = 2 ** 20
/** Beyond what an answer holds, two units more are enough. */
const mostAnswered = 4 * mebi

/** That nothing grows without end: no argument, no unit, no answer. */
export function describeBounds(openStore: OpenStore): void {
  describe('bounds', () => {
    const clock = new TestClock('2026-11-22T12:00:00Z')
    const the = shareStore(openStore, clock.now)
    const large = (number: number, length: number) =>
      sampleUnit(unitId(number), clock.now(), {
        domains: ['large'],
        extensions: { 'test:text': 'x'.repeat(length) },
      })

    describe('of arguments', () => {
      const names = (count: number) => Array.from({ length: count }, (_, index) => `name-${index}`)

      it('let a query name 64 domains, languages and frameworks', async () => {
        const context = { languages: names(64), frameworks: names(64) }
        expect(await the.store.query(names(64), context)).toEqual([])
      })

      it.each([
        ['domains', names(65), {}],
        ['languages', ['sample'], { languages: names(65) }],
        ['frameworks', ['sample'], { frameworks: names(65) }],
      ])('let it name no more %s', async (name, domains, options) => {
        const message = await failure('invalid', the.store.query(domains, options))
        expect(message).toBe(`invalid ${name}: it must have at most 64 items, got 65`)
      })

      it('let a distribution have 100 bounds, and daily counts 100,000 days', async () => {
        const bounds = (count: number) => names(count).map((_, index) => (index + 1) / (count + 1))
        await the.store.confidenceDistribution(bounds(100))
        await failure('invalid', the.store.confidenceDistribution(bounds(101)))
        await the.store.dailyCounts({ days: 100_000 })
        await failure('invalid', the.store.dailyCounts({ days: 100_001 }))
      })
    })

    describe('of a unit', () => {
      it('let its document have 2 Mi characters', async () => {
        await the.store.insert(large(1, 2 * mebi - 1_000))
        const message = await failure('invalid', the.store.insert(large(2, 2 * mebi)))
        expect(message).toMatch(/must be at most 2097152 characters of JSON, got 2097\d{3}/)
        const item = { knowledge_unit: large(2, 2 * mebi) }
        await failure('invalid', the.store.importUnits([item]))
        expect(await the.store.getAny(unitId(2))).toBeNull()
      })

      it('let a hundred flags be added, and all of them be taken elsewhere', async () => {
        const id = unitId(3)
        await the.store.importUnits([{ knowledge_unit: large(3, 1), status: 'approved' }])
        // Of which each character becomes six.
        const flag = { reason: 'stale', detail: '\u0001'.repeat(1_000) } as const
        for (let count = 0; count < 100; count++) await the.store.flag(id, flag)
        const message = await failure('limit_reached', the.store.flag(id, flag))
        expect(message).toContain(`${id} has 100 flags, and 100 are the most`)
        const item = (await the.store.reviewItem(id)) as ReviewItem
        expect(item.knowledge_unit.flags).toHaveLength(100)
        await the.store.removeUnit(id)
        const { extensions } = large(3, 2 * mebi - 1_000)
        const knowledge_unit = { ...item.knowledge_unit, extensions }
        expect(await the.store.importUnits([{ ...item, knowledge_unit }])).toBe(1)
        // Confirmed it may be all the same.
        expect((await the.store.confirm(id)).flags).toHaveLength(100)
      })
    })

    describe('of an answer', () => {
      const count = 12
      const ids = Array.from({ length: count }, (_, index) => unitId(100 + index))
      const fitting = Math.ceil(mostAnswered / mebi)

      beforeAll(async () => {
        for (const [index, id] of ids.entries()) {
          clock.advance(1_000)
          const unit = sampleUnit(id, clock.now(), {
            domains: ['listed'],
            evidence: { confidence: 0.9 - index / 100 },
            extensions: { 'test:text': 'x'.repeat(mebi) },
          })
          const status = index < count / 2 ? 'approved' : 'pending'
          await the.store.importUnits([{ knowledge_unit: unit, status }])
        }
      })
      const idsOf = (items: readonly ReviewItem[]) => items.map((item) => item.knowledge_unit.id)

      it('let a query answer the best of them', async () => {
        const found = await the.store.query(['listed'], { limit: 50 })
        expect(found.map(({ id }) => id)).toEqual(ids.slice(0, fitting))
      })

      it('let a list answer the first of them', async () => {
        const listed = await the.store.listUnits({ domain: 'listed', limit: 500 })
        expect(idsOf(listed)).toEqual(ids.toReversed().slice(0, fitting))
        const all = await the.store.listUnits({ limit: 500 })
        expect(idsOf(all)).toEqual(idsOf(listed))
      })

      it('let who goes by what a page holds see all that is pending', async () => {
        const seen: string[] = []
        for (;;) {
          const { items, total } = await the.store.reviewQueue({ limit: 500, offset: seen.length })
          const own = idsOf(items)
          seen.push(...own)
          if (own.length === 0) {
            expect(seen).toHaveLength(total)
            break
          }
        }
        expect(seen).toEqual([unitId(1), ...ids.slice(count / 2)])
      })

      it('let who exports see every unit once', async () => {
        const all: string[] = []
        for await (const { knowledge_unit } of the.store.units({ pageSize: 500 }))
          all.push(knowledge_unit.id)
        expect(all).toEqual([unitId(1), unitId(3), ...ids])
      })
    })
  })
}
