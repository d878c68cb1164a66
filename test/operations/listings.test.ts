import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Connection } from '../../src/offload/connection.ts'
import { operations } from '../../src/operations/index.ts'
import type { ListOptions, ReviewItem } from '../../src/store.ts'
import { rankerOf, textOf } from './as-a-worker.ts'
import { migratedDatabase } from './migrated-database.ts'

fc.configureGlobal({ seed: 20261122 })

const now = new Date('2026-11-22T12:00:00Z')
/** More than a listing sorts, whether by confidence or by domain. */
const unitCount = 12_500

interface Unit {
  readonly id: string
  readonly created_at: string
  readonly status: string
  readonly confidence: number
  readonly domains: readonly string[]
}

/** Some confidences and domains have thousands of units, and some very few. */
const units = Array.from({ length: unitCount }, (_, index): Unit => {
  const number = (index * 7919) % unitCount
  const minute = String(number % 60).padStart(2, '0')
  const hour = String(Math.floor(number / 60) % 24).padStart(2, '0')
  const status = index % 1_250 === 0 ? 'withdrawn' : ['pending', 'rejected'][index % 2]
  return {
    id: `ku_${index.toString(16).padStart(32, '0')}`,
    created_at: `2026-11-${10 + (number % 3)}T${hour}:${minute}:00.000000+00:00`,
    status: index % 3 === 0 ? 'approved' : (status ?? ''),
    confidence:
      index % 500 === 7 ? 0.1 + index / 1e6 : ([0.5, 0.5, 0.6, 0.7999999999999999][index % 4] ?? 0),
    domains: [index % 10 > 0 ? 'common' : 'other', ...(index % 50 === 0 ? ['rare'] : [])],
  }
})

const folder = mkdtempSync(join(tmpdir(), 'cq-store-listings-'))
let connection: Connection

beforeAll(() => {
  connection = migratedDatabase(join(folder, 'cq.db'))
  const insertUnit = connection.sqlite.prepare(
    'insert into knowledge_units (id, data, status, created_at) values (?, ?, ?, ?)',
  )
  const insertDomain = connection.sqlite.prepare('insert into knowledge_unit_domains values (?, ?)')
  connection.transactions.run(() => {
    for (const { id, created_at, status, confidence, domains } of units) {
      insertUnit.run(id, document(id, confidence, domains), status, created_at)
      for (const domain of domains) insertDomain.run(id, domain)
    }
  })
})
afterAll(() => {
  connection.sqlite.close()
  rmSync(folder, { recursive: true, force: true })
})

function document(id: string, confidence: number, domains: readonly string[]): string {
  const time = '2026-11-10T00:00:00.000000Z'
  return JSON.stringify({
    id,
    version: 1,
    domains,
    insight: { summary: '', detail: '', action: '' },
    context: { languages: [], frameworks: [], pattern: '' },
    evidence: { confidence, confirmations: 1, first_observed: time, last_confirmed: time },
    tier: 'private',
    flags: [],
  })
}

function listed(options: ListOptions): string[] {
  const { prepare, run } = operations.listUnits
  const items = JSON.parse(textOf(connection, run(...prepare(now, options)))) as ReviewItem[]
  return items.map(({ knowledge_unit }) => knowledge_unit.id)
}

/** The answer by the plain rule: every unit looked at, and sorted. */
function byRule(options: ListOptions): string[] {
  const { domain = '', status = '', confidenceMin = 0, confidenceMax = 1, limit = 100 } = options
  return units
    .filter((unit) => domain === '' || unit.domains.includes(domain))
    .filter((unit) => status === '' || unit.status === status)
    .filter(({ confidence }) => confidence >= confidenceMin)
    .filter(({ confidence }) => confidenceMax >= 1 || confidence < confidenceMax)
    .sort((one, other) => (newer(one, other) ? -1 : 1))
    .slice(0, limit)
    .map(({ id }) => id)
}

function newer(one: Unit, other: Unit): boolean {
  if (one.created_at !== other.created_at) return one.created_at > other.created_at
  return one.id > other.id
}

const bound = fc.oneof(
  fc.constantFrom(0, 0.1, 0.3, 0.5, 0.6, 0.7999999999999999, 0.8, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
)
const listing: fc.Arbitrary<ListOptions> = fc.record(
  {
    domain: fc.constantFrom('common', 'other', 'rare', 'none'),
    status: fc.constantFrom('pending', 'approved', 'rejected', 'withdrawn' as 'rejected'),
    confidenceMin: bound,
    confidenceMax: bound,
    limit: fc.constantFrom(0, 1, 20, 500),
  },
  { requiredKeys: [] },
)

describe.each(['without', 'with'])('a listing, %s the index of a ranker', (which) => {
  beforeAll(() => {
    if (which === 'with') rankerOf(connection)
  })

  it('holds what the plain rule says, whichever of its filters pass many units or few', () => {
    fc.assert(
      fc.property(listing, (options) => {
        expect(listed(options)).toEqual(byRule(options))
      }),
      { numRuns: 300 },
    )
  })

  it('leaves out what is no JSON where it is filtered by confidence', () => {
    connection.sqlite
      .prepare(
        "insert into knowledge_units (id, data, created_at) values ('odd', 'no JSON', '2027')",
      )
      .run()
    for (const options of [{ confidenceMin: 0.2 }, { confidenceMin: 0.1, confidenceMax: 0.11 }])
      expect(listed(options)).toEqual(byRule(options))
    connection.sqlite.exec("delete from knowledge_units where id = 'odd'")
  })
})
