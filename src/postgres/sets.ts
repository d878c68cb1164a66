import { StoreError } from '../errors.ts'
import type { StoredUnit } from '../knowledge/document.ts'
import { operations } from '../operations/index.ts'
import type { StoreMethod } from '../operations/operation.ts'
import type { Call } from '../operations/operation-store.ts'
import type { Claim } from '../operations/proposals.ts'
import { lockApproved, type UnitRecord, unitNotFound, updateDocument } from '../operations/units.ts'
import type { Step, Steps } from '../sql/steps.ts'
import { type Outcome, runTogether, type Surroundings } from './run-steps.ts'

// Writes that are made together as few statements, however many they are. What they mean stands in the operations.

/** Carries out calls of the same kind inside of a transaction. */
export type Set = (calls: Calls, surroundings: Surroundings) => Promise<Outcome[]>

/** Calls, of which there is at least one. */
export type Calls = readonly [Call, ...Call[]]

/** Thrown where a call fails that has changed something, so that its transaction must be rolled back. */
export class HalfDone extends Error {
  override readonly name = 'HalfDone'
}

interface StoredRecord extends UnitRecord {
  readonly status?: string
  readonly reviewedBy?: string | null
  readonly reviewedAt?: string | null
}

const insertUnits = `with stored as (
    insert into knowledge_units (id, data, tier, created_at, status, reviewed_by, reviewed_at)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
      as given (id, data, tier, created_at, status, reviewed_by, reviewed_at)
    order by id
    on conflict do nothing
    returning id
  ), named as (
    insert into knowledge_unit_domains (unit_id, domain)
    select given.unit_id, given.domain
    from stored join unnest($8::text[], $9::text[]) as given (unit_id, domain) on given.unit_id = stored.id
  )
  select id from stored`

/** Adds the units whose ids are not taken. Of several with one id, the first is added. Returns the ids of those added. */
async function store(
  records: readonly StoredRecord[],
  { send }: Surroundings,
): Promise<globalThis.Set<unknown>> {
  const firsts = new Map<string, StoredRecord>()
  for (const record of records) if (!firsts.has(record.id)) firsts.set(record.id, record)
  const units = [...firsts.values()]
  if (units.length === 0) return new Set()
  const domains = units.flatMap(({ id, domains }) =>
    (JSON.parse(domains) as string[]).map((domain) => ({ id, domain })),
  )
  const { rows } = await send(insertUnits, [
    units.map(({ id }) => id),
    units.map(({ data }) => data),
    units.map(({ tier }) => tier),
    units.map(({ createdAt }) => createdAt),
    units.map(({ status = 'pending' }) => status),
    units.map(({ reviewedBy = null }) => reviewedBy),
    units.map(({ reviewedAt = null }) => reviewedAt),
    domains.map(({ id }) => id),
    domains.map(({ domain }) => domain),
  ])
  return new Set(rows.map(({ id }) => id))
}

const alreadyExists = (id: string) =>
  new StoreError('conflict', `Knowledge unit already exists: ${id}`)

/** Each call adds one unit. */
async function insert(calls: Calls, surroundings: Surroundings): Promise<Outcome[]> {
  const records = calls.map(([, , record]) => record as StoredRecord)
  const stored = await store(records, surroundings)
  // Of several with one id, the first has it.
  return records.map(({ id }) =>
    stored.delete(id) ? { result: undefined } : { error: alreadyExists(id) },
  )
}

/** The records that are not among those stored, or repeat one that is. */
function* notStored(records: readonly StoredRecord[], stored: ReadonlySet<unknown>) {
  const left = new Set(stored)
  for (const record of records) if (!left.delete(record.id)) yield record
}

/** Adds all units of a call, or none. @throws {HalfDone} */
async function storeAll(records: readonly StoredRecord[], surroundings: Surroundings) {
  const stored = await store(records, surroundings)
  const [missing] = notStored(records, stored)
  if (!missing) return undefined
  const error = alreadyExists(missing.id)
  if (stored.size > 0) throw new HalfDone('some were stored', { cause: error })
  return error
}

async function insertMany([call]: Calls, surroundings: Surroundings): Promise<Outcome[]> {
  const error = await storeAll(call[2] as StoredRecord[], surroundings)
  return [error ? { error } : { result: undefined }]
}

async function importUnits([call]: Calls, surroundings: Surroundings): Promise<Outcome[]> {
  const [, , records, existing] = call as unknown as readonly [
    unknown,
    unknown,
    StoredRecord[],
    string,
  ]
  if (existing === 'skip') return [{ result: (await store(records, surroundings)).size }]
  const error = await storeAll(records, surroundings)
  return [error ? { error } : { result: records.length }]
}

const updateUnit = 'update knowledge_units set data = $2, tier = $3 where id = $1'
// A statement of its own, so that it sees what another server stored before the unit was locked.
const replaceDomains = `with gone as (
    delete from knowledge_unit_domains where unit_id = $1 and domain <> all($2::text[])
  )
  insert into knowledge_unit_domains (unit_id, domain) select $1, unnest($2::text[])
  on conflict do nothing`

