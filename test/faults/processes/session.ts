import { openSync, readSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type KnowledgeUnitInput, SqliteStore, StoreError } from '../../../src/index.ts'
import { sampleUnit, unitId } from '../../store/samples.ts'
import { type CaseOutcome, callKinds, type DiskFault, errnoOf } from '../disk.ts'

/** A process that runs the same session again and again, each time with another fault of the disk. */

const [directory = '', control = '', cases = '[]'] = process.argv.slice(2)
const file = openSync(control, 'r+')
const fields = 6
const log = { warn() {}, error() {} }
const noon = new Date('2026-11-22T12:00:00Z')
/** Far beyond what any call takes: its own deadline is shorter. */
const patience = 15_000
const timeout = 3_000
/** What the disk's faults may be told as. One that can't be read is to SQLite a file that is damaged. */
const right = ['unavailable', 'outcome_unknown', 'timeout']
let mayBeDamaged = false

function arm(fault: DiskFault | null): void {
  const values = fault
    ? [1, callKinds.indexOf(fault.kind), fault.at, errnoOf(fault), fault.goesOn ? 1 : 0, 0]
    : [0, 0, 0, 0, 0, 0]
  writeSync(file, Int32Array.from([...values, ...callKinds.map(() => 0)]), 0, undefined, 0)
}

function disarm(): { happened: boolean; counts: number[] } {
  const values = new Int32Array(fields + callKinds.length)
  readSync(file, values, 0, values.byteLength, 0)
  writeSync(file, Int32Array.from([0]), 0, undefined, 0)
  return { happened: values[5] !== 0, counts: [...values.subarray(fields)] }
}

const unit = (number: number, parts: Parameters<typeof sampleUnit>[2] = {}): KnowledgeUnitInput =>
  sampleUnit(unitId(number), noon, { domains: ['kept'], ...parts })

/** What is written, and how to see whether it is there. */
const writes: Record<
  string,
  {
    write(store: SqliteStore): Promise<unknown>
    isThere(store: SqliteStore): Promise<boolean>
  }
> = {
  insert: {
    write: (store) => store.insert(unit(1)),
    isThere: async (store) => (await store.getAny(unitId(1))) !== null,
  },
  insertMany: {
    write: (store) => store.insertMany([2, 3, 4, 5].map((number) => unit(number))),
    isThere: async (store) => {
      const found = await Promise.all([2, 3, 4, 5].map((number) => store.getAny(unitId(number))))
      const count = found.filter((one) => one !== null).length
      if (count !== 0 && count !== 4) throw new Error(`${count} of 4 units are there`)
      return count === 4
    },
  },
  importUnits: {
    write: (store) =>
      store.importUnits([
        { knowledge_unit: unit(6, { created_by: 'x'.repeat(200) }), status: 'approved' },
      ]),
    isThere: async (store) => (await store.get(unitId(6))) !== null,
  },
  confirm: {
    write: (store) => store.confirm(unitId(6)),
    isThere: async (store) => (await store.get(unitId(6)))?.evidence.confirmations === 2,
  },
  large: {
    write: (store) => store.insert(unit(7, { extensions: { 'a:b': 'x'.repeat(100_000) } })),
    isThere: async (store) => (await store.getAny(unitId(7))) !== null,
  },
  createUser: {
    write: (store) => store.createUser('carol', 'hash'),
    isThere: async (store) => (await store.getUser('carol')) !== null,
  },
  removeUnit: {
    write: (store) => store.removeUnit(unitId(7)),
    isThere: async (store) => (await store.getAny(unitId(7))) === null,
  },
}
const reads: Record<string, (store: SqliteStore) => Promise<unknown>> = {
  query: (store) => store.query(['kept']),
  getAny: (store) => store.getAny(unitId(2)),
  reviewQueue: (store) => store.reviewQueue(),
  listUnits: (store) => store.listUnits({ confidenceMin: 0.2 }),
  reviewStats: (store) => store.reviewStats(),
}

interface Told {
  readonly code: string
  readonly value?: unknown
}

async function told(name: string, call: Promise<unknown>, faults: string[]): Promise<Told> {
  const late: Told = { code: 'hangs' }
  const ended = call.then(
    (value): Told => ({ code: 'done', value }),
    (error: unknown): Told => ({ code: error instanceof StoreError ? error.code : String(error) }),
  )
  const first = await Promise.race([ended, delay(patience, late, { ref: false })])
  // What another one did not store is not found.
  const isRight =
    ['done', 'not_found', ...right].includes(first.code) ||
    (first.code === 'corrupt' && mayBeDamaged)
  if (!isRight) faults.push(`${name} ended with ${first.code}`)
  return first
}

async function runCase(fault: DiskFault | null, number: number): Promise<CaseOutcome> {
  const path = join(directory, `${number}.db`)
  const faults: string[] = []
  const codes = new Map<string, string>()
  mayBeDamaged = fault?.kind === 'read'
  arm(fault)
  const options = { path, log, timeout, busyTimeout: 200, readers: 1, durability: 'full' } as const
  const opened = await told('open', SqliteStore.open(options), faults)
  if (opened.value instanceof SqliteStore) {
    const store = opened.value
    for (const [name, { write }] of Object.entries(writes)) {
      codes.set(name, (await told(name, write(store), faults)).code)
      for (const [read, call] of Object.entries(reads)) await told(read, call(store), faults)
    }
    const ready = await told('readiness', store.readiness(), faults)
    if (ready.code !== 'done') faults.push(`readiness ended with ${ready.code}`)
    await told('close', store.close(), faults)
  }
  const outcome = disarm()
  await using again = await SqliteStore.open({ path, log, readers: 1, rankers: 0 })
  for (const [name, code] of codes) {
    const isThere = await writes[name]?.isThere(again)
    // Whose removal took it, or whose confirmation stands for it.
    const isGone = name === 'large' && codes.get('removeUnit') !== 'not_found'
    if (code === 'done' && !isThere && !isGone) faults.push(`${name} was acknowledged and is lost`)
    if (['unavailable', 'timeout'].includes(code) && isThere && name !== 'removeUnit')
      faults.push(`${name} was told as ${code} and is there`)
  }
  await again.close()
  for (const end of ['', '-wal', '-shm']) await rm(path + end, { force: true })
  return { ...outcome, faults }
}

for (const [number, fault] of (JSON.parse(cases) as (DiskFault | null)[]).entries()) {
  const outcome = await runCase(fault, number).catch((error: unknown) => ({
    ...disarm(),
    faults: [`the database can not be used afterwards: ${error}`],
  }))
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
}
process.exit()
