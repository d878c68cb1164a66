import type { Expression, SelectQueryBuilder, SqlBool } from 'kysely'
import { StoreError } from '../errors.ts'
import type { StoredUnit } from '../knowledge/document.ts'
import { normalizeDomains, strip } from '../knowledge/domains.ts'
import { decisions, unitStatuses } from '../knowledge/records.ts'
import { columnTimestamp } from '../knowledge/timestamps.ts'
import { confidenceOf } from '../sql/confidence.ts'
import { isKey } from '../sql/keyed.ts'
import { listed } from '../sql/listed.ts'
import { ascending, descending } from '../sql/order.ts'
import type { Schema } from '../sql/schema.ts'
import { type DialectName, sql, statement } from '../sql/statement.ts'
import {
  all,
  allWithin,
  askIfThere,
  change,
  first,
  mostAnswered,
  type Rows,
  type Steps,
  takeWithin,
  together,
} from '../sql/steps.ts'
import { compareTexts } from '../sql/text-order.ts'
import type { ListOptions, PageOptions, ReviewItem, Reviews, UnitStatus } from '../store.ts'
import { checkInteger, checkNumber, checkOneOf, checkOptions, checkText } from './arguments.ts'
import type { EmbeddedUnit, WithEmbeddedUnits } from './json-text.ts'
import { type OperationsFor, read, scan, write } from './operation.ts'
import { firstReadable, readable, readablePage } from './readable.ts'
import { byStatus } from './statistics.ts'
import { storedColumns, unitNotFound } from './units.ts'

interface ReviewColumns {
  readonly status: string
  readonly reviewed_by: string | null
  readonly reviewed_at: string | null
}
export type ReviewRow = ReviewColumns & StoredUnit

export const reviewColumns = [...storedColumns, 'status', 'reviewed_by', 'reviewed_at'] as const

