import { StoreError } from '../errors.ts'
import { readUnit, UnitText } from '../knowledge/document.ts'
import { normalizeDomains } from '../knowledge/domains.ts'
import {
  type Insight,
  type KnowledgeUnit,
  type UnitStatus,
  unitStatuses,
} from '../knowledge/records.ts'
import { columnTimestamp } from '../knowledge/timestamps.ts'
import { isKey } from '../sql/keyed.ts'
import { sql, statement } from '../sql/statement.ts'
import { all, change, erase, first, type Steps } from '../sql/steps.ts'
import { compareTexts } from '../sql/text-order.ts'
import type { Curation, DecisionOutcome, HistoryEntry, UnitEdit } from '../store.ts'
import {
  checkFlag,
  checkNames,
  checkOneOf,
  checkOptions,
  checkText,
  checkTexts,
} from './arguments.ts'
import { unitOf } from './json-text.ts'
import { type OperationsFor, read, write } from './operation.ts'
import { unlessUnreadable } from './readable.ts'
import { type ReviewRow, reviewColumns, toItem } from './reviews.ts'
import { replaceDocument, toRecord, unitNotFound } from './units.ts'

/** A unit that is to be changed: no other server changes it meanwhile. */
const lockUnit = statement(
  'select a unit and its review status, to be changed',
  (db, p: { id: string }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(reviewColumns)
      .where(isKey('id', p.id, dialect))
      .$if(dialect === 'postgres', (query) => query.orderBy('id').forUpdate()),
  { key: 'id' },
)

interface Redecision {
  readonly id: string
  readonly from: UnitStatus
  readonly status: UnitStatus
  readonly reviewedBy: string | null
  readonly reviewedAt: string | null
}

const decideFrom = statement('decide a unit that has a status', (db, p: Redecision) =>
  db
    .updateTable('knowledge_units')
    .set({ status: p.status, reviewed_by: p.reviewedBy, reviewed_at: p.reviewedAt })
    .where('id', '=', p.id)
    .where('status', '=', p.from),
)

interface NewEntry extends HistoryEntry {
  readonly unitId: string
}

const insertHistory = statement("add to a unit's history", (db, p: NewEntry) =>
  db
    .insertInto('cq_store_history')
    .values({ unit_id: p.unitId, at: p.at, actor: p.actor, action: p.action, detail: p.detail }),
)

const selectHistory = statement("select a unit's history", (db, p: { id: string }) =>
  db
    .selectFrom('cq_store_history')
    .select(['at', 'actor', 'action', 'detail'])
    .where('unit_id', '=', p.id)
    .orderBy('entry', 'desc')
    .limit(sql.lit(100)),
)

const deleteHistory = statement("delete a unit's history", (db, p: { id: string }) =>
  db.deleteFrom('cq_store_history').where('unit_id', '=', p.id),
)

/** Deletes what is known of a unit beside its row. */
export function* forgetHistory(id: string): Steps<void> {
  yield* erase(deleteHistory, { id })
}

/** The most units that are decided at once. */
export const mostDecided = 500
const checkIds = checkTexts('ids', mostDecided)

interface Decider {
  readonly decision: UnitStatus
  readonly from: UnitStatus
  readonly reviewedBy: string
  readonly ownProposals: boolean
  readonly at: string
}

function* decideOne(id: string, decider: Decider): Steps<DecisionOutcome> {
  const { decision, from, reviewedBy, ownProposals, at } = decider
  const row = yield* first(lockUnit, { id })
  if (!row)
    return { unit_id: id, outcome: 'not_found', status: null, reviewed_by: null, reviewed_at: null }
  const status = row.status as UnitStatus
  const before = { status, reviewed_by: row.reviewed_by, reviewed_at: row.reviewed_at }
  if (status !== from) return { unit_id: id, outcome: 'conflict', ...before }
  if (!ownProposals && (yield* proposerOf(row)) === reviewedBy)
    return { unit_id: id, outcome: 'forbidden', ...before }
  const isOpened = decision === 'pending'
  const after = {
    status: decision,
    reviewed_by: isOpened ? null : reviewedBy,
    reviewed_at: isOpened ? null : at,
  }
  const params = {
    id,
    from,
    status: decision,
    reviewedBy: after.reviewed_by,
    reviewedAt: after.reviewed_at,
  }
  yield* change(decideFrom, params)
  if (from !== 'pending') {
    const action = isOpened ? 'reopened' : 'revised'
    const detail = `${status} by ${row.reviewed_by ?? 'unknown'} at ${row.reviewed_at ?? 'an unknown time'} before`
    yield* change(insertHistory, { unitId: id, at, actor: reviewedBy, action, detail })
  }
  return { unit_id: id, outcome: 'decided', ...after }
}

/** Who proposed a unit; `null` if its document does not tell. */
function* proposerOf(row: ReviewRow): Steps<string | null> {
  return (yield* unlessUnreadable(() => readUnit(row)))?.created_by ?? null
}

const insightNames = ['summary', 'detail', 'action'] as const
const checkDomains = checkTexts('domains', 10_000)

/** What is to be changed, checked as far as it can be without the unit. */
function checkEdit(edit: UnitEdit): { domains?: string[]; insight: Partial<Insight> } {
  if (typeof edit !== 'object' || edit === null)
    throw new StoreError('invalid', 'edit must be an object')
  checkNames('an edit', edit, ['domains', 'insight'])
  const { domains, insight = {} } = edit
  if (typeof insight !== 'object' || insight === null)
    throw new StoreError('invalid', 'insight must be an object')
  checkNames('an insight', insight, insightNames)
  const texts = insightNames.flatMap((name) =>
    insight[name] === undefined ? [] : [[name, checkText(name, insight[name])]],
  )
  return {
    ...(domains !== undefined && { domains: checkDomains(domains) }),
    insight: Object.fromEntries(texts),
  }
}

function checkSeen(seen: Pick<KnowledgeUnit, 'domains' | 'insight'> | null) {
  if (seen === null) return null
  const { summary, detail, action } = seen.insight
  return {
    domains: checkDomains(seen.domains),
    insight: {
      summary: checkText('summary', summary),
      detail: checkText('detail', detail),
      action: checkText('action', action),
    },
  }
}

const differs = (one: unknown, other: unknown) => JSON.stringify(one) !== JSON.stringify(other)

/** The names of the fields that differ. */
function changedFields(one: KnowledgeUnit, other: KnowledgeUnit): string[] {
  const fields = insightNames.filter((name) => one.insight[name] !== other.insight[name])
  return differs(one.domains, other.domains) ? ['domains', ...fields] : [...fields]
}

const editDefaults = {
  editedBy: '',
  seen: null as Pick<KnowledgeUnit, 'domains' | 'insight'> | null,
  ownProposals: true,
}

const decisionDefaults = {
  decision: 'approved' as UnitStatus,
  from: 'pending' as UnitStatus,
  reviewedBy: '',
  ownProposals: true,
}

export const curation = {
  decideMany: write(
    (now, ids, input) => {
      const given = checkOptions(input, decisionDefaults)
      const decider: Decider = {
        decision: checkOneOf('decision', input.decision, unitStatuses),
        from: checkOneOf('from', given.from, unitStatuses),
        reviewedBy: checkText('reviewedBy', input.reviewedBy),
        ownProposals: checkFlag('ownProposals', given.ownProposals),
        at: columnTimestamp(now),
      }
      if (decider.decision === decider.from)
        throw new StoreError(
          'invalid',
          `decision must differ from '${decider.from}', the status before`,
        )
      return [checkIds(ids), decider]
    },
    function* (ids, decider) {
      const outcomes: DecisionOutcome[] = []
      // In one order everywhere, so that two servers never wait for each other.
      const inOrder = ids
        .map((id, at) => ({ id, at }))
        .sort((one, other) => compareTexts(one.id, other.id))
      for (const { id, at } of inOrder) outcomes[at] = yield* decideOne(id, decider)
      return outcomes
    },
  ),

  editUnit: write(
    (now, id, edit, options) => {
      const { seen, ownProposals } = checkOptions(
        options as typeof editDefaults | undefined,
        editDefaults,
      )
      return [
        checkText('id', id),
        checkEdit(edit),
        {
          editedBy: checkText('editedBy', options.editedBy),
          seen: checkSeen(seen),
          ownProposals: checkFlag('ownProposals', ownProposals),
        },
        now,
      ]
    },
    function* (id, { domains, insight }, { editedBy, seen, ownProposals }, now) {
      const row = yield* first(lockUnit, { id })
      const unit = row && (yield* unlessUnreadable(() => readUnit(row)))
      if (!unit) throw unitNotFound(id)
      if (!ownProposals && unit.created_by === editedBy)
        throw new StoreError(
          'conflict',
          `${id} was proposed by ${editedBy}, so that another reviewer must edit it`,
        )
      const { summary, detail, action } = unit.insight
      if (seen && differs(seen, { domains: unit.domains, insight: { summary, detail, action } }))
        throw new StoreError('conflict', `${id} was changed meanwhile`)
      const edited = {
        ...unit,
        domains: domains ? normalizeDomains(domains) : unit.domains,
        insight: { ...unit.insight, ...insight },
      }
      const fields = changedFields(unit, edited)
      if (fields.length > 0) {
        const record = toRecord(edited, now)
        yield* replaceDocument(record)
        const entry = {
          at: columnTimestamp(now),
          actor: editedBy,
          action: 'edited' as const,
          detail: fields.join(', '),
        }
        yield* change(insertHistory, { unitId: id, ...entry })
        return toItem(unitOf(new UnitText({ ...row, data: record.data })), row)
      }
      return toItem(unitOf(new UnitText(row, unit)), row)
    },
  ),

  unitHistory: read(
    (_now, id) => [checkText('id', id)],
    function* (id) {
      return (yield* all(selectHistory, { id })) as HistoryEntry[]
    },
  ),
} satisfies OperationsFor<keyof Curation>
