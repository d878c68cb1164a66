import { StoreError } from '../errors.ts'
import { utcDay } from '../knowledge/timestamps.ts'
import { sql, statement } from '../statement.ts'
import type {
  Activity,
  DailyCount,
  Decision,
  KnowledgeStats,
  ReviewStats,
  Statistics,
  UnitStatus,
} from '../store.ts'
import { checkInteger, checkOptions } from './arguments.ts'
import { all, type OperationsFor, type Steps, scan } from './operation.ts'

/** What the counters of one kind hold. Those that fell to zero are left out. */
const selectCounts = statement('select counts of a kind, by name', (db, p: { kind: string }) =>
  db
    .selectFrom('cq_store_counts')
    .select(['name', 'count'])
    .where('kind', '=', p.kind)
    .where('count', '>', 0)
    .orderBy('name'),
)

const selectDomainCounts = statement('select counts of approved units by domain', (db, _: object) =>
  db
    .selectFrom('cq_store_counts')
    .select(['name', 'count'])
    .where('kind', '=', sql.lit('domain'))
    .where('count', '>', 0)
    .orderBy('count', 'desc')
    .orderBy('name'),
)

const selectDailyCounts = statement(
  'select counts of a kind from a day on',
  (db, p: { kind: string; since: string }) =>
    db
      .selectFrom('cq_store_counts')
      .select(['name', 'count'])
      .where('kind', '=', p.kind)
      .where('name', '>=', p.since)
      .where('count', '>', 0),
)

const countByConfidence = statement(
  'count approved units by bucket of confidence',
  (db, p: { bounds: string }, dialect) => {
    const bounds =
      dialect === 'sqlite'
        ? sql<{ value: number }>`json_each(${p.bounds})`
        : sql<{
            value: number
          }>`(select cast(value as double precision) as value from jsonb_array_elements_text(cast(${p.bounds} as jsonb)))`
    return db
      .selectFrom('cq_store_confidence_counts')
      .select((eb) => [
        // A unit's bucket is the number of inner bounds that it reaches.
        eb
          .selectFrom(bounds.as('bounds'))
          .select(({ fn }) => fn.countAll<number | string>().as('reached'))
          .whereRef('bounds.value', '<=', 'cq_store_confidence_counts.confidence')
          .as('bucket'),
        eb.fn.sum<number | string>('count').as('count'),
      ])
      .groupBy('bucket')
  },
)

const selectActivity = statement('select recent activity', (db, p: { limit: number }, dialect) =>
  db
    .selectFrom('knowledge_units')
    .select([
      'id',
      'status',
      'reviewed_by',
      'reviewed_at',
      'created_at',
      (dialect === 'sqlite'
        ? sql<string>`json_extract(data, '$.insight.summary')`
        : sql<string>`cast(data as jsonb) #>> '{insight,summary}'`
      ).as('summary'),
    ])
    .orderBy(sql`coalesce(reviewed_at, created_at)`, 'desc')
    .orderBy('id', 'desc')
    .limit(p.limit),
)

interface NamedCount {
  readonly name: string
  readonly count: number | string
}

function toRecord(rows: readonly NamedCount[]): Record<string, number> {
  return Object.fromEntries(rows.map(({ name, count }) => [name, Number(count)]))
}

function* countsOf(kind: 'status' | 'tier'): Steps<Record<string, number>> {
  return toRecord(yield* all(selectCounts, { kind }))
}

function* total(): Steps<number> {
  const byStatus = yield* countsOf('status')
  return Object.values(byStatus).reduce((sum, count) => sum + count, 0)
}

function* byDomain(): Steps<Record<string, number>> {
  return toRecord(yield* all(selectDomainCounts, {}))
}

function* byConfidence(innerBounds: readonly number[]): Steps<Record<string, number>> {
  const rows = yield* all(countByConfidence, { bounds: JSON.stringify(innerBounds) })
  const counts = new Map(rows.map(({ bucket, count }) => [Number(bucket), Number(count)]))
  const bounds = [0, ...innerBounds, 1].map(boundName)
  return Object.fromEntries(
    bounds.slice(1).map((upper, bucket) => [`${bounds[bucket]}-${upper}`, counts.get(bucket) ?? 0]),
  )
}

