import { StoreError } from '../errors.ts'
import { readUnit } from '../knowledge/document.ts'
import { normalizeDomains } from '../knowledge/domains.ts'
import {
  type BrowseOrder,
  browseOrders,
  type KnowledgeUnit,
  tiers,
  type UnitStatus,
  unitStatuses,
} from '../knowledge/records.ts'
import { listed } from '../sql/listed.ts'
import { ascending, codePoints, descending } from '../sql/order.ts'
import { sql, statement } from '../sql/statement.ts'
import { all, allWithin, mostAnswered, type Rows, type Steps } from '../sql/steps.ts'
import type { BrowseFilters, BrowseOptions, Browsing } from '../store.ts'
import {
  checkFlag,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkText,
  checkTimestamp,
} from './arguments.ts'
import type { WithEmbeddedUnits } from './json-text.ts'
import { type OperationsFor, read, scan } from './operation.ts'
import { readable, unlessUnreadable } from './readable.ts'
import { fewWith, type ReviewRow, reviewColumns, toItem } from './reviews.ts'
import { byStatus } from './statistics.ts'

/** The place of a unit in an order: the next one comes after it. Without a time, it is after all that have one. */
interface Place {
  readonly time: string | null
  readonly id: string
}

interface WalkParams {
  readonly time: string
  readonly id: string
  readonly limit: number
}

/** The units after a place that have a time, from all of them, from those of a status, or from a list. */
function walk(order: BrowseOrder, from: 'all' | 'of a status' | 'listed') {
  const time = order === 'decided' ? 'reviewed_at' : 'created_at'
  const isUp = order === 'oldest'
  return statement(
    `browse units after a place, ${order} first, ${from}`,
    (db, p: WalkParams & { status: string; ids: string }, dialect) => {
      const sorted = isUp ? ascending : descending
      const [column, id] = [codePoints(time, dialect), codePoints('knowledge_units.id', dialect)]
      const after = sql<boolean>`(${column}, ${id}) ${sql.raw(isUp ? '>' : '<')} (${p.time}, ${p.id})`
      const units =
        from === 'listed'
          ? db
              .selectFrom(listed(p.ids, dialect).as('listed'))
              .innerJoin('knowledge_units', 'knowledge_units.id', 'listed.value')
          : db.selectFrom('knowledge_units')
      return units
        .select(reviewColumns)
        .select('tier')
        .$if(from === 'of a status', (query) =>
          query.where('status', '<>', sql.lit('approved')).where('status', '=', p.status),
        )
        .$if(order === 'decided', (query) => query.where('reviewed_at', 'is not', null))
        .where(after)
        .orderBy(sorted(time, dialect))
        .orderBy(sorted('knowledge_units.id', dialect))
        .limit(p.limit)
    },
  )
}

const walks = {
  newest: {
    all: walk('newest', 'all'),
    status: walk('newest', 'of a status'),
    listed: walk('newest', 'listed'),
  },
  oldest: {
    all: walk('oldest', 'all'),
    status: walk('oldest', 'of a status'),
    listed: walk('oldest', 'listed'),
  },
  decided: { all: walk('decided', 'all'), listed: walk('decided', 'listed') },
} as const

