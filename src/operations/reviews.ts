import type { ExpressionBuilder, RawBuilder } from 'kysely'
import { StoreError } from '../errors.ts'
import type { StoredUnit } from '../knowledge/document.ts'
import { normalizeDomains, strip } from '../knowledge/domains.ts'
import { type KnowledgeUnit, unitStatuses } from '../knowledge/knowledge-unit.ts'
import { columnTimestamp } from '../knowledge/timestamps.ts'
import type { Schema } from '../schema.ts'
import { sql, statement } from '../statement.ts'
import type { ListOptions, PageOptions, ReviewItem, Reviews, UnitStatus } from '../store.ts'
import { checkInteger, checkNumber, checkOneOf, checkOptions, checkText } from './arguments.ts'
import { confidenceOf } from './confidence.ts'
import {
  all,
  change,
  first,
  type OperationsFor,
  read,
  type Steps,
  scan,
  write,
} from './operation.ts'
import { firstReadable, readable, readablePage } from './readable.ts'
import { storedColumns, unitNotFound } from './units.ts'

interface ReviewColumns {
  readonly status: string
  readonly reviewed_by: string | null
  readonly reviewed_at: string | null
}
export type ReviewRow = ReviewColumns & StoredUnit

export const reviewColumns = [...storedColumns, 'status', 'reviewed_by', 'reviewed_at'] as const

const selectReviewStatus = statement("select a unit's review status", (db, p: { id: string }) =>
  db
    .selectFrom('knowledge_units')
    .select(['status', 'reviewed_by', 'reviewed_at'])
    .where('id', '=', p.id),
)

const selectReviewItem = statement('select a unit and its review status', (db, p: { id: string }) =>
  db.selectFrom('knowledge_units').select(reviewColumns).where('id', '=', p.id),
)

interface DecisionParams {
  id: string
  status: string
  reviewedBy: string
  reviewedAt: string
}

