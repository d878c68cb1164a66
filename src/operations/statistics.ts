import { StoreError } from '../errors.ts'
import { readUnit } from '../knowledge/document.ts'
import { unitStatuses } from '../knowledge/records.ts'
import { isTimestamp, utcDay } from '../knowledge/timestamps.ts'
import type { Notability } from '../ranking/ranking-index.ts'
import { ascending, codePoints, descending } from '../sql/order.ts'
import { sql, statement } from '../sql/statement.ts'
import { all, ask, type Steps, together } from '../sql/steps.ts'
import { compareTexts } from '../sql/text-order.ts'
import type {
  Activity,
  DailyCount,
  Decision,
  KnowledgeStats,
  NotableUnit,
  ReviewStats,
  Statistics,
  UnitStatus,
} from '../store.ts'
import { checkInteger, checkOptions } from './arguments.ts'
import { recordOf } from './json-text.ts'
import { type OperationsFor, rank, read, scan } from './operation.ts'
import { unlessUnreadable } from './readable.ts'
import { approvedRows } from './units.ts'

/** The counters of one kind, without those at zero. */
const selectCounts = statement(
  'select counts of a kind, by name',
  (db, p: { kind: string }, dialect) =>
    db
      .selectFrom('cq_store_counts')
      .select(['name', 'count'])
      .where('kind', '=', p.kind)
      .where('count', '>', 0)
      .orderBy(ascending('name', dialect)),
)

const selectDailyCounts = statement(
  'select counts of a kind from a day on',
  (db, p: { kind: string; since: string }, dialect) =>
    db
      .selectFrom('cq_store_counts')
      .select(['name', 'count'])
      .where('kind', '=', p.kind)
      .where(codePoints('name', dialect), '>=', p.since)
      .where('count', '>', 0),
)

/**
 * The last event of a unit is its review or, if that time is unknown, its proposal. Each kind has an index, of
 * which the newest entries are enough.
 */
const selectActivity = statement('select recent activity', (db, p: { limit: number }, dialect) => {
  const newest = (time: 'reviewed_at' | 'created_at') =>
    db
      .selectFrom('knowledge_units')
      .select([
        codePoints('id', dialect).as('id'),
        'status',
        'reviewed_by',
        'reviewed_at',
        'created_at',
        sql<string>`coalesce(${codePoints('reviewed_at', dialect)}, ${codePoints('created_at', dialect)})`.as(
          'time',
        ),
        (dialect === 'sqlite'
          ? sql<string>`CASE WHEN json_valid(data) THEN json_extract(data, '$.insight.summary') END`
          : sql<string>`cq_store_summary(data)`
        ).as('summary'),
      ])
      .orderBy(descending(time, dialect))
      .orderBy(descending('id', dialect))
      .limit(p.limit)
  const reviewed = newest('reviewed_at').where('reviewed_at', 'is not', null)
  const undated = newest('created_at').where('reviewed_at', 'is', null)
  const pending = undated
    .where('status', '=', sql.lit('pending'))
    .where('status', '<>', sql.lit('approved'))
  const others = undated.where('status', '<>', sql.lit('pending'))
  // PostgreSQL sorts a union by its columns as they are, of which these two have an order already.
  const last = dialect === 'sqlite' ? sql`` : sql` nulls last`
  return db
    .selectFrom(reviewed.as('reviewed'))
    .selectAll()
    .unionAll(db.selectFrom(pending.as('pending')).selectAll())
    .unionAll(db.selectFrom(others.as('others')).selectAll())
    .orderBy(sql`${sql.ref('time')} desc${last}`)
    .orderBy(sql`${sql.ref('id')} desc`)
    .limit(p.limit)
})

interface NamedCount {
  readonly name: string
  readonly count: number | string
}