async function update([call]: Calls, { send }: Surroundings): Promise<Outcome[]> {
  const { id, data, tier, domains } = call[2] as UnitRecord
  const { changes } = await send(updateUnit, [id, data, tier])
  if (changes === 0) return [{ error: unitNotFound(id) }]
  await send(replaceDomains, [id, JSON.parse(domains)])
  return [{ result: undefined }]
}

const updateDocuments = `update knowledge_units set data = given.data
  from unnest($1::text[], $2::text[]) as given (id, data) where knowledge_units.id = given.id`

/**
 * Calls that each change the document of an approved unit. The units are locked and read at once, changed here by one
 * call after the other, and written at once.
 */
async function amend(calls: Calls, surroundings: Surroundings): Promise<Outcome[]> {
  const { send, notice } = surroundings
  const ids = [...new Set(calls.map(([, , id]) => id as string))]
  const { sql, bind } = lockApproved.compiled('postgres')
  const { rows } = await send(sql, bind({ id: ids }))
  const units = new Map((rows as unknown as StoredUnit[]).map((row) => [row.id, row]))
  const changed = new Map<string, string>()
  const answer = (step: { readonly notice: string } | Step) => {
    if ('notice' in step) return notice(step.notice)
    const { id, data } = step.params as { readonly id: string; readonly data: string }
    const unit = units.get(id)
    if (step.statement === (lockApproved as unknown)) return unit ? [unit] : []
    if (step.statement !== (updateDocument as unknown) || !unit)
      throw new StoreError('internal', `an amendment must not ${step.statement.name}`)
    units.set(id, { ...unit, data })
    changed.set(id, data)
    return 1
  }
  const outcomes = calls.map((call) => drive(stepsOf(call), answer))
  if (changed.size > 0) await send(updateDocuments, [[...changed.keys()], [...changed.values()]])
  return outcomes
}

/** Runs an operation whose steps are answered at once. */
function drive(
  steps: Steps<unknown>,
  answer: (step: { readonly notice: string } | Step) => unknown,
): Outcome {
  try {
    let next = steps.next()
    while (!next.done) next = steps.next(answer(next.value as Step))
    return { result: next.value }
  } catch (error) {
    return { error }
  }
}

/** An operation that is to run. */
export function stepsOf([method, , ...prepared]: Call): Steps<unknown> {
  return operations[method].run(...prepared)
}

const claimAll = `insert into cq_store_proposals (key, fingerprint, unit_id, at)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as given (key, fingerprint, unit_id, at)
  order by key
  on conflict (key) do update
    set fingerprint = excluded.fingerprint, unit_id = excluded.unit_id, at = excluded.at
    where cq_store_proposals.at <= $5
  returning unit_id`
const forgetSome = `delete from cq_store_proposals
  where entry in (select entry from cq_store_proposals order by entry limit 1000) and at <= $1`

/** Each call adds one unit, unless its proposal is known; those that are go on alone. */
async function propose(calls: Calls, surroundings: Surroundings): Promise<Outcome[]> {
  const claims = new Map<string, { readonly record: StoredRecord; readonly claim: Claim }>()
  for (const [, , record, claim] of calls as unknown as [never, never, StoredRecord, Claim][])
    if (!claims.has(claim.key)) claims.set(claim.key, { record, claim })
  const first = [...claims.values()].map(({ claim }) => claim)
  const since = Math.min(...first.map((claim) => claim.since))
  const { rows } = await surroundings.send(claimAll, [
    first.map(({ key }) => key),
    first.map(({ fingerprint }) => fingerprint),
    first.map(({ unitId }) => unitId),
    first.map(({ at }) => at),
    since,
  ])
  const claimed = new Set(rows.map(({ unit_id }) => unit_id))
  const records = [...claims.values()]
    .map(({ record }) => record)
    .filter(({ id }) => claimed.has(id))
  const [missing] = notStored(records, await store(records, surroundings))
  if (missing) throw new HalfDone('it was claimed', { cause: alreadyExists(missing.id) })
  if (first.some(({ cleans }) => cleans)) await surroundings.send(forgetSome, [since])
  const outcomes: Outcome[] = []
  for (const call of calls) {
    const { id } = call[2] as StoredRecord
    if (claimed.delete(id)) outcomes.push({ result: null })
    else outcomes.push(...(await runTogether([stepsOf(call)], surroundings)))
  }
  return outcomes
}

/** By method, how calls are carried out together, and which others they go together with. */
export const sets: Partial<Record<StoreMethod, { readonly set: Set; readonly most: number }>> = {
  insert: { set: insert, most: Infinity },
  propose: { set: propose, most: Infinity },
  confirm: { set: amend, most: Infinity },
  flag: { set: amend, most: Infinity },
  insertMany: { set: insertMany, most: 1 },
  importUnits: { set: importUnits, most: 1 },
  update: { set: update, most: 1 },
}
