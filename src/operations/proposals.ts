import { StoreError } from '../errors.ts'
import { parseKnowledgeUnit } from '../knowledge/knowledge-unit.ts'
import { type ProposalMark, proposalMark, recognisedFor } from '../knowledge/same-proposal.ts'
import { statement } from '../sql/statement.ts'
import { change, first, type Steps } from '../sql/steps.ts'
import type { Proposals } from '../store.ts'
import { checkOptions, checkText } from './arguments.ts'
import type { EmbeddedUnit } from './json-text.ts'
import { type OperationsFor, write } from './operation.ts'
import { readableUnit } from './readable.ts'
import { insertRecord, recordOf, selectAny, type UnitRecord } from './units.ts'

/** A proposal as it is recognised, and since when others count. */
export interface Claim extends ProposalMark {
  readonly unitId: string
  /** In milliseconds since 1970. */
  readonly at: number
  readonly since: number
  /** Whether some old proposals are deleted with it. */
  readonly cleans: boolean
}

/** Only one of several servers claims a key; the others wait for it. */
const claimProposal = statement('claim a proposal', (db, p: Claim) =>
  db
    .insertInto('cq_store_proposals')
    .values({ key: p.key, fingerprint: p.fingerprint, unit_id: p.unitId, at: p.at })
    .onConflict((taken) =>
      taken
        .column('key')
        .doUpdateSet({ fingerprint: p.fingerprint, unit_id: p.unitId, at: p.at })
        .where('cq_store_proposals.at', '<=', p.since),
    ),
)

const selectProposal = statement('select a proposal', (db, p: { key: string }) =>
  db.selectFrom('cq_store_proposals').select(['fingerprint', 'unit_id']).where('key', '=', p.key),
)

const replaceProposal = statement(
  'replace a proposal whose unit is gone',
  (db, p: Claim & { goneId: string }) =>
    db
      .updateTable('cq_store_proposals')
      .set({ unit_id: p.unitId, at: p.at })
      .where('key', '=', p.key)
      .where('unit_id', '=', p.goneId),
)

/** One proposal in so many, by its time, deletes old ones, and twice as many, so that none stay. */
const cleanedAfter = 32

const deleteOldProposals = statement(
  'delete some proposals that are no longer recognised',
  (db, p: { since: number }) =>
    db
      .deleteFrom('cq_store_proposals')
      .where('entry', 'in', (eb) =>
        eb
          .selectFrom('cq_store_proposals')
          .select('entry')
          .orderBy('entry')
          .limit(eb.lit(2 * cleanedAfter)),
      )
      .where('at', '<=', p.since),
)

/** How often another one may take the place of a unit that is gone. */
const mostReplaced = 3

/** Adds a unit, unless its proposal is known. Resolves to the unit that is there then. */
function* proposeUnit(record: UnitRecord, claim: Claim): Steps<EmbeddedUnit | null> {
  if ((yield* change(claimProposal, claim)) === 0) {
    const known = yield* knownUnit(claim)
    if (known) return known
  }
  yield* insertRecord(record)
  if (claim.cleans) yield* change(deleteOldProposals, claim)
  return null
}

/** @throws {StoreError} `conflict` if the key stands for another proposal */
function* knownUnit(claim: Claim): Steps<EmbeddedUnit | undefined> {
  for (let times = 0; times < mostReplaced; times++) {
    const known = yield* first(selectProposal, { key: claim.key })
    if (!known) return undefined
    if (known.fingerprint !== claim.fingerprint)
      throw new StoreError(
        'conflict',
        'the idempotency key was used for another proposal within 24 hours; make a new key for a new proposal',
      )
    const unit = yield* readableUnit(yield* first(selectAny, { id: known.unit_id }))
    if (unit) return unit
    if ((yield* change(replaceProposal, { ...claim, goneId: known.unit_id })) > 0) return undefined
  }
  throw new StoreError('unavailable', 'the units of this proposal are being removed; try again')
}

const longestKey = 255

function checkKey(value: unknown): string | undefined {
  const key = checkText('idempotencyKey', value)
  if (key.length > longestKey) {
    const why = `idempotencyKey must be at most ${longestKey} characters, got ${key.length}`
    throw new StoreError('invalid', why)
  }
  return key === '' ? undefined : key
}

export const proposals = {
  propose: write((now, input, options) => {
    const { idempotencyKey } = checkOptions(options, { idempotencyKey: '' })
    const unit = parseKnowledgeUnit(input, now)
    const record = recordOf(unit)
    const claim: Claim = {
      ...proposalMark(unit, checkKey(idempotencyKey)),
      unitId: record.id,
      at: now.getTime(),
      since: now.getTime() - recognisedFor,
      cleans: now.getTime() % cleanedAfter === 0,
    }
    return [record, claim]
  }, proposeUnit),
} satisfies OperationsFor<keyof Proposals>