/** Counts by name. What another program stored as a name, and is not text, is skipped. */
function entriesOf(rows: readonly NamedCount[]): [name: string, count: number][] {
  return rows
    .filter(({ name }) => typeof name === 'string')
    .map(({ name, count }) => [name, Number(count)])
}

/** The number of units by status, for every status that occurs. */
export function* byStatus(): Steps<[status: string, count: number][]> {
  return entriesOf(yield* all(selectCounts, { kind: 'status' }))
}

function* total(): Steps<number> {
  const rows = yield* all(selectCounts, { kind: 'status' })
  return rows.reduce((sum, { count }) => sum + Number(count), 0)
}

function* byTier(): Steps<Record<string, number>> {
  return recordOf(yield* ask((index) => index.tierCounts()))
}

function* byDomain(): Steps<Record<string, number>> {
  const counts = yield* ask((index) => index.domainCounts())
  return recordOf(
    counts.sort(([one, ones], [other, others]) => others - ones || compareTexts(one, other)),
  )
}

function* byConfidence(innerBounds: readonly number[]): Steps<Record<string, number>> {
  const bounds = [0, ...innerBounds, 1]
  const counts = yield* ask((index) => index.confidenceCounts(innerBounds))
  return recordOf(
    counts.map((count, at) => {
      const [lower = 0, upper = 1] = bounds.slice(at)
      return [`${boundName(lower)}-${boundName(upper)}`, count]
    }),
  )
}

/** A bound as cq writes it: `0.3`, and `0.0` and `1.0` for the outer ones. */
function boundName(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound)
}

function* activity(limit: number): Steps<Activity[]> {
  const rows = yield* all(selectActivity, { limit })
  // Other programs may have stored anything as an id or a status; such rows are skipped.
  const known = rows.filter(
    ({ id, status }) => typeof id === 'string' && unitStatuses.includes(status as UnitStatus),
  )
  return known.map((row): Activity => {
    const { id: unit_id, status, reviewed_by, reviewed_at, created_at } = row
    // Other programs may have stored anything as a summary.
    const summary = typeof row.summary === 'string' ? row.summary : ''
    if (status === 'pending')
      return { type: 'proposed', unit_id, summary, timestamp: created_at ?? '' }
    const timestamp = reviewed_at ?? created_at ?? ''
    return { type: status as Decision, unit_id, summary, reviewed_by, timestamp }
  })
}

/** The first and the last day of daily counts, `YYYY-MM-DD`. */
interface Window {
  readonly since: string
  readonly today: string
}

function lastDays(now: Date, days: number): Window {
  return { since: utcDay(now, -days), today: utcDay(now) }
}

/** Counts by day. What other programs stored as a time may not begin with a day. */
function* dailyOf(kind: string, since: string): Steps<[day: string, count: number][]> {
  const counts = entriesOf(yield* all(selectDailyCounts, { kind, since }))
  return counts.filter(([day]) => isTimestamp(`${day}T00:00:00Z`))
}

function* daily({ since, today }: Window): Steps<DailyCount[]> {
  const each = yield* together(
    dailyOf('proposed', since),
    dailyOf('approved', since),
    dailyOf('rejected', since),
  )
  const [proposed, approved, rejected] = each.map((counts) => new Map(counts)) as [
    Map<string, number>,
    Map<string, number>,
    Map<string, number>,
  ]
  const active = [...proposed, ...approved, ...rejected].map(([day]) => day).sort()
  const counts: DailyCount[] = []
  if (active[0] === undefined) return counts
  for (let date = active[0]; date <= today; date = utcDay(new Date(date), 1)) {
    counts.push({
      date,
      proposed: proposed.get(date) ?? 0,
      approved: approved.get(date) ?? 0,
      rejected: rejected.get(date) ?? 0,
    })
  }
  return counts
}

const mostNotable = 100

