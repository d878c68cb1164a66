import { StoreError } from '../errors.ts'
import { readUnit, UnitText } from '../knowledge/document.ts'
import { parseKnowledgeUnit } from '../knowledge/knowledge-unit.ts'
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
import { reviewColumns, toItem, updateStatus } from './reviews.ts'
import { recordOf, replaceDomains, unitNotFound, updateDocument } from './units.ts'

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

/** Its review status alone: documents may be long, and are not needed to decide. */
const lockStatus = statement(
  "select a unit's review status, to be changed",
  (db, p: { id: string }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(['id', 'status', 'reviewed_by', 'reviewed_at'])
      .where(isKey('id', p.id, dialect))
      .$if(dialect === 'postgres', (query) => query.orderBy('id').forUpdate()),
  { key: 'id' },
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
const mostDecided = 500
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
  const row = yield* first(lockStatus, { id })
  if (!row)
    return { unit_id: id, outcome: 'not_found', status: null, reviewed_by: null, reviewed_at: null }
  const status = row.status as UnitStatus
  const before = { status, reviewed_by: row.reviewed_by, reviewed_at: row.reviewed_at }
  if (status !== from) return { unit_id: id, outcome: 'conflict', ...before }
  if (!ownProposals && (yield* proposerOf(id)) === reviewedBy)
    return { unit_id: id, outcome: 'forbidden', ...before }
  const isOpened = decision === 'pending'
  const after = {
    status: decision,
    reviewed_by: isOpened ? null : reviewedBy,
    reviewed_at: isOpened ? null : at,
  }
  const { reviewed_by, reviewed_at } = after
  yield* change(updateStatus, {
    id,
    status: decision,
    reviewedBy: reviewed_by,
    reviewedAt: reviewed_at,
  })
  if (from !== 'pending') {
    const action = isOpened ? 'reopened' : 'revised'
    const detail = `${status} by ${row.reviewed_by ?? 'unknown'} at ${row.reviewed_at ?? 'an unknown time'} before`
    yield* change(insertHistory, { unitId: id, at, actor: reviewedBy, action, detail })
  }
  return { unit_id: id, outcome: 'decided', ...after }
}

/** Who proposed a unit; `null` if its document does not tell. */
function* proposerOf(id: string): Steps<string | null> {
  const row = yield* first(lockUnit, { id })
  return (row && (yield* unlessUnreadable(() => readUnit(row)))?.created_by) ?? null
}

const insightNames = ['summary', 'detail', 'action'] as const
const checkDomains = checkTexts('domains', 10_000)

interface CheckedEdit {
  readonly domains?: string[]
  readonly insight: Partial<Insight>
}

/** Stands for what an edit leaves as it is: that may be anything that another program has stored. */
const unedited = {
  id: `ku_${'0'.repeat(32)}`,
  domains: ['unedited'],
  insight: { summary: 'unedited', detail: 'unedited', action: 'unedited' },
}

/** What is to be changed, within the limits of a unit. @throws {StoreError} `invalid` */
function checkEdit(edit: UnitEdit, now: Date): CheckedEdit {
  if (typeof edit !== 'object' || edit === null)
    throw new StoreError('invalid', 'edit must be an object')
  checkNames('an edit', edit, ['domains', 'insight'])
  const { domains, insight = {} } = edit
  if (typeof insight !== 'object' || insight === null)
    throw new StoreError('invalid', 'insight must be an object')
  checkNames('an insight', insight, insightNames)
  const given = insightNames.filter((name) => insight[name] !== undefined)
  const texts = Object.fromEntries(given.map((name) => [name, insight[name]]))
  const checked = parseKnowledgeUnit(
    {
      ...unedited,
      ...(domains !== undefined && { domains }),
      insight: { ...unedited.insight, ...texts },
    },
    now,
  )
  return {
    ...(domains !== undefined && { domains: checked.domains }),
    insight: Object.fromEntries(given.map((name) => [name, checked.insight[name]])),
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
        checkEdit(edit, now),
        {
          editedBy: checkText('editedBy', options.editedBy),
          seen: checkSeen(seen),
          ownProposals: checkFlag('ownProposals', ownProposals),
          at: columnTimestamp(now),
        },
      ]
    },
    function* (id, { domains, insight }, { editedBy, seen, ownProposals, at }) {
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
      // What cq does not know of a document stays, as it does when a unit is confirmed.
      const edited: KnowledgeUnit = {
        ...unit,
        domains: domains ?? unit.domains,
        insight: { ...unit.insight, ...insight },
      }
      const fields = changedFields(unit, edited)
      if (fields.length === 0) return toItem(unitOf(new UnitText(row, unit)), row)
      const record = recordOf(edited)
      yield* change(updateDocument, record)
      if (fields.includes('domains')) yield* replaceDomains(record)
      const entry = { unitId: id, at, actor: editedBy, action: 'edited' as const }
      yield* change(insertHistory, { ...entry, detail: fields.join(', ') })
      return toItem(unitOf(new UnitText({ ...row, data: record.data }, edited)), row)
    },
  ),

  unitHistory: read(
    (_now, id) => [checkText('id', id)],
    function* (id) {
      return (yield* all(selectHistory, { id })) as HistoryEntry[]
    },
  ),
} satisfies OperationsFor<keyof Curation>
