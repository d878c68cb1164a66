import { beforeAll, describe, expect, it } from 'vitest'
import type {
  KnowledgeUnit,
  ListOptions,
  ReviewItem,
  ReviewStatus,
  UnitStatus,
} from '../../../src/index.ts'
import { columnTime, sampleUnit, TestClock, unitId } from '../samples.ts'
import { failure } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const statuses = ['pending', 'approved', 'rejected'] as const
const decisions = ['approved', 'rejected'] as const

const itemIds = (items: readonly ReviewItem[]) =>
  items.map(({ knowledge_unit }) => knowledge_unit.id)

export function describeReviews(openStore: OpenStore): void {
  describe('getReviewStatus, setReviewStatus, decide and reviewItem', () => {
    const clock = new TestClock('2026-11-22T12:00:00.123Z')
    const the = shareStore(openStore, clock.now)
    const fresh = new FreshNames()
    const pending = async (): Promise<KnowledgeUnit> => {
      const unit = sampleUnit(fresh.unitId(), clock.now())
      await the.store.insert(unit)
      return unit
    }
    const reviewedNow = (status: UnitStatus, by: string): ReviewStatus => ({
      status,
      reviewed_by: by,
      reviewed_at: columnTime(clock.now()),
    })

    it('answer null for an unknown unit', async () => {
      expect(await the.store.getReviewStatus(fresh.unitId())).toBeNull()
      expect(await the.store.reviewItem(fresh.unitId())).toBeNull()
    })

    it('answer who reviewed a unit and when, once it is reviewed', async () => {
      const unit = await pending()
      const unreviewed = { status: 'pending', reviewed_by: null, reviewed_at: null }
      expect(await the.store.getReviewStatus(unit.id)).toEqual(unreviewed)
      expect(await the.store.reviewItem(unit.id)).toEqual({ knowledge_unit: unit, ...unreviewed })
      clock.advance(1000)
      await the.store.setReviewStatus(unit.id, 'rejected', 'Zoë')
      const review = reviewedNow('rejected', 'Zoë')
      expect(await the.store.getReviewStatus(unit.id)).toEqual(review)
      expect(await the.store.reviewItem(unit.id)).toEqual({ knowledge_unit: unit, ...review })
    })

    it.each(statuses.flatMap((from) => statuses.map((to) => [from, to] as const)))(
      'setReviewStatus sets a unit that is %s to %s',
      async (from, to) => {
        const unit = await pending()
        await the.store.setReviewStatus(unit.id, from, 'first')
        clock.advance(1000)
        expect(await the.store.setReviewStatus(unit.id, to, 'second')).toBeUndefined()
        expect(await the.store.getReviewStatus(unit.id)).toEqual(reviewedNow(to, 'second'))
        expect(await the.store.get(unit.id)).toEqual(to === 'approved' ? unit : null)
      },
    )

    it('setReviewStatus refuses an unknown unit', async () => {
      const id = fresh.unitId()
      const call = the.store.setReviewStatus(id, 'approved', 'reviewer')
      expect(await failure('not_found', call)).toContain(id)
      expect(await the.store.getReviewStatus(id)).toBeNull()
    })

    it.each(['', 'Approved', 'deleted', ' approved', null, undefined, 1])(
      'setReviewStatus refuses the status %j',
      async (status) => {
        const { id } = await pending()
        const before = await the.store.getReviewStatus(id)
        const call = the.store.setReviewStatus(id, status as UnitStatus, 'reviewer')
        await failure('invalid', call)
        expect(await the.store.getReviewStatus(id)).toEqual(before)
      },
    )

    it.each(decisions)('decide settles a pending unit as %s', async (decision) => {
      const unit = await pending()
      clock.advance(1000)
      const review = reviewedNow(decision, 'Zoë')
      expect(await the.store.decide(unit.id, decision, 'Zoë')).toEqual(review)
      clock.advance(1000)
      expect(await the.store.getReviewStatus(unit.id)).toEqual(review)
      expect(await the.store.get(unit.id)).toEqual(decision === 'approved' ? unit : null)
    })

    it.each(decisions.flatMap((first) => decisions.map((second) => [first, second] as const)))(
      'decide refuses a unit that is %s already, also to make it %s, and names what it is',
      async (first, second) => {
        const { id } = await pending()
        const review = await the.store.decide(id, first, 'first')
        clock.advance(1000)
        const message = await failure('conflict', the.store.decide(id, second, 'second'))
        expect(message).toContain(first)
        expect(await the.store.getReviewStatus(id)).toEqual(review)
      },
    )

    it('decide settles a unit that was made pending again', async () => {
      const { id } = await pending()
      await the.store.decide(id, 'rejected', 'first')
      await the.store.setReviewStatus(id, 'pending', 'second')
      expect(await the.store.decide(id, 'approved', 'third')).toEqual(
        reviewedNow('approved', 'third'),
      )
    })

    it('decide refuses an unknown unit', async () => {
      const id = fresh.unitId()
      expect(await failure('not_found', the.store.decide(id, 'approved', 'me'))).toContain(id)
    })

    it.each(['pending', '', 'Rejected', null, undefined])(
      'decide refuses the decision %j',
      async (decision) => {
        const { id } = await pending()
        await failure('invalid', the.store.decide(id, decision as 'approved', 'reviewer'))
        expect((await the.store.getReviewStatus(id))?.status).toBe('pending')
      },
    )
  })

  describe('pendingQueue, pendingCount and reviewQueue', () => {
    const clock = new TestClock('2026-11-22T12:00:00.000Z')
    const the = shareStore(openStore, clock.now)
    /** From oldest to newest; the first two are of the same instant. */
    const observed = [
      [unitId(5), '2026-11-01T00:00:00Z'],
      [unitId(7), '2026-11-01T01:00:00+01:00'],
      [unitId(3), '2026-11-01T00:00:00.000001Z'],
      [unitId(9), '2026-11-01T00:00:00.5Z'],
      [unitId(1), '2026-11-01 00:00:01'],
      [unitId(8), '2026-11-01T00:30:00-23:59'],
    ] as const
    const oldestFirst = observed.map(([id]) => id)

    beforeAll(async () => {
      const units = observed.map(([id, first_observed]) => ({
        ...sampleUnit(id, clock.now()),
        evidence: { first_observed },
      }))
      const decided = decisions.map((_, index) => sampleUnit(unitId(20 + index), new Date(0)))
      // Neither in the order of time nor of ids.
      for (const index of [2, 0, 5, 1, 4, 3]) await the.store.insert(units[index] ?? expect.fail())
      await the.store.insertMany(decided)
      for (const [index, decision] of decisions.entries())
        await the.store.decide(unitId(20 + index), decision, 'reviewer')
    })

    it('answer pending units alone, oldest first, and of the same age by id', async () => {
      expect(itemIds(await the.store.pendingQueue())).toEqual(oldestFirst)
      expect(await the.store.pendingCount()).toBe(6)
      const { items, total } = await the.store.reviewQueue()
      expect(itemIds(items)).toEqual(oldestFirst)
      expect(total).toBe(6)
    })

    it('answer units as reviewers see them', async () => {
      const [item, ...others] = await the.store.pendingQueue({ limit: 1 })
      expect(others).toEqual([])
      expect(item).toEqual({
        knowledge_unit: await the.store.getAny(oldestFirst[0] as string),
        status: 'pending',
        reviewed_by: null,
        reviewed_at: null,
      })
      expect((await the.store.reviewQueue({ limit: 1 })).items).toEqual([item])
    })

    it.each([
      [{ limit: 0 }, []],
      [{ limit: 0, offset: 3 }, []],
      [{ limit: 2 }, oldestFirst.slice(0, 2)],
      [{ offset: 2 }, oldestFirst.slice(2)],
      [{ limit: 2, offset: 3 }, oldestFirst.slice(3, 5)],
      [{ limit: 100, offset: 5 }, oldestFirst.slice(5)],
      [{ limit: 2, offset: 6 }, []],
      [{ limit: Number.MAX_SAFE_INTEGER, offset: 0 }, oldestFirst],
      [{ limit: 1, offset: Number.MAX_SAFE_INTEGER }, []],
      [{}, oldestFirst],
    ])('answer the page %j, and the total of all pages', async (page, expected) => {
      expect(itemIds(await the.store.pendingQueue(page))).toEqual(expected)
      const { items, total } = await the.store.reviewQueue(page)
      expect(itemIds(items)).toEqual(expected)
      expect(total).toBe(6)
    })

    it.each([
      { limit: -1 },
      { limit: 1.5 },
      { limit: Number.NaN },
      { limit: '5' },
      { limit: null },
      { offset: -1 },
      { offset: 0.5 },
      { offset: Number.POSITIVE_INFINITY },
      { offset: '0' },
      { offset: null },
    ])('refuse the page %j', async (page) => {
      await failure('invalid', the.store.pendingQueue(page as { limit: number }))
      await failure('invalid', the.store.reviewQueue(page as { limit: number }))
    })

    it('hold a unit again that was made pending again, and say who did that', async () => {
      const id = unitId(20)
      await the.store.setReviewStatus(id, 'pending', 'second')
      expect((await the.store.pendingQueue())[0]).toMatchObject({
        knowledge_unit: { id },
        status: 'pending',
        reviewed_by: 'second',
        reviewed_at: columnTime(clock.now()),
      })
      expect(await the.store.pendingCount()).toBe(7)
      await the.store.setReviewStatus(id, 'approved', 'reviewer')
      expect(await the.store.pendingCount()).toBe(6)
    })
  })

  describe('listUnits', () => {
    const the = shareStore(openStore)
    const confidences = [0, 0.29, 0.3, 0.30000000000000004, 0.5, 0.7999999999999999, 0.8, 0.99, 1]
    /** Newest first; each time three units of the same instant, the higher id first. */
    const known = Array.from({ length: 36 }, (_, index) => {
      const minute = 59 - Math.floor(index / 3)
      const observed = new Date(`2026-11-01T00:${minute}:00.000Z`)
      return {
        status: statuses[index % 3] as UnitStatus,
        unit: sampleUnit(unitId(100 - index), observed, {
          domains: index % 4 === 0 ? ['api'] : ['api', 'db'],
          evidence: { confidence: confidences[index % confidences.length] as number },
        }),
      }
    })
    const unitsWhere = (fits: (one: (typeof known)[number]) => boolean) =>
      known.filter(fits).map(({ unit }) => unit.id)
    const listed = async (options?: ListOptions) => itemIds(await the.store.listUnits(options))

    beforeAll(async () => {
      // Neither in the order of time nor of ids.
      const shuffled = known.map((_, index) => known[(index * 7) % 36] ?? expect.fail())
      await the.store.insertMany(shuffled.map(({ unit }) => unit))
      for (const { unit, status } of known)
        if (status !== 'pending') await the.store.decide(unit.id, status, 'reviewer')
    })

    it('answers every unit, newest first, and of the same age by id descending', async () => {
      expect(await listed()).toEqual(unitsWhere(() => true))
      expect(await listed({})).toEqual(unitsWhere(() => true))
    })

    it('answers units as reviewers see them', async () => {
      for (const item of await the.store.listUnits()) {
        const { id } = item.knowledge_unit
        expect(item).toEqual(await the.store.reviewItem(id))
        expect(item.knowledge_unit).toEqual(known.find(({ unit }) => unit.id === id)?.unit)
      }
    })

    it.each(statuses)('keeps the units that are %s', async (status) => {
      expect(await listed({ status })).toEqual(unitsWhere((one) => one.status === status))
    })

    it.each(['db', ' DB', '\u0085dB\u001c'])('keeps the units of the domain %j', async (domain) => {
      expect(await listed({ domain })).toEqual(
        unitsWhere(({ unit }) => unit.domains.includes('db')),
      )
    })

    it.each([
      { domain: '' },
      { domain: ' \t\n\u0085' },
      { status: '' },
      { status: ' \t' },
      { domain: '', status: '' },
      { confidenceMin: 0 },
      { confidenceMax: 1 },
      { confidenceMin: -1, confidenceMax: 2 },
    ])('keeps every unit for %j', async (options) => {
      expect(await listed(options)).toEqual(unitsWhere(() => true))
    })

    it.each([
      { domain: 'nobody' },
      { status: 'deleted' },
      { status: 'Approved' },
      { status: ' approved' },
      { domain: 'db', status: 'deleted' },
      { confidenceMin: 1.01 },
      { confidenceMax: 0 },
      { confidenceMax: -1 },
      { confidenceMin: 0.8, confidenceMax: 0.8 },
      { confidenceMin: 0.9, confidenceMax: 0.3 },
      { limit: 0 },
      { limit: 0, domain: 'db', status: 'approved', confidenceMin: 0.1 },
    ])('keeps no unit for %j', async (options) => {
      expect(await listed(options)).toEqual([])
    })

    it.each([
      [{ confidenceMin: 0.3 }, (c: number) => c >= 0.3],
      [{ confidenceMin: 0.30000000000000004 }, (c: number) => c > 0.3],
      [{ confidenceMin: 0.8 }, (c: number) => c >= 0.8],
      [{ confidenceMin: 1 }, (c: number) => c === 1],
      [{ confidenceMax: 0.3 }, (c: number) => c < 0.3],
      [{ confidenceMax: 0.30000000000000004 }, (c: number) => c <= 0.3],
      [{ confidenceMax: 0.8 }, (c: number) => c < 0.8],
      [{ confidenceMax: 0.999 }, (c: number) => c < 0.999],
      [{ confidenceMin: 0.3, confidenceMax: 0.8 }, (c: number) => c >= 0.3 && c < 0.8],
      [{ confidenceMin: 0.8, confidenceMax: 1 }, (c: number) => c >= 0.8],
      [{ confidenceMin: 1, confidenceMax: 1 }, (c: number) => c === 1],
      [{ confidenceMin: 0.5, confidenceMax: 1.5 }, (c: number) => c >= 0.5],
    ])(
      'keeps by confidence from the lower bound on and below the upper one: %j',
      async (options, fits) => {
        const expected = unitsWhere(({ unit }) => fits(unit.evidence.confidence))
        expect(expected.length).toBeGreaterThan(0)
        expect(await listed(options)).toEqual(expected)
      },
    )

    it('keeps the units that pass every filter, and as many of them as the limit says', async () => {
      for (const domain of [undefined, 'api', 'db'])
        for (const status of [undefined, ...statuses])
          for (const confidenceMin of [undefined, 0.3, 0.5])
            for (const confidenceMax of [undefined, 0.8, 1])
              for (const limit of [undefined, 1, 4]) {
                const given = { domain, status, confidenceMin, confidenceMax, limit }
                const options = Object.fromEntries(
                  Object.entries(given).filter(([, value]) => value !== undefined),
                )
                const fitting = unitsWhere(({ unit: { domains, evidence }, ...one }) => {
                  const { confidence } = evidence
                  const most = confidenceMax ?? 1
                  return (
                    domains.includes(domain ?? 'api') &&
                    (status ?? one.status) === one.status &&
                    confidence >= (confidenceMin ?? 0) &&
                    (most === 1 || confidence < most)
                  )
                })
                expect(await listed(options), JSON.stringify(options)).toEqual(
                  fitting.slice(0, limit ?? 100),
                )
              }
    })

    it.each([
      { limit: -1 },
      { limit: 2.5 },
      { limit: Number.NaN },
      { limit: '10' },
      { limit: null },
      { confidenceMin: Number.NaN },
      { confidenceMin: '0.5' },
      { confidenceMin: null },
      { confidenceMax: Number.NaN },
      { confidenceMax: '0.5' },
      { confidenceMax: null },
      { domain: null },
      { domain: 5 },
      { status: null },
      { status: 5 },
    ])('refuses %j', async (options) => {
      await failure('invalid', the.store.listUnits(options as ListOptions))
    })
  })
}