const selectReviewStatus = statement(
  "select a unit's review status",
  (db, p: { id: string }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(['id', 'status', 'reviewed_by', 'reviewed_at'])
      .where(isKey('id', p.id, dialect)),
  { key: 'id' },
)

const selectReviewItem = statement(
  'select a unit and its review status',
  (db, p: { id: string }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(reviewColumns)
      .where(isKey('id', p.id, dialect)),
  { key: 'id' },
)

interface DecisionParams {
  id: string
  status: string
  reviewedBy: string | null
  reviewedAt: string | null
}

export const updateStatus = statement("set a unit's review status", (db, p: DecisionParams) =>
  db
    .updateTable('knowledge_units')
    .set({ status: p.status, reviewed_by: p.reviewedBy, reviewed_at: p.reviewedAt })
    .where('id', '=', p.id),
)

const decidePending = statement('decide a pending unit', (db, p: DecisionParams) =>
  db
    .updateTable('knowledge_units')
    .set({ status: p.status, reviewed_by: p.reviewedBy, reviewed_at: p.reviewedAt })
    .where('id', '=', p.id)
    .where('status', '=', sql.lit('pending')),
)

// A status is compared twice here and below: SQLite uses a partial index only if the query states its condition.
const selectPending = statement(
  'select pending units, oldest first',
  (db, p: { limit: number; offset: number }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(reviewColumns)
      .where('status', '=', sql.lit('pending'))
      .where('status', '<>', sql.lit('approved'))
      .orderBy(ascending('created_at', dialect))
      .orderBy(ascending('id', dialect))
      .limit(p.limit)
      .offset(p.offset),
)

const countPending = statement('select the count of pending units', (db, _: object) =>
  db
    .selectFrom('cq_store_counts')
    .select('count')
    .where('kind', '=', sql.lit('status'))
    .where('name', '=', sql.lit('pending')),
)

/** A filter that is off is an empty string, or 0 as `hasRange`. */
interface ListParams {
  readonly domain: string
  readonly status: string
  readonly hasRange: 0 | 1
  /** Inclusive. */
  readonly confidenceMin: number
  /** Exclusive. */
  readonly confidenceMax: number
}
type Filter = Expression<SqlBool>

function isInRange(p: ListParams, dialect: DialectName): Filter {
  const confidence = confidenceOf(dialect)
  return sql`${confidence} >= ${p.confidenceMin} and ${confidence} < ${p.confidenceMax}`
}

/** Whether a unit passes every filter, for statements that scan units in an order. */
function passes(p: ListParams, dialect: DialectName): Filter[] {
  const is = (off: Filter, filter: Filter): Filter => sql`(${off} or ${filter})`
  return [
    is(sql`${p.status} = ''`, sql`status = ${p.status}`),
    is(
      sql`${p.domain} = ''`,
      sql`exists (select 1 from knowledge_unit_domains
        where unit_id = knowledge_units.id and domain = ${p.domain})`,
    ),
    is(sql`${p.hasRange} = 0`, sql`(${isInRange(p, dialect)})`),
  ]
}

/** The indexes by which a listing scans units: of all, or of those that are not approved. */
const walks = {
  all: walk('all', (query) => query),
  unapproved: walk('those that are not approved', (query, p) =>
    query.where('status', '<>', sql.lit('approved')).where('status', '=', p.status),
  ),
}

type UnitQuery = SelectQueryBuilder<Schema, 'knowledge_units', ReviewRow>

function walk(what: string, only: (query: UnitQuery, p: ListParams) => UnitQuery) {
  return statement(
    `select units that pass filters, newest first, from ${what}`,
    (db, p: ListParams & { limit: number }, dialect) =>
      only(db.selectFrom('knowledge_units').select(reviewColumns), p)
        .where((eb) => eb.and(passes(p, dialect)))
        .orderBy(descending('created_at', dialect))
        .orderBy(descending('id', dialect))
        .limit(p.limit),
  )
}

const selectOfThese = statement(
  'select units that pass filters, newest first, from a list',
  (db, p: ListParams & { ids: string; limit: number }, dialect) =>
    db
      .selectFrom(listed(p.ids, dialect).as('listed'))
      .crossJoin('knowledge_units')
      .select(reviewColumns)
      .whereRef('knowledge_units.id', '=', 'listed.value')
      .where((eb) => eb.and(passes(p, dialect)))
      .orderBy(descending('created_at', dialect))
      .orderBy(descending('knowledge_units.id', dialect))
      .limit(p.limit),
)

const selectWithDomain = statement(
  'select some units with a domain',
  (db, p: { domain: string; limit: number }) =>
    db
      .selectFrom('knowledge_unit_domains')
      .select('unit_id as id')
      .where('domain', '=', p.domain)
      .limit(p.limit),
)

/**
 * Up to so many units of a domain are looked up and sorted. If there are more, scanning all units by age soon
 * finds enough of them.
 */
const many = 10_000

/** The ids of all units with a domain; `undefined` if there are too many. */
export function* fewWith(domain: string): Steps<string[] | undefined> {
  const rows = yield* all(selectWithDomain, { domain, limit: many + 1 })
  return rows.length > many ? undefined : rows.map(({ id }) => id)
}

type EmbeddedItem = WithEmbeddedUnits<ReviewItem>

export function toItem(knowledge_unit: EmbeddedUnit, row: ReviewRow): EmbeddedItem {
  return { knowledge_unit, ...toStatus(row) }
}

function toStatus({ status, reviewed_by, reviewed_at }: ReviewColumns) {
  return { status: status as UnitStatus, reviewed_by, reviewed_at }
}

function checkPage(options: PageOptions | undefined): { limit: number; offset: number } {
  const { limit, offset } = checkOptions(options, { limit: 20, offset: 0 })
  return { limit: checkInteger('limit', limit, 0), offset: checkInteger('offset', offset, 0) }
}

function pendingItems(page: { limit: number; offset: number }): Steps<EmbeddedItem[]> {
  const { limit } = page
  const pageAfter = (_last: unknown, before: number) =>
    allWithin(mostAnswered, selectPending, { limit, offset: page.offset + before })
  return readablePage(limit, pageAfter, toItem)
}

function* pendingTotal(): Steps<number> {
  return Number((yield* first(countPending, {}))?.count ?? 0)
}

const noFilters = { domain: '', status: '', confidenceMin: 0, confidenceMax: 1, limit: 100 }

/** The values that filters compare with. */
function checkList(options: ListOptions | undefined): [params: ListParams, limit: number] {
  const { domain, status, confidenceMin, confidenceMax, limit } = checkOptions(options, noFilters)
  const [normalized = ''] = normalizeDomains([checkText('domain', domain)])
  const [min, max] = [
    checkNumber('confidenceMin', confidenceMin),
    checkNumber('confidenceMax', confidenceMax),
  ]
  const params: ListParams = {
    domain: normalized,
    status: strip(checkText('status', status)) === '' ? '' : status,
    hasRange: min > 0 || max < 1 ? 1 : 0,
    confidenceMin: min,
    // The upper bound is exclusive below 1; from 1 on, nothing is above it.
    confidenceMax: max < 1 ? max : 2,
  }
  return [params, checkInteger('limit', limit, 0)]
}

/** Whether it lists approved units by confidence, which only the index can filter. */
function isIndexedScan({ status, hasRange }: ListParams): boolean {
  return hasRange === 1 && (status === '' || status === 'approved')
}

/**
 * The newest units that pass the filters: approved ones from the ranker's index, others from the database's.
 * `undefined` if there is no index.
 */
function* indexedRows(
  params: ListParams,
  limit: number,
  mostText: number,
): Steps<Rows<ReviewRow> | undefined> {
  const ids = yield* askIfThere((index) => index.newest(params, limit))
  if (!ids) return undefined
  const approved = { ...params, status: 'approved', limit }
  const lists = [
    yield* allWithin(mostText, selectOfThese, { ...approved, ids: JSON.stringify(ids) }),
  ]
  if (params.status === '')
    for (const [status] of (yield* byStatus()).filter(([status]) => status !== 'approved'))
      lists.push(yield* allWithin(mostText, walks.unapproved, { ...params, status, limit }))
  const rows = lists.flatMap((list) => list.rows).sort(newestFirst)
  // A list that was cut has as much text, so that what it lacks is older.
  return takeWithin(mostText, rows.slice(0, limit))
}

function newestFirst(one: ReviewRow, other: ReviewRow): number {
  return (
    compareTexts(other.created_at ?? '', one.created_at ?? '') || compareTexts(other.id, one.id)
  )
}

/** The newest units that pass the filters, found by the database alone. */
function* walkedRows(params: ListParams, limit: number, mostText: number): Steps<Rows<ReviewRow>> {
  const few = params.domain === '' ? undefined : yield* fewWith(params.domain)
  if (few) {
    const ids = JSON.stringify(few)
    return yield* allWithin(mostText, selectOfThese, { ...params, ids, limit })
  }
  const isUnapproved = params.status !== '' && params.status !== 'approved'
  const { all, unapproved } = walks
  return yield* allWithin(mostText, isUnapproved ? unapproved : all, { ...params, limit })
}

function listUnits(params: ListParams, wanted: number): Steps<EmbeddedItem[]> {
  const firstRows = function* (limit: number, mostText: number) {
    const indexed = isIndexedScan(params) ? yield* indexedRows(params, limit, mostText) : undefined
    return indexed ?? (yield* walkedRows(params, limit, mostText))
  }
  return firstReadable(wanted, firstRows, toItem)
}

export const reviews = {
  getReviewStatus: read(
    (_now, id) => [checkText('id', id)],
    function* (id) {
      const row = yield* first(selectReviewStatus, { id })
      return row ? toStatus(row) : null
    },
  ),

  setReviewStatus: write(
    (now, id, status, reviewedBy) => [
      {
        id: checkText('id', id),
        status: checkOneOf('status', status, unitStatuses),
        reviewedBy: checkText('reviewedBy', reviewedBy),
        reviewedAt: columnTimestamp(now),
      },
    ],
    function* (decision) {
      if ((yield* change(updateStatus, decision)) === 0) throw unitNotFound(decision.id)
    },
  ),

  decide: write(
    (now, id, decision, reviewedBy) => [
      {
        id: checkText('id', id),
        status: checkOneOf('decision', decision, decisions),
        reviewedBy: checkText('reviewedBy', reviewedBy),
        reviewedAt: columnTimestamp(now),
      },
    ],
    function* (decision) {
      const { id, status, reviewedBy, reviewedAt } = decision
      if ((yield* change(decidePending, decision)) === 1)
        return { status, reviewed_by: reviewedBy, reviewed_at: reviewedAt }
      const row = yield* first(selectReviewStatus, { id })
      if (!row) throw unitNotFound(id)
      throw new StoreError('conflict', `Knowledge unit already ${row.status}`)
    },
  ),

  reviewItem: read(
    (_now, id) => [checkText('id', id)],
    function* (id) {
      const row = yield* first(selectReviewItem, { id })
      const [item = null] = yield* readable(row ? [row] : [], toItem)
      return item
    },
  ),

  pendingQueue: scan((_now, options) => [checkPage(options)], pendingItems),

  pendingCount: read(() => [], pendingTotal),

  reviewQueue: scan(
    (_now, options) => [checkPage(options)],
    function* (page) {
      const [items, total] = yield* together(pendingItems(page), pendingTotal())
      return { items, total }
    },
  ),

  listUnits: {
    kind: (params: ListParams) => (isIndexedScan(params) ? 'indexed scan' : 'scan'),
    prepare: (_now, options) => checkList(options),
    run: listUnits,
  },
} satisfies OperationsFor<keyof Reviews>
