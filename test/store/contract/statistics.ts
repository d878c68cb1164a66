import { beforeAll, describe, expect, it } from 'vitest'
import type { Activity, DailyCount, Store } from '../../../src/index.ts'
import { columnTime, type SampleParts, sampleUnit, TestClock, unitId } from '../samples.ts'
import { failure } from './failure.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const noon = '2026-11-22T12:00:00.000Z'

const day = (date: string, proposed: number, approved: number, rejected: number): DailyCount => ({
  date,
  proposed,
  approved,
  rejected,
})

/** Inserts a unit as it was observed, and leaves it pending. */
async function propose(
  store: Store,
  number: number,
  observed: string,
  parts?: SampleParts,
): Promise<void> {
  await store.insert(sampleUnit(unitId(number), new Date(observed), parts))
}

export function describeStatistics(openStore: OpenStore): void {
  describe('figures', () => {
    const clock = new TestClock(noon)
    const the = shareStore(openStore, clock.now)

    // First, and on the same store as the next block.
    describe('of an empty store', () => {
      it('are nothing', async () => {
        expect(await the.store.count()).toBe(0)
        expect(await the.store.pendingCount()).toBe(0)
        expect(await the.store.domainCounts()).toStrictEqual({})
        expect(await the.store.countsByStatus()).toStrictEqual({})
        expect(await the.store.countsByTier()).toStrictEqual({})
        expect(await the.store.recentActivity()).toStrictEqual([])
        expect(await the.store.dailyCounts()).toStrictEqual([])
        expect(await the.store.pendingQueue()).toStrictEqual([])
        expect(await the.store.reviewQueue()).toStrictEqual({ items: [], total: 0 })
        expect(await the.store.listUnits()).toStrictEqual([])
        expect(await the.store.query(['any'])).toStrictEqual([])
      })

      it('name every bucket of confidence', async () => {
        expect(await the.store.confidenceDistribution()).toStrictEqual({
          '0.0-0.3': 0,
          '0.3-0.6': 0,
          '0.6-0.8': 0,
          '0.8-1.0': 0,
        })
      })

      it('are whole in stats', async () => {
        expect(await the.store.stats()).toStrictEqual({
          total_count: 0,
          tier_counts: {},
          domain_counts: {},
          confidence_distribution: { '0.0-0.3': 0, '0.3-0.5': 0, '0.5-0.7': 0, '0.7-1.0': 0 },
        })
      })

      it('are whole in reviewStats', async () => {
        expect(await the.store.reviewStats()).toStrictEqual({
          counts: { pending: 0, approved: 0, rejected: 0 },
          domains: {},
          confidence_distribution: { '0.0-0.3': 0, '0.3-0.6': 0, '0.6-0.8': 0, '0.8-1.0': 0 },
          recent_activity: [],
          trends: { daily: [] },
        })
      })
    })

    describe('of a small store', () => {
      const decided = (number: number, type: 'approved' | 'rejected', by: string, at: string) => ({
        type,
        unit_id: unitId(number),
        summary: `Summary of ${unitId(number)}`,
        reviewed_by: by,
        timestamp: columnTime(new Date(at)),
      })
      /** Newest first; what happened at the same instant by id, descending. */
      const activity: Activity[] = [
        decided(5, 'rejected', 'bob', '2026-11-22T09:00:00.000Z'),
        {
          type: 'proposed',
          unit_id: unitId(4),
          summary: `Summary of ${unitId(4)}`,
          timestamp: '2026-11-22T08:00:00.000000+00:00',
        },
        decided(3, 'approved', 'ann', '2026-11-21T00:00:00.000Z'),
        decided(2, 'approved', 'bob', '2026-11-21T00:00:00.000Z'),
        decided(6, 'approved', 'ann', '2026-11-20T13:00:00.000Z'),
        decided(1, 'approved', 'ann', '2026-11-20T12:00:00.000Z'),
      ]
      const daily = [
        day('2026-11-18', 2, 0, 0),
        day('2026-11-19', 1, 0, 0),
        day('2026-11-20', 1, 2, 0),
        day('2026-11-21', 0, 2, 0),
        day('2026-11-22', 1, 0, 1),
      ]
      const domains = [
        ['api', 2],
        ['db', 2],
        ['alpha', 1],
        ['zeta', 1],
      ]

      beforeAll(async () => {
        const units: [number, string, string, SampleParts['tier'], string[]][] = [
          [1, '2026-11-18T10:00:00.000Z', '0.3', 'private', ['db', 'api']],
          [2, '2026-11-18T11:00:00.000Z', '0.8', 'public', ['api']],
          [3, '2026-11-19T10:00:00.000Z', '1', 'local', ['zeta', 'db']],
          [4, '2026-11-22T08:00:00.000Z', '0.1', 'local', ['api', 'pending']],
          [5, '2026-10-01T10:00:00.000Z', '0.9', 'public', ['zeta', 'rejected']],
          [6, '2026-11-20T10:00:00.000Z', '0.7999999999999999', 'private', ['alpha']],
        ]
        for (const [number, observed, confidence, tier = 'private', domains] of units)
          await propose(the.store, number, observed, {
            domains,
            tier,
            evidence: {
              confidence: Number(confidence),
              first_observed: observed,
              last_confirmed: observed,
            },
          })
        for (const one of activity.toReversed()) {
          if (one.type === 'proposed') continue
          clock.set(one.timestamp)
          await the.store.decide(one.unit_id, one.type, one.reviewed_by as string)
        }
        clock.set(noon)
      })

      it('count units of every status', async () => {
        expect(await the.store.count()).toBe(6)
        expect(await the.store.countsByStatus()).toStrictEqual({
          approved: 4,
          pending: 1,
          rejected: 1,
        })
      })

      it('count approved units by tier', async () => {
        expect(await the.store.countsByTier()).toStrictEqual({ local: 1, private: 2, public: 1 })
      })

      it('count approved units by domain, most frequent first, then by name', async () => {
        expect(Object.entries(await the.store.domainCounts())).toStrictEqual(domains)
      })

      it('count approved units by confidence', async () => {
        expect(await the.store.confidenceDistribution()).toStrictEqual({
          '0.0-0.3': 0,
          '0.3-0.6': 1,
          '0.6-0.8': 1,
          '0.8-1.0': 2,
        })
      })

      it('tell what happened last, each kind with its own fields', async () => {
        expect(await the.store.recentActivity()).toStrictEqual(activity)
      })

      it.each([0, 1, 2, 5, 6, 7, Number.MAX_SAFE_INTEGER])('tell the last %d', async (limit) => {
        expect(await the.store.recentActivity(limit)).toStrictEqual(activity.slice(0, limit))
      })

      it.each([-1, 1.5, Number.NaN, '5', null])('refuse to tell the last %j', async (limit) => {
        await failure('invalid', the.store.recentActivity(limit as number))
      })

      it('count by day', async () => {
        expect(await the.store.dailyCounts()).toStrictEqual(daily)
      })

      it('are whole in stats', async () => {
        const stats = await the.store.stats()
        expect(stats).toStrictEqual({
          total_count: 6,
          tier_counts: { local: 1, private: 2, public: 1 },
          domain_counts: { api: 2, db: 2, alpha: 1, zeta: 1 },
          confidence_distribution: { '0.0-0.3': 0, '0.3-0.5': 1, '0.5-0.7': 0, '0.7-1.0': 3 },
        })
        expect(Object.entries(stats.domain_counts)).toStrictEqual(domains)
      })

      it('are whole in reviewStats', async () => {
        const stats = await the.store.reviewStats()
        expect(stats).toStrictEqual({
          counts: { pending: 1, approved: 4, rejected: 1 },
          domains: { api: 2, db: 2, alpha: 1, zeta: 1 },
          confidence_distribution: { '0.0-0.3': 0, '0.3-0.6': 1, '0.6-0.8': 1, '0.8-1.0': 2 },
          recent_activity: activity,
          trends: { daily },
        })
        expect(Object.entries(stats.domains)).toStrictEqual(domains)
      })
    })
  })

  describe('figures of a larger store', () => {
    const clock = new TestClock(noon)
    const the = shareStore(openStore, clock.now)
    const oddDomains = ['__proto__', 'constructor', 'tostring', 'a "quoted" one', "it's", 'ü', '😀']
    const unusual = 1000

    beforeAll(async () => {
      const pending = Array.from({ length: 101 }, (_, index) =>
        sampleUnit(unitId(index), new Date(Date.UTC(2026, 10, 1, 0, 0, index))),
      )
      await the.store.insertMany(pending)
      // The n-th domain has n units.
      for (const index of oddDomains.keys()) {
        const domains = oddDomains.slice(index)
        await propose(the.store, unusual + index, '2026-10-31T00:00:00.000Z', { domains })
        await the.store.setReviewStatus(unitId(unusual + index), 'approved', 'reviewer')
      }
    })

    it('are given out in parts, unless it is said how many', async () => {
      expect(await the.store.pendingQueue()).toHaveLength(20)
      const { items, total } = await the.store.reviewQueue()
      expect(items).toHaveLength(20)
      expect(total).toBe(101)
      expect(await the.store.listUnits()).toHaveLength(100)
      expect(await the.store.listUnits({ limit: 1000 })).toHaveLength(108)
      expect(await the.store.recentActivity()).toHaveLength(20)
      const { recent_activity } = await the.store.reviewStats()
      expect(recent_activity).toStrictEqual(await the.store.recentActivity(20))
    })

    it('count domains of whatever name', async () => {
      const expected = oddDomains.map((domain, index) => [domain, index + 1]).reverse()
      expect(Object.entries(await the.store.domainCounts())).toStrictEqual(expected)
      expect(Object.entries((await the.store.stats()).domain_counts)).toStrictEqual(expected)
      expect(Object.entries((await the.store.reviewStats()).domains)).toStrictEqual(expected)
    })

    it('leave out what no unit has, and what no unit has any more, save in reviewStats', async () => {
      await the.store.update(
        sampleUnit(unitId(2), new Date(noon), { domains: ['left'], tier: 'public' }),
      )
      for (const status of ['approved', 'rejected'] as const) {
        await the.store.setReviewStatus(unitId(2), status, 'reviewer')
        expect((await the.store.countsByStatus())[status]).toBeGreaterThan(0)
      }
      await the.store.setReviewStatus(unitId(2), 'pending', 'reviewer')
      expect(await the.store.domainCounts()).not.toHaveProperty('left')
      expect(await the.store.countsByStatus()).toStrictEqual({ pending: 101, approved: 7 })
      expect((await the.store.reviewStats()).counts).toStrictEqual({
        pending: 101,
        approved: 7,
        rejected: 0,
      })
      expect(await the.store.countsByTier()).toStrictEqual({ private: 7 })
    })

    it('take a unit that is pending again for proposed, and place it by its review', async () => {
      clock.advance(1)
      await the.store.setReviewStatus(unitId(0), 'pending', 'reviewer')
      clock.advance(1)
      await the.store.setReviewStatus(unitId(1), 'rejected', '')
      expect(await the.store.recentActivity(2)).toStrictEqual([
        {
          type: 'rejected',
          unit_id: unitId(1),
          summary: `Summary of ${unitId(1)}`,
          reviewed_by: '',
          timestamp: columnTime(clock.now()),
        },
        {
          type: 'proposed',
          unit_id: unitId(0),
          summary: `Summary of ${unitId(0)}`,
          timestamp: '2026-11-01T00:00:00.000000+00:00',
        },
      ])
    })
  })

  describe('confidenceDistribution', () => {
    const the = shareStore(openStore)
    const confidences = [
      0, 0.1, 0.2999999999999999, 0.3, 0.30000000000000004, 0.5, 0.5999999999999999, 0.6, 0.79,
      0.7999999999999999, 0.8, 0.9999999999999999, 1, 1,
    ]

    beforeAll(async () => {
      for (const [number, confidence] of confidences.entries()) {
        await propose(the.store, number, noon, { evidence: { confidence } })
        await the.store.decide(unitId(number), 'approved', 'reviewer')
        await propose(the.store, 100 + number, noon, { evidence: { confidence } })
      }
      await the.store.decide(unitId(100), 'rejected', 'reviewer')
    })

    it('puts a bound into the bucket above it, and 1 into the last', async () => {
      expect(Object.entries(await the.store.confidenceDistribution())).toStrictEqual([
        ['0.0-0.3', 3],
        ['0.3-0.6', 4],
        ['0.6-0.8', 3],
        ['0.8-1.0', 4],
      ])
      expect(Object.entries((await the.store.stats()).confidence_distribution)).toStrictEqual([
        ['0.0-0.3', 3],
        ['0.3-0.5', 2],
        ['0.5-0.7', 3],
        ['0.7-1.0', 6],
      ])
    })

    it.each<[number[], [string, number][]]>([
      [[], [['0.0-1.0', 14]]],
      [
        [0.5],
        [
          ['0.0-0.5', 5],
          ['0.5-1.0', 9],
        ],
      ],
      [
        [0.1, 0.8],
        [
          ['0.0-0.1', 1],
          ['0.1-0.8', 9],
          ['0.8-1.0', 4],
        ],
      ],
      [
        [0.30000000000000004, 0.9999999999999999],
        [
          ['0.0-0.30000000000000004', 4],
          ['0.30000000000000004-0.9999999999999999', 7],
          ['0.9999999999999999-1.0', 3],
        ],
      ],
      [
        [0.25, 0.5, 0.75, 0.875],
        [
          ['0.0-0.25', 2],
          ['0.25-0.5', 3],
          ['0.5-0.75', 3],
          ['0.75-0.875', 3],
          ['0.875-1.0', 3],
        ],
      ],
    ])('takes the inner bounds %j', async (bounds, expected) => {
      expect(Object.entries(await the.store.confidenceDistribution(bounds))).toStrictEqual(expected)
    })

    it.each([
      [[0, 0.5]],
      [[0.5, 1]],
      [[0.5, 0.5]],
      [[0.6, 0.3]],
      [[-0.5]],
      [[1.5]],
      [[Number.NaN]],
      [[0.3, Number.NaN, 0.6]],
      [['0.5']],
      [[null]],
      [[undefined, 0.5]],
      [new Array(2)],
      [null],
      ['0.5'],
      [0.5],
      [{ 0: 0.5, length: 1 }],
    ])('refuses the inner bounds %j', async (bounds) => {
      await failure('invalid', the.store.confidenceDistribution(bounds as number[]))
    })
  })

  describe('dailyCounts', () => {
    const clock = new TestClock(noon)
    const the = shareStore(openStore, clock.now)
    const at = async (instant: string, work: () => Promise<unknown>) => {
      clock.set(instant)
      await work()
      clock.set(noon)
    }

    beforeAll(async () => {
      // By the clock of 22 November, the window of 30 days begins on 23 October.
      await propose(the.store, 1, noon, {
        evidence: { first_observed: '2026-10-22T23:59:59.999999Z' },
      })
      await propose(the.store, 2, noon, {
        evidence: { first_observed: '2026-10-23T00:00:00.000000Z' },
      })
      await propose(the.store, 3, noon, {
        evidence: { first_observed: '2026-11-18T23:59:59.999999Z' },
      })
      await propose(the.store, 4, noon, {
        evidence: { first_observed: '2026-11-18T22:30:00.000000-01:30' },
      })
      await propose(the.store, 5, noon, {
        evidence: { first_observed: '2026-11-22T23:59:59.999999Z' },
      })
      await propose(the.store, 6, noon, {
        evidence: { first_observed: '2026-11-23T00:00:00.000000Z' },
      })
      await at('2026-11-20T00:00:00.000Z', () => the.store.decide(unitId(1), 'approved', 'ann'))
      await at('2026-11-20T23:59:59.999Z', () => the.store.decide(unitId(3), 'rejected', 'ann'))
      await at('2026-10-22T12:00:00.000Z', () => the.store.decide(unitId(4), 'approved', 'ann'))
    })

    const lastWeek = [
      day('2026-11-18', 1, 0, 0),
      day('2026-11-19', 1, 0, 0),
      day('2026-11-20', 0, 1, 1),
      day('2026-11-21', 0, 0, 0),
      day('2026-11-22', 1, 0, 0),
    ]

    it('tells every day from the first active one within 30 days to today', async () => {
      const quiet = [
        ...Array.from({ length: 8 }, (_, index) => `2026-10-${24 + index}`),
        ...Array.from({ length: 17 }, (_, index) => `2026-11-${`${index + 1}`.padStart(2, '0')}`),
      ].map((date) => day(date, 0, 0, 0))
      const expected = [day('2026-10-23', 1, 0, 0), ...quiet, ...lastWeek]
      expect(await the.store.dailyCounts()).toStrictEqual(expected)
      expect(await the.store.dailyCounts({})).toStrictEqual(expected)
      expect(await the.store.dailyCounts({ days: 30 })).toStrictEqual(expected)
      expect((await the.store.reviewStats()).trends.daily).toStrictEqual(expected)
    })

    it.each([
      [29, lastWeek],
      [4, lastWeek],
      [3, lastWeek.slice(1)],
      [2, lastWeek.slice(2)],
      // Nothing happened yesterday: the first active day is today.
      [1, lastWeek.slice(4)],
    ])('begins with the first active day within %d days', async (days, expected) => {
      expect(await the.store.dailyCounts({ days })).toStrictEqual(expected)
    })

    it('tells what was decided within the window of units that were proposed before it', async () => {
      const [first] = await the.store.dailyCounts({ days: 2 })
      expect(first).toStrictEqual(day('2026-11-20', 0, 1, 1))
    })

    it.each([31, 365, 100_000])('reaches back %d days', async (days) => {
      const counts = await the.store.dailyCounts({ days })
      expect(counts[0]).toStrictEqual(day('2026-10-22', 1, 1, 0))
      expect(counts.slice(-5)).toStrictEqual(lastWeek)
      expect(counts).toHaveLength(32)
    })

    it('ends with today, by UTC', async () => {
      clock.set('2026-11-22T23:59:59.999Z')
      expect(await the.store.dailyCounts({ days: 4 })).toStrictEqual(lastWeek)
      clock.set('2026-11-23T00:00:00.000Z')
      expect(await the.store.dailyCounts({ days: 5 })).toStrictEqual([
        ...lastWeek,
        day('2026-11-23', 1, 0, 0),
      ])
      clock.set(noon)
    })

    it('tells no decision that was taken back, and does not begin with its day', async () => {
      const counts = await the.store.dailyCounts({ days: 10 })
      await at('2026-11-15T00:00:00.000Z', () => the.store.decide(unitId(2), 'approved', 'ann'))
      expect((await the.store.dailyCounts({ days: 10 }))[0]).toStrictEqual(
        day('2026-11-15', 0, 1, 0),
      )
      await at('2026-11-16T00:00:00.000Z', () =>
        the.store.setReviewStatus(unitId(2), 'pending', 'ann'),
      )
      expect(await the.store.dailyCounts({ days: 10 })).toStrictEqual(counts)
    })

    it('tells nothing where nothing has happened yet', async () => {
      clock.set('2026-10-01T00:00:00.000Z')
      expect(await the.store.dailyCounts()).toStrictEqual([])
      clock.set('2027-10-01T00:00:00.000Z')
      expect(await the.store.dailyCounts()).toStrictEqual([])
      clock.set(noon)
    })

    it('goes over the end of a February of 29 days', async () => {
      clock.set('2028-03-01T00:00:00.000Z')
      const domains = ['leap']
      await propose(the.store, 7, '2028-02-28T00:00:00.000Z', { domains })
      expect(await the.store.dailyCounts()).toStrictEqual([
        day('2028-02-28', 1, 0, 0),
        day('2028-02-29', 0, 0, 0),
        day('2028-03-01', 0, 0, 0),
      ])
      clock.set(noon)
    })

    it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '7', null])(
      'refuses %j days',
      async (days) => {
        await failure('invalid', the.store.dailyCounts({ days: days as number }))
      },
    )
  })
}