/** Approved units to look at. Whoever wants more than this of one opens it. */
function* notable(why: Notability, limit: number): Steps<NotableUnit[]> {
  const rows = yield* approvedRows(yield* ask((index) => index.notable(why, limit)))
  const units: NotableUnit[] = []
  for (const row of rows) {
    const unit = yield* unlessUnreadable(() => readUnit(row))
    if (!unit) continue
    const { id, domains, evidence, flags, insight } = unit
    const { confidence, confirmations, last_confirmed } = evidence
    units.push({
      unit_id: id,
      summary: insight.summary,
      domains,
      confidence,
      confirmations,
      flags: flags.length,
      last_confirmed,
    })
  }
  return units
}

const reviewBounds = [0.3, 0.6, 0.8]
const knowledgeBounds = [0.3, 0.5, 0.7]
const dashboardDays = 30
const dashboardActivity = 20

/** The most bounds of a distribution. */
const mostBounds = 100
/** The most days; there are no counts of earlier ones. */
const mostDays = 100_000

/** Whether it is a short list of ascending numbers between 0 and 1. */
function isAscending(bounds: unknown): bounds is number[] {
  if (!Array.isArray(bounds) || bounds.length > mostBounds) return false
  return bounds.every(
    (bound, index) => typeof bound === 'number' && bound > (bounds[index - 1] ?? 0) && bound < 1,
  )
}

function checkBounds(innerBounds: readonly number[] = reviewBounds): readonly number[] {
  // Copied: the caller may change the array before it is sent, and a proxy cannot be cloned.
  const bounds: unknown = Array.isArray(innerBounds) ? [...innerBounds] : innerBounds
  if (isAscending(bounds)) return bounds
  const shown = String(JSON.stringify(innerBounds)).slice(0, 80)
  throw new StoreError(
    'invalid',
    `innerBounds must be at most ${mostBounds} ascending numbers between 0 and 1, got ${shown}`,
  )
}

export const statistics = {
  // A sum of few counters, as cheap in a large store, and so a read that waits for no scan.
  count: read(() => [], total),
  domainCounts: rank(() => [], byDomain),
  countsByStatus: read(
    () => [],
    function* () {
      return recordOf(yield* byStatus())
    },
  ),
  countsByTier: rank(() => [], byTier),
  confidenceDistribution: rank((_now, innerBounds) => [checkBounds(innerBounds)], byConfidence),
  recentActivity: scan((_now, limit = 20) => [checkInteger('limit', limit, 0)], activity),
  dailyCounts: scan((now, options) => {
    const { days } = checkOptions(options, { days: 30 })
    return [lastDays(now, checkInteger('days', days, 1, mostDays))]
  }, daily),

  insights: rank(
    (_now, limit = 10) => [checkInteger('limit', limit, 1, mostNotable)],
    function* (limit) {
      return {
        flagged: yield* notable('flagged', limit),
        most_confirmed: yield* notable('most confirmed', limit),
        stale: yield* notable('stale', limit),
      }
    },
  ),

  stats: rank(
    () => [],
    function* () {
      return {
        total_count: yield* total(),
        tier_counts: yield* byTier(),
        domain_counts: yield* byDomain(),
        confidence_distribution: (yield* byConfidence(
          knowledgeBounds,
        )) as KnowledgeStats['confidence_distribution'],
      }
    },
  ),

  reviewStats: rank(
    (now) => [lastDays(now, dashboardDays)],
    function* (window) {
      const none: Record<UnitStatus, number> = { pending: 0, approved: 0, rejected: 0 }
      const [counts, recent, days] = yield* together(
        byStatus(),
        activity(dashboardActivity),
        daily(window),
      )
      return {
        counts: { ...none, ...Object.fromEntries(counts) },
        domains: yield* byDomain(),
        confidence_distribution: (yield* byConfidence(
          reviewBounds,
        )) as ReviewStats['confidence_distribution'],
        recent_activity: recent,
        trends: { daily: days },
      }
    },
  ),
} satisfies OperationsFor<keyof Statistics>