const updateStatus = statement("set a unit's review status", (db, p: DecisionParams) =>
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

const selectPending = statement(
  'select pending units, oldest first',
  (db, p: { limit: number; offset: number }) =>
    db
      .selectFrom('knowledge_units')
      .select(reviewColumns)
      .where('status', '=', sql.lit('pending'))
      .orderBy('created_at')
      .orderBy('id')
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

interface ListParams {
  domain: string
  status: string
  /** Inclusive. */
  confidenceMin: number
  /** Exclusive. */
  confidenceMax: number
  limit: number
}

interface ListFilters {
  readonly domain: boolean
  readonly status: boolean
  readonly confidence: boolean
}

/**
 * What a listing goes through: all units, newest first, until enough pass the filters; or only those
 * with the confidence, or with the domain, which are then sorted.
 */
type ListSource = 'all' | 'confidence' | 'domain'

/**
 * More units than these are not sorted: where there are so many, going through all units soon meets
 * enough of them, since indexes tell of what confidence and domain each is.
 */
const many = { confidence: 2_000, domain: 10_000 }

/** One statement for each set of filters, since a filter that may be off can use no index. */
const selectListed = Object.fromEntries(
  [0, 1, 2, 3, 4, 5, 6, 7].flatMap((bits) => {
    const filters = { domain: (bits & 1) > 0, status: (bits & 2) > 0, confidence: (bits & 4) > 0 }
    return (['all', 'confidence', 'domain'] as const)
      .filter((source) => source === 'all' || filters[source])
      .map((source) => [listingName(filters, source), listedStatement(filters, source)])
  }),
)

function listingName(filters: ListFilters, source: ListSource): string {
  const names = Object.entries(filters).flatMap(([name, on]) => (on ? [name] : []))
  const by = names.length === 0 ? 'no filter' : names.join(' and ')
  return source === 'all' ? by : `${by}, from those with the ${source}`
}

function listedStatement(filters: ListFilters, source: ListSource) {
  return statement(
    `select units, newest first, by ${listingName(filters, source)}`,
    (db, p: ListParams, dialect) => {
      /** For what SQLite shall choose no index, so that it goes through what it is told to. */
      const checked = <Value>(value: RawBuilder<Value>) =>
        dialect === 'sqlite' ? sql<Value>`+${value}` : value
      const [status, createdAt] = [sql.ref<string>('status'), sql.ref('created_at')]
      const confidence = confidenceOf(dialect)
      const isStatusChecked = source === 'domain' || (source === 'all' && filters.confidence)
      const rangeOf = source === 'confidence' ? confidence : checked(confidence)
      return db
        .selectFrom('knowledge_units')
        .select(reviewColumns)
        .$if(source === 'domain', (query) =>
          query.where('id', 'in', (eb) =>
            eb
              .selectFrom('knowledge_unit_domains')
              .select('unit_id')
              .where('domain', '=', p.domain),
          ),
        )
        .$if(filters.domain && source !== 'domain', (query) =>
          query.where(({ exists, selectFrom }) =>
            exists(
              selectFrom('knowledge_unit_domains')
                .select('unit_id')
                .whereRef('unit_id', '=', 'knowledge_units.id')
                .where('domain', '=', p.domain),
            ),
          ),
        )
        .$if(filters.status, (query) =>
          query.where(isStatusChecked ? checked(status) : status, '=', p.status),
        )
        .$if(source === 'confidence' && !filters.status, (query) =>
          query.where(status, 'in', everyStatus),
        )
        .$if(filters.confidence, (query) =>
          query.where(rangeOf, '>=', p.confidenceMin).where(rangeOf, '<', p.confidenceMax),
        )
        .orderBy(source === 'all' ? createdAt : checked(createdAt), 'desc')
        .orderBy('id', 'desc')
        .limit(p.limit)
    },
  )
}

/** Every status that units have, for an index that begins with it. */
function everyStatus(eb: ExpressionBuilder<Schema, 'knowledge_units'>) {
  return eb
    .selectFrom('cq_store_counts')
    .select('name')
    .where('kind', '=', sql.lit('status'))
    .where('count', '>', 0)
}

const selectInRange = rangeStatement('select whether a range of confidence has many units', false)
const selectOfStatusInRange = rangeStatement(
  'select whether a range of confidence has many units of a status',
  true,
)

function rangeStatement(name: string, ofStatus: boolean) {
  return statement(name, (db, p: ListParams & { many: number }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(sql.lit(1).as('one'))
      .$if(ofStatus, (query) => query.where('status', '=', p.status))
      .$if(!ofStatus, (query) => query.where('status', 'in', everyStatus))
      .where(confidenceOf(dialect), '>=', p.confidenceMin)
      .where(confidenceOf(dialect), '<', p.confidenceMax)
      .limit(1)
      .offset(p.many),
  )
}

const selectWithDomain = statement(
  'select whether a domain has many units',
  (db, p: { domain: string; many: number }) =>
    db
      .selectFrom('knowledge_unit_domains')
      .select(sql.lit(1).as('one'))
      .where('domain', '=', p.domain)
      .limit(1)
      .offset(p.many),
)

/** What a listing should go through. */
function* sourceOf(filters: ListFilters, params: ListParams): Steps<ListSource> {
  if (filters.confidence) {
    const select = filters.status ? selectOfStatusInRange : selectInRange
    if (!(yield* first(select, { ...params, many: many.confidence }))) return 'confidence'
  }
  if (filters.domain && !(yield* first(selectWithDomain, { ...params, many: many.domain })))
    return 'domain'
  return 'all'
}

export function toItem(knowledge_unit: KnowledgeUnit, row: ReviewRow): ReviewItem {
  return { knowledge_unit, ...toStatus(row) }
}

function toStatus({ status, reviewed_by, reviewed_at }: ReviewColumns) {
  return { status: status as UnitStatus, reviewed_by, reviewed_at }
}

function checkPage(options: PageOptions | undefined): { limit: number; offset: number } {
  const { limit, offset } = checkOptions(options, { limit: 20, offset: 0 })
  return { limit: checkInteger('limit', limit, 0), offset: checkInteger('offset', offset, 0) }
}

function pendingItems(page: { limit: number; offset: number }): Steps<ReviewItem[]> {
  const { limit } = page
  const pageAfter = (_last: unknown, pages: number) =>
    all(selectPending, { limit, offset: page.offset + pages * limit })
  return readablePage(limit, pageAfter, toItem)
}

function* pendingTotal(): Steps<number> {
  return Number((yield* first(countPending, {}))?.count ?? 0)
}

const noFilters = { domain: '', status: '', confidenceMin: 0, confidenceMax: 1, limit: 100 }

/** Which filters are on, and what they compare with. */
function checkList(options: ListOptions | undefined): [filters: ListFilters, params: ListParams] {
  const { domain, status, confidenceMin, confidenceMax, limit } = checkOptions(options, noFilters)
  const [normalized = ''] = normalizeDomains([checkText('domain', domain)])
  const params = {
    domain: normalized,
    status: strip(checkText('status', status)) === '' ? '' : status,
    confidenceMin: checkNumber('confidenceMin', confidenceMin),
    confidenceMax: checkNumber('confidenceMax', confidenceMax),
    limit: checkInteger('limit', limit, 0),
  }
  const filters = {
    domain: params.domain !== '',
    status: params.status !== '',
    confidence: params.confidenceMin > 0 || params.confidenceMax < 1,
  }
  // The upper bound is exclusive below 1; from 1 on nothing is above it.
  return [
    filters,
    { ...params, confidenceMax: params.confidenceMax < 1 ? params.confidenceMax : 2 },
  ]
}

const decisions = ['approved', 'rejected'] as const

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
      return { items: yield* pendingItems(page), total: yield* pendingTotal() }
    },
  ),

  listUnits: scan(
    (_now, options) => checkList(options),
    function* (filters, params) {
      const name = listingName(filters, yield* sourceOf(filters, params))
      const statement = selectListed[name]
      if (!statement) throw new StoreError('internal', `no listing by ${name}`)
      return yield* firstReadable(
        params.limit,
        (limit) => all(statement, { ...params, limit }),
        toItem,
      )
    },
  ),
} satisfies OperationsFor<keyof Reviews>
