import { readRankedParts, type StoredUnit, UnreadableDocument } from '../knowledge/document.ts'
import { normalizeDomains } from '../knowledge/domains.ts'
import { isUnitId } from '../knowledge/knowledge-unit.ts'
import type { RankedUnit, RankingIndex } from '../ranking/ranking-index.ts'
import { sql, statement } from '../statement.ts'
import { all, first, type Steps } from './operation.ts'
import { leaveOut } from './readable.ts'
import { storedColumns } from './units.ts'

/** Rows that are read at once. */
const rowsAtOnce = 500

const selectLastChange = statement('select the number of the last change', (db, _: object) =>
  db.selectFrom('cq_store_changes').select(({ fn }) => fn.max('change').as('change')),
)

const selectOldestChange = statement('select the number of the oldest change', (db, _: object) =>
  db.selectFrom('cq_store_changes').select(({ fn }) => fn.min('change').as('change')),
)

/** In the order in which rows lie, by which SQLite reads a table fastest. It numbers them from 1. */
const selectApproved = statement(
  'select approved units after a place',
  (db, p: { after: string; limit: number }, dialect) => {
    const place = dialect === 'sqlite' ? sql<string>`rowid` : sql<string>`id`
    const after = dialect === 'sqlite' ? sql<string>`cast(${p.after} as integer)` : p.after
    return db
      .selectFrom('knowledge_units')
      .select([...storedColumns, sql<string>`cast(${place} as text)`.as('place')])
      .where('status', '=', sql.lit('approved'))
      .where(place, '>', after)
      .orderBy(place)
      .limit(p.limit)
  },
)

/** Of a unit that is approved no more there is no document. */
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

/** The number of the last change there was. What is read from now on holds it. */
export function* lastChange(): Steps<number> {
  return Number((yield* first(selectLastChange, {}))?.change ?? 0)
}

/** Whether all changes after the one with a number are still known. */
export function* knowsChangesAfter(change: number): Steps<boolean> {
  const oldest = Number((yield* first(selectOldestChange, {}))?.change ?? 0)
  return oldest <= change + 1
}

/**
 * Tells an index of some units that queries may find: those that lie after a place. Answers the place of the
 * last one, `undefined` where there are no more. Begins at `''`.
 */
export function* loadAfter(index: RankingIndex, after: string): Steps<string | undefined> {
  const rows = yield* all(selectApproved, { after, limit: rowsAtOnce })
  for (const row of rows) {
    const fault = tell(index, row)
    if (fault) yield* leaveOut(fault)
  }
  return rows.at(-1)?.place
}

/** What an index was told of: how many units, and the number of the last change of them. */
interface Followed {
  readonly units: number
  readonly change: number
}

/** Tells an index of some changes after the one with a number; `undefined` where there are no more. */
export function* followAfter(index: RankingIndex, after: number): Steps<Followed | undefined> {
  const rows = yield* all(selectChanged, { after, limit: rowsAtOnce })
  let last = after
  for (const { unit_id: id, change, data, created_at } of rows) {
    last = Math.max(last, Number(change))
    const isGone = id === null || data === null
    const fault = isGone ? forget(index, id) : tell(index, { id, data, created_at })
    if (fault) yield* leaveOut(fault)
  }
  return rows.length === 0 ? undefined : { units: rows.length, change: last }
}

/**
 * Tells it of a unit as it is stored. What can't be read is in no answer, and so not in the index either; then
 * why is answered.
 */
function tell(index: RankingIndex, stored: StoredUnit): UnreadableDocument | undefined {
  try {
    const unit = toRankedUnit(stored)
    if (unit.domains.length > 0) index.set(unit)
    else forget(index, stored.id)
    return undefined
  } catch (error) {
    if (!(error instanceof UnreadableDocument)) throw error
    forget(index, stored.id)
    return error
  }
}

/** Another program may have stored anything as an id. */
function forget(index: RankingIndex, id: unknown): undefined {
  if (isUnitId(id)) index.delete(id)
}

/** @throws {UnreadableDocument} */
function toRankedUnit(stored: StoredUnit): RankedUnit {
  const { domains, context, evidence, tier } = readRankedParts(stored)
  const { confidence } = evidence
  return { id: stored.id, confidence, tier, domains: normalizeDomains(domains), ...context }
}