const walkUndated = statement(
  'browse units without a time after an id',
  (db, p: { id: string; limit: number }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(reviewColumns)
      .select('tier')
      .where('created_at', 'is', null)
      .where(codePoints('id', dialect), '>', p.id)
      .orderBy(ascending('id', dialect))
      .limit(p.limit),
)

const selectDecisions = statement(
  'select the last decisions',
  (db, p: { since: string; limit: number }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(['id', 'status', 'reviewed_by', 'reviewed_at'])
      .where('reviewed_at', 'is not', null)
      .where(codePoints('reviewed_at', dialect), '>=', p.since)
      .orderBy(descending('reviewed_at', dialect))
      .orderBy(descending('id', dialect))
      .limit(p.limit),
)

/** How many units one page, or one count, looks at. */
const mostExamined = 10_000
/** How many of them are in memory at once. */
const rowsAtOnce = 500
/** How much text of their documents, in characters (32 Mi): some units are a thousand times as long as most. */
const mostRead = 8 * mostAnswered
const mostBrowsed = 500
const longestText = 200

type Row = ReviewRow & { readonly tier: string }
/** What is filtered by; `null` where anything passes. */
type Filters = Required<{
  readonly [Name in Exclude<keyof BrowseFilters, 'text'>]: NonNullable<BrowseFilters[Name]> | null
}> & {
  /** In lower case; each must be found. */
  readonly words: readonly string[]
}

const noFilters = {
  status: '' as UnitStatus | '',
  domain: '',
  tier: '' as KnowledgeUnit['tier'] | '',
  proposer: '',
  text: '',
  confidenceMin: 0,
  confidenceMax: 1,
  flagged: null as boolean | null,
  proposedAfter: '',
  proposedBefore: '',
}

function checkFilters(given: typeof noFilters): Filters {
  const { confidenceMin: min, confidenceMax: max, flagged } = given
  const [domain = null] = normalizeDomains([checkText('domain', given.domain)])
  const text = checkText('text', given.text)
  if (text.length > longestText)
    throw new StoreError(
      'invalid',
      `text must have at most ${longestText} characters, and has ${text.length}`,
    )
  const timestamp = (name: 'proposedAfter' | 'proposedBefore') =>
    given[name] === '' ? null : checkTimestamp(name, given[name])
  return {
    domain,
    status: given.status === '' ? null : checkOneOf('status', given.status, unitStatuses),
    tier: given.tier === '' ? null : checkOneOf('tier', given.tier, tiers),
    proposer: checkText('proposer', given.proposer) || null,
    words: text.toLowerCase().split(/\s+/u).filter(Boolean),
    confidenceMin: checkNumber('confidenceMin', min) > 0 ? min : null,
    confidenceMax: checkNumber('confidenceMax', max) < 1 ? max : null,
    flagged: flagged === null ? null : checkFlag('flagged', flagged),
    proposedAfter: timestamp('proposedAfter'),
    proposedBefore: timestamp('proposedBefore'),
  }
}

/** What of a unit's document filters look at. */
function passesDocument(unit: KnowledgeUnit, filters: Filters): boolean {
  const { domain, proposer, words, confidenceMin, confidenceMax, flagged } = filters
  const { confidence } = unit.evidence
  if (domain !== null && !normalizeDomains(unit.domains).includes(domain)) return false
  if (proposer !== null && unit.created_by !== proposer) return false
  if (confidenceMin !== null && confidence < confidenceMin) return false
  if (confidenceMax !== null && confidence >= confidenceMax) return false
  if (flagged !== null && unit.flags.length > 0 !== flagged) return false
  if (words.length === 0) return true
  const { summary, detail, action } = unit.insight
  const text = [unit.id, ...unit.domains, summary, detail, action].join('\n').toLowerCase()
  return words.every((word) => text.includes(word))
}

function* passes(row: Row, filters: Filters): Steps<boolean> {
  const { status, tier, proposedAfter, proposedBefore } = filters
  if (status !== null && row.status !== status) return false
  if (tier !== null && row.tier !== tier) return false
  if (proposedAfter !== null && !(row.created_at !== null && row.created_at >= proposedAfter))
    return false
  if (proposedBefore !== null && !(row.created_at !== null && row.created_at < proposedBefore))
    return false
  const { domain, proposer, words, confidenceMin, confidenceMax, flagged } = filters
  const needsDocument = [domain, proposer, confidenceMin, confidenceMax, flagged].some(
    (one) => one !== null,
  )
  if (!needsDocument && words.length === 0) return true
  const unit = yield* unlessUnreadable(() => readUnit(row))
  return unit !== undefined && passesDocument(unit, filters)
}

/** After every time that another program may have stored, and every id. */
const last = '\u{10ffff}'

/** Where browsing begins. */
function beginning(order: BrowseOrder, { proposedAfter, proposedBefore }: Filters): Place {
  if (order === 'oldest') return { time: proposedAfter ?? '', id: '' }
  return order === 'newest' && proposedBefore !== null
    ? { time: proposedBefore, id: '' }
    : { time: last, id: last }
}

/** Whether units after this one are outside of the times that are asked for. */
function isPast({ created_at }: Row, order: BrowseOrder, filters: Filters): boolean {
  const { proposedAfter, proposedBefore } = filters
  if (created_at === null) return false
  if (order === 'newest') return proposedAfter !== null && created_at < proposedAfter
  return order === 'oldest' && proposedBefore !== null && created_at >= proposedBefore
}

function placeOf(row: Row, order: BrowseOrder): Place {
  return { time: order === 'decided' ? row.reviewed_at : row.created_at, id: row.id }
}

function rowsAfter(
  { time, id }: Place,
  order: BrowseOrder,
  { status }: Filters,
  ids: string | undefined,
): Steps<Rows<Row>> {
  const limit = rowsAtOnce
  if (time === null) return allWithin(mostAnswered, walkUndated, { id, limit })
  const params = { time, id, limit, status: status ?? '', ids: ids ?? '' }
  const { all: every, listed: some } = walks[order]
  if (ids !== undefined) return allWithin(mostAnswered, some, params)
  const isIndexed = order !== 'decided' && status !== null && status !== 'approved'
  return allWithin(mostAnswered, isIndexed ? walks[order].status : every, params)
}

interface Browsed {
  /** Where to go on another time; `null` at the end. */
  readonly next: Place | null
  readonly examined: number
}

/** Hands the units that pass, in order, to `take`, which says whether to go on. */
function* browse(
  order: BrowseOrder,
  filters: Filters,
  start: Place,
  take: (row: Row) => boolean,
): Steps<Browsed> {
  const few = filters.domain === null ? undefined : yield* fewWith(filters.domain)
  const ids = few && JSON.stringify(few)
  const hasUndated =
    order !== 'decided' && filters.proposedAfter === null && filters.proposedBefore === null
  let place = start
  let examined = 0
  let text = 0
  while (examined < mostExamined && text < mostRead) {
    const { rows, isCut } = yield* rowsAfter(place, order, filters, ids)
    for (const row of rows) {
      text += row.data.length
      if (isPast(row, order, filters)) return { next: null, examined }
      place = placeOf(row, order)
      examined++
      if ((yield* passes(row, filters)) && !take(row)) return { next: place, examined }
    }
    if (rows.length === rowsAtOnce || isCut) continue
    if (place.time === null || !hasUndated) return { next: null, examined }
    place = { time: null, id: '' }
  }
  return { next: place, examined }
}

function toCursor({ time, id }: Place, order: BrowseOrder): string {
  return Buffer.from(JSON.stringify([order, time, id])).toString('base64url')
}

/** @throws {StoreError} `invalid` */
function checkCursor(cursor: string, order: BrowseOrder): Place {
  try {
    const json = Buffer.from(checkText('cursor', cursor), 'base64url').toString()
    const [of, time, id] = JSON.parse(json)
    const isTime = typeof time === 'string' || (time === null && order !== 'decided')
    if (of === order && isTime && typeof id === 'string')
      return { time: time === null ? null : checkText('cursor', time), id: checkText('cursor', id) }
  } catch {
    // Whatever is wrong with it, the answer is the same.
  }
  throw new StoreError(
    'invalid',
    'cursor must be the next_cursor of a page with the same filters and order',
  )
}

const pageDefaults = {
  ...noFilters,
  order: 'newest' as BrowseOrder,
  cursor: '',
  limit: 50,
}

function* page(
  filters: Filters,
  order: BrowseOrder,
  start: Place,
  limit: number,
): Steps<WithEmbeddedUnits<Awaited<ReturnType<Browsing['browseUnits']>>>> {
  const rows: Row[] = []
  let text = 0
  const { next, examined } = yield* browse(order, filters, start, (row) => {
    rows.push(row)
    text += row.data.length
    return rows.length < limit && text < mostAnswered
  })
  return {
    items: yield* readable(rows, toItem),
    next_cursor: next && toCursor(next, order),
    examined,
  }
}

/** How many units there are of a status, or of all; `undefined` if there are other filters. */
function* counters({ status, words, ...others }: Filters): Steps<number | undefined> {
  if (words.length > 0 || Object.values(others).some((one) => one !== null)) return undefined
  const counts = yield* byStatus()
  return counts
    .filter(([name]) => status === null || name === status)
    .reduce((sum, [, count]) => sum + count, 0)
}

export const browsing = {
  browseUnits: scan((_now, options?: BrowseOptions) => {
    const given = checkOptions(options as typeof pageDefaults | undefined, pageDefaults)
    const filters = checkFilters(given)
    const order = checkOneOf('order', given.order, browseOrders)
    const start = given.cursor === '' ? beginning(order, filters) : checkCursor(given.cursor, order)
    return [filters, order, start, checkInteger('limit', given.limit, 1, mostBrowsed)]
  }, page),

  countUnits: scan(
    (_now, filters?: BrowseFilters) => [
      checkFilters(checkOptions(filters as typeof noFilters | undefined, noFilters)),
    ],
    function* (filters) {
      const counted = yield* counters(filters)
      if (counted !== undefined) return { count: counted, is_exact: true }
      let count = 0
      const { next } = yield* browse('newest', filters, beginning('newest', filters), () => {
        count++
        return true
      })
      return { count, is_exact: next === null }
    },
  ),

  listDecisions: read(
    (_now, options) => {
      const { since, limit } = checkOptions(options, { since: '', limit: 100 })
      return [
        {
          since: since === '' ? '' : checkTimestamp('since', since),
          limit: checkInteger('limit', limit, 1, mostBrowsed),
        },
      ]
    },
    function* (params) {
      const rows = yield* all(selectDecisions, params)
      return rows
        .filter(({ status }) => unitStatuses.includes(status as UnitStatus))
        .map(({ id, status, reviewed_by, reviewed_at }) => ({
          unit_id: id,
          status: status as UnitStatus,
          reviewed_by,
          reviewed_at,
        }))
    },
  ),
} satisfies OperationsFor<keyof Browsing>
