import { readRankedParts, type StoredUnit } from '../knowledge/document.ts'
import { normalizeDomains } from '../knowledge/domains.ts'
import { isUnitId } from '../knowledge/knowledge-unit.ts'
import type { RankedUnit, RankingIndex } from '../ranking/ranking-index.ts'
import { ascending, codePoints } from '../sql/order.ts'
import { sql, statement } from '../sql/statement.ts'
import { all, first, type Steps } from '../sql/steps.ts'
import { leaveOut } from './readable.ts'
import { storedColumns } from './units.ts'

/** How many rows are read, and their documents held in memory, at once. */
const rowsAtOnce = 100

const selectLastChange = statement('select the last change', (db, _: object) =>
  db
    .selectFrom('cq_store_changes')
    .select(['change', 'unit_id'])
    .orderBy('change', 'desc')
    .limit(1),
)

const selectChange = statement('select a change', (db, p: { change: number }) =>
  db.selectFrom('cq_store_changes').select('unit_id').where('change', '=', p.change),
)

const selectOldestChange = statement('select the number of the oldest change', (db, _: object) =>
  db.selectFrom('cq_store_changes').select(({ fn }) => fn.min('change').as('change')),
)

/** In the order of the table, which SQLite reads fastest. */
const selectApproved = statement(
  'select approved units after a place',
  (db, p: { after: string; limit: number }, dialect) => {
    const place = dialect === 'sqlite' ? sql<string>`rowid` : codePoints('id', dialect)
    const after =
      dialect === 'sqlite'
        ? sql<string>`coalesce(cast(nullif(${p.after}, '') as integer), -9223372036854775808)`
        : p.after
    return db
      .selectFrom('knowledge_units')
      .select([...storedColumns, sql<string>`cast(${place} as text)`.as('place')])
      .where('status', '=', sql.lit('approved'))
      .where(place, '>', after)
      .orderBy(dialect === 'sqlite' ? place : ascending('id', dialect))
      .limit(p.limit)
  },
)

/** A unit that is no longer approved has no document here. */
const selectChanged = statement(
  'select units that changed after a number, with the last change of each',
  (db, p: { after: number; limit: number }) =>
    db
      .selectFrom((eb) =>
        eb
          .selectFrom((changes) =>
            changes
              .selectFrom('cq_store_changes')
              .select(['change', 'unit_id'])
              .where('change', '>', p.after)
              .orderBy('change')
              .limit(p.limit)
              .as('some'),
          )
          .select(({ fn }) => ['unit_id', fn.max<number>('change').as('change')])
          .groupBy('unit_id')
          .as('changed'),
      )
      .leftJoin('knowledge_units', (join) =>
        join
          .onRef('knowledge_units.id', '=', 'changed.unit_id')
          .on('status', '=', sql.lit('approved')),
      )
      .select(['changed.unit_id', 'changed.change', 'data', 'created_at']),
)

/** A change as the trigger recorded it. */
export interface NotedChange {
  readonly change: number
  readonly unit_id: string | null
}

const noChange: NotedChange = { change: 0, unit_id: null }

/** The last change. What is read from now on includes it. */
export function* lastChange(): Steps<NotedChange> {
  return (yield* first(selectLastChange, {})) ?? noChange
}

/**
 * Whether all changes after this one are still recorded. They are not if too many followed, or another database
 * took the place of this one.
 */
export function* knowsChangesAfter({ change, unit_id }: NotedChange): Steps<boolean> {
  if (change === 0) return Number((yield* first(selectOldestChange, {}))?.change ?? 1) === 1
  const noted = yield* first(selectChange, { change })
  // What is not an id may be read differently each time.
  return noted !== undefined && (noted.unit_id === unit_id || !isUnitId(noted.unit_id))
}

/**
 * Adds to an index some units that queries may find: those after a place. Returns the place of the last one, or
 * `undefined` if there are no more. Starts at `''`.
 */
export function* loadAfter(index: RankingIndex, after: string): Steps<string | undefined> {
  const rows = yield* all(selectApproved, { after, limit: rowsAtOnce })
  yield* follow(index, rows)
  return rows.at(-1)?.place
}

/** What was applied to an index: how many units, and the last change. */
interface Followed {
  readonly units: number
  readonly last: NotedChange
}

/** Applies some changes after one to an index; `undefined` if there are no more. */
export function* followAfter(index: RankingIndex, after: NotedChange): Steps<Followed | undefined> {
  const rows = yield* all(selectChanged, { after: after.change, limit: rowsAtOnce })
  let last = after
  for (const { unit_id: id, change } of rows)
    if (change > last.change) last = { change, unit_id: id }
  yield* follow(
    index,
    rows.map(({ unit_id: id, data, created_at }) => ({ id, data, created_at })),
  )
  return rows.length === 0 ? undefined : { units: rows.length, last }
}

/** Applies to an index what units are now; one that has no document is not approved any more. */
export function* follow(
  index: RankingIndex,
  rows: readonly {
    readonly id: string | null
    readonly data: string | null
    readonly created_at: string | null
  }[],
): Steps<void> {
  for (const { id, data, created_at } of rows) {
    const isGone = id === null || data === null
    const fault = isGone ? forget(index, id) : tell(index, { id, data, created_at })
    if (fault) yield* leaveOut(fault)
  }
}

/**
 * Adds a stored unit to an index. A unit that cannot be read is in no answer, and so not in the index; then it
 * returns why.
 */
function tell(index: RankingIndex, stored: StoredUnit): Error | undefined {
  try {
    const unit = toRankedUnit(stored)
    if (unit.domains.length > 0) index.set(unit)
    else forget(index, stored.id)
    return undefined
  } catch (error) {
    // Whatever the fault, all other units must be found.
    forget(index, stored.id)
    return error as Error
  }
}

/** Another program may have stored anything as an id. */
function forget(index: RankingIndex, id: unknown): undefined {
  if (isUnitId(id)) index.delete(id)
}

/** @throws {UnreadableDocument} */
function toRankedUnit(stored: StoredUnit): RankedUnit {
  const { domains, context, evidence, flags, tier } = readRankedParts(stored)
  const { confidence, confirmations, last_confirmed } = evidence
  const created = instantOf(stored.created_at ?? '')
  return {
    id: stored.id,
    confidence,
    created,
    tier,
    flags: flags.length,
    confirmations,
    confirmed: instantOf(last_confirmed),
    domains: normalizeDomains(domains),
    ...context,
  }
}

/** A column's time in microseconds; what is not a time sorts first. */
function instantOf(column: string): number {
  const milliseconds = Date.parse(column)
  // `Date` reads only three of its six digits.
  return Number.isNaN(milliseconds)
    ? -Infinity
    : milliseconds * 1_000 + Number(column.slice(23, 26))
}