/** A bound as cq names it: `0.3`, and `0.0` and `1.0` for the outer ones. */
function boundName(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound)
}

function* activity(limit: number): Steps<Activity[]> {
  const rows = yield* all(selectActivity, { limit })
  return rows.map((row): Activity => {
    const { id: unit_id, status, reviewed_by, reviewed_at, created_at } = row
    const summary = row.summary ?? ''
    if (status === 'pending')
      return { type: 'proposed', unit_id, summary, timestamp: created_at ?? '' }
    const timestamp = reviewed_at ?? created_at ?? ''
    return { type: status as Decision, unit_id, summary, reviewed_by, timestamp }
  })
}

/** The days on which a count of daily figures begins and ends, `YYYY-MM-DD`. */
interface Window {
  readonly since: string
  readonly today: string
}

function lastDays(now: Date, days: number): Window {
  return { since: utcDay(now, -days), today: utcDay(now) }
}

function* daily({ since, today }: Window): Steps<DailyCount[]> {
  const proposed = toRecord(yield* all(selectDailyCounts, { kind: 'proposed', since }))
  const approved = toRecord(yield* all(selectDailyCounts, { kind: 'approved', since }))
  const rejected = toRecord(yield* all(selectDailyCounts, { kind: 'rejected', since }))
  const active = Object.keys({ ...proposed, ...approved, ...rejected }).sort()
  const counts: DailyCount[] = []
  if (active[0] === undefined) return counts
  for (let date = active[0]; date <= today; date = utcDay(new Date(date), 1)) {
    counts.push({
      date,
      proposed: proposed[date] ?? 0,
      approved: approved[date] ?? 0,
      rejected: rejected[date] ?? 0,
    })
  }
  return counts
}

const reviewBounds = [0.3, 0.6, 0.8]
const knowledgeBounds = [0.3, 0.5, 0.7]
const dashboardDays = 30
const dashboardActivity = 20

/** Whether it is a list of ascending numbers above 0 and below 1. */
function isAscending(bounds: unknown): bounds is number[] {
  if (!Array.isArray(bounds)) return false
  return bounds.every(
    (bound, index) => typeof bound === 'number' && bound > (bounds[index - 1] ?? 0) && bound < 1,
  )
}

function checkBounds(innerBounds: readonly number[] = reviewBounds): readonly number[] {
  // A copy: the caller may change the array before it travels, and what a proxy wraps cannot travel.
  const bounds: unknown = Array.isArray(innerBounds) ? [...innerBounds] : innerBounds
  if (isAscending(bounds)) return bounds
  throw new StoreError(
    'invalid',
    `innerBounds must be ascending numbers between 0 and 1, got ${JSON.stringify(innerBounds)}`,
  )
}

export const statistics = {
  count: scan(() => [], total),
  domainCounts: scan(() => [], byDomain),
  countsByStatus: scan(
    () => [],
    () => countsOf('status'),
  ),
  countsByTier: scan(
    () => [],
    () => countsOf('tier'),
  ),
  confidenceDistribution: scan((_now, innerBounds) => [checkBounds(innerBounds)], byConfidence),
  recentActivity: scan((_now, limit = 20) => [checkInteger('limit', limit, 0)], activity),
  dailyCounts: scan((now, options) => {
    const { days = 30 } = checkOptions(options)
    return [lastDays(now, checkInteger('days', days, 1))]
  }, daily),

  stats: scan(
    () => [],
    function* () {
      return {
        total_count: yield* total(),
        tier_counts: yield* countsOf('tier'),
        domain_counts: yield* byDomain(),
        confidence_distribution: (yield* byConfidence(
          knowledgeBounds,
        )) as KnowledgeStats['confidence_distribution'],
      }
    },
  ),

  reviewStats: scan(
    (now) => [lastDays(now, dashboardDays)],
    function* (window) {
      const none: Record<UnitStatus, number> = { pending: 0, approved: 0, rejected: 0 }
      return {
        counts: { ...none, ...(yield* countsOf('status')) },
        domains: yield* byDomain(),
        confidence_distribution: (yield* byConfidence(
          reviewBounds,
        )) as ReviewStats['confidence_distribution'],
        recent_activity: yield* activity(dashboardActivity),
        trends: { daily: yield* daily(window) },
      }
    },
  ),
} satisfies OperationsFor<keyof Statistics>
