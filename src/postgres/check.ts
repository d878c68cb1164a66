import type { StoredUnit } from '../knowledge/document.ts'
import {
  type Check,
  type Finding,
  mendedDocument,
  mostExamples,
  type Rebuilt,
  UnitFaults,
  type UnitRow,
} from '../operations/unit-faults.ts'
import type { Send } from './connection.ts'
import { countedUnits, makeParts } from './migrations/changes-and-counts.ts'
import { queueAll, selectTextDrift } from './migrations/texts.ts'
import { planIn } from './migrator.ts'
import { faultyParts } from './parts.ts'
import { inTransaction } from './transaction.ts'

/** Units that are read at once. */
const atOnce = 500

const selectUnits = `select id, data, tier, status, created_at, reviewed_at,
    (select coalesce(json_agg(domain), '[]')::text from knowledge_unit_domains where unit_id = id) as domains
  from knowledge_units where id collate "C" > $1 order by id collate "C" nulls first limit ${atOnce}`

const selectDrift = (minuend: string, subtrahend: string) =>
  `select kind, name, count from (${minuend} except ${subtrahend}) as drift order by 1, 2 limit ${mostExamples}`
const counted = 'select kind, name, count from cq_store_counts where count <> 0'

/**
 * What is wrong with a database, as of one moment; nothing is changed. PostgreSQL has tools of its own for damaged
 * files: `pg_amcheck`, and checksums.
 * @throws {StoreError} if the database is not cq's
 */
export async function check(send: Send): Promise<Finding[]> {
  const { steps } = await planIn(send)
  const pending = steps.filter(({ applied }) => !applied)
  const findings: Finding[] = []
  const add = (name: Check, messages: readonly string[]) => {
    for (const message of messages) findings.push({ check: name, message })
  }
  await inTransaction(send, { kind: 'snapshot' }, async () => {
    if (pending.length > 0)
      add(
        'schema',
        pending.map(({ name }) => `the step '${name}' is pending: cq-store migrate takes it`),
      )
    else {
      const faults = await faultyParts(send)
      add(
        'schema',
        faults.map(({ message }) => message),
      )
      if (!faults.some(({ what }) => what === 'table')) add('derived tables', await drift(send))
    }
    if (steps[0]?.applied) {
      const units = new UnitFaults()
      for await (const row of everyUnit(send)) units.find(row)
      add('documents', units.documents)
      add('domains', units.domains)
    }
  })
  return findings
}

/** Makes what is missing beside the units, repairs references in documents and counts anew, in one transaction. */
export async function rebuild(send: Send): Promise<Rebuilt> {
  const { steps } = await planIn(send)
  if (steps.some(({ applied }) => !applied)) return { tables: [], documents: [] }
  return inTransaction(send, { kind: 'write' }, async () => {
    await send('lock table knowledge_units in share row exclusive mode')
    const mended: string[] = []
    for await (const row of everyUnit(send)) {
      const data = mendedDocument(row as StoredUnit)
      if (data === undefined) continue
      await send('update knowledge_units set data = $2 where id = $1', [row.id, data])
      mended.push(row.id)
    }
    const faulty = await faultyParts(send)
    await makeParts(send, faulty)
    for (const sql of queueAll) await send(sql)
    const tables = new Set([
      ...faulty.map(({ name }) => name),
      'cq_store_count_slots',
      'cq_store_texts',
    ])
    return { tables: [...tables], documents: mended }
  })
}

async function* everyUnit(send: Send): AsyncGenerator<UnitRow> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { rows } = await send(selectUnits, [after])
    const units = rows as unknown as UnitRow[]
    yield* units
    after = units.at(-1)?.id
  }
}

async function drift(send: Send): Promise<string[]> {
  const expected = `select kind, name, count(*) as count from (${countedUnits}) as counted group by 1, 2`
  const rows = async (minuend: string, subtrahend: string, words: string) =>
    (await send(selectDrift(minuend, subtrahend))).rows.map(
      ({ kind, name, count }) =>
        `cq_store_counts ${words} ${JSON.stringify({ kind, name, count: Number(count) })}`,
    )
  const texts = (await send(`${selectTextDrift} limit ${mostExamples}`)).rows.map(
    ({ unit_id, approved }) =>
      `cq_store_texts ${approved ? 'lacks' : 'should not have'} ${JSON.stringify({ unit_id })}`,
  )
  return [
    ...texts,
    ...(await rows(expected, counted, 'lacks')),
    ...(await rows(counted, expected, 'should not have')),
  ]
}
