import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { readUnit, type StoredUnit } from '../../src/knowledge/document.ts'
import type { KnowledgeUnit } from '../../src/knowledge/records.ts'
import { type RankingQuery, rank } from '../../src/knowledge/scoring.ts'
import type { Connection } from '../../src/offload/connection.ts'
import { operations } from '../../src/operations/index.ts'
import type { StoreMethod } from '../../src/operations/operation.ts'
import type { Steps } from '../../src/sql/steps.ts'
import type { Ranker } from '../../src/sqlite/ranker.ts'
import { indexOf, rankerOf, textOf } from './as-a-worker.ts'
import { migratedDatabase } from './migrated-database.ts'

const folder = mkdtempSync(join(tmpdir(), 'cq-ranking-'))
const now = new Date('2026-11-22T00:00:00Z')
let files = 0

function openDatabase(): Connection {
  return migratedDatabase(join(folder, `${files++}.db`))
}

/** Runs an operation as the store does, and gives its result as a caller gets it. */
function run(connection: Connection, method: StoreMethod, ...args: unknown[]): unknown {
  const { prepare, run } = operations[method] as {
    prepare(now: Date, ...args: unknown[]): unknown[]
    run(...prepared: unknown[]): Steps<unknown>
  }
  const text = textOf(connection, run(...prepare(now, ...args)))
  return text === '' ? undefined : JSON.parse(text)
}

function approvedUnits({ sqlite }: Connection): KnowledgeUnit[] {
  const select = sqlite.prepare("SELECT * FROM knowledge_units WHERE status = 'approved'")
  return (select.all() as StoredUnit[]).flatMap((stored) => {
    try {
      return [readUnit(stored)]
    } catch {
      // Left out of what queries find.
      return []
    }
  })
}

/** The answer by the plain formula: every approved unit with a queried domain, scored and sorted. */
function byFormula(
  units: readonly KnowledgeUnit[],
  query: RankingQuery,
  limit: number,
): KnowledgeUnit[] {
  return units
    .filter(({ domains }) => domains.some((domain) => query.domains.includes(domain)))
    .map((unit) => ({ unit, rank: rank(unit, query) }))
    .sort((one, other) => other.rank - one.rank || (one.unit.id < other.unit.id ? 1 : -1))
    .slice(0, limit)
    .map(({ unit }) => unit)
}

const idOf = (index: number) => `ku_${index.toString(16).padStart(32, '0')}`

/** Few domains, the first ones far more often, so that lists overlap and are long. */
const domainNames = [
  'sqlite',
  'wal',
  'nodejs',
  'http',
  'css',
  'go',
  'rust',
  'k8s',
  '\u{1f600}',
  'ﬀ',
]
const skewedDomain = fc
  .tuple(fc.nat(domainNames.length - 1), fc.nat(domainNames.length - 1))
  .map(([one, other]) => domainNames[Math.min(one, other)] as string)
const languageNames = ['go', 'python', '', '\u{1f600}', '7']
const frameworkNames = ['react', 'go', 'fastify', 'É', '']
const someOf = (names: readonly string[]) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.subarray([...names], { maxLength: 2 }) },
    { weight: 1, arbitrary: fc.subarray([...names]) },
  )
const languages = someOf(languageNames)
const frameworks = someOf(frameworkNames)
/** Some of them equal in lower case only; K is the Kelvin sign. */
const patternNames = ['storage', 'Storage', 'api', 'K8s', '\u212a8s', 'Étage', 'étage', 'ß', 'SS']
const pattern = fc.oneof(fc.constant(''), fc.constantFrom(...patternNames))
/** Few values, so that many units tie. */
const confidence = fc.oneof(
  fc.constantFrom(0, 0.35, 0.5, 0.6, 0.7, 0.7999999999999999, 0.8, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
)
const index = fc.nat(60)
const domains = fc.uniqueArray(skewedDomain, { minLength: 1, maxLength: 6 })
const unit = fc.record({
  index,
  domains,
  context: fc.record({ languages, frameworks, pattern }),
  confidence,
})
const status = fc.constantFrom('pending', 'approved', 'approved', 'approved', 'rejected')

type Action = (connection: Connection) => void

function toInput({ index, domains, context, confidence }: FromArbitrary<typeof unit>) {
  return {
    id: idOf(index),
    domains,
    context,
    insight: { summary: `unit ${index}`, detail: '', action: '' },
    evidence: { confidence },
  }
}

/** What a document may have in place of a context, by another program. */
const oddContext = fc.record(
  {
    languages: fc.constantFrom<unknown>(
      'go',
      { 0: 'go' },
      null,
      ['go', 7, null, ['go']],
      ['go', 'go'],
      Array(9).fill('go'),
    ),
    frameworks: fc.constantFrom<unknown>(
      'react',
      { react: ['react'] },
      7,
      [true, 'react'],
      ['react', 'react', 'É'],
    ),
    pattern: fc.constantFrom<unknown>(7, null, ['api'], { api: 'api' }, 'api'),
  },
  { requiredKeys: [] },
)

type FromArbitrary<T> = T extends fc.Arbitrary<infer V> ? V : never

/** An operation that may fail, as for a unit that is not there: then it changes nothing. */
function attempt(method: StoreMethod, ...args: unknown[]): Action {
  return (connection) => {
    try {
      connection.transactions.run(() => run(connection, method, ...args))
    } catch (error) {
      if (!['conflict', 'not_found'].includes((error as { code: string }).code)) throw error
    }
  }
}

/** A write as the reference server makes it: its own statements, in their order. */
function asReference(write: (sqlite: Connection['sqlite']) => void): Action {
  return ({ sqlite }) => sqlite.transaction(() => write(sqlite))()
}

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(unit, status).map(([one, state]) => insertWith(one, state)) },
  { weight: 2, arbitrary: unit.map((one) => attempt('update', toInput(one))) },
  { weight: 2, arbitrary: index.map((one) => attempt('confirm', idOf(one))) },
  { weight: 2, arbitrary: index.map((one) => attempt('flag', idOf(one), { reason: 'stale' })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(index, status)
      .map(([one, state]) => attempt('setReviewStatus', idOf(one), state, 'ada')),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(unit, status).map(([one, state]) => referenceInsert(one, state)),
  },
  { weight: 2, arbitrary: unit.map(referenceUpdate) },
  { weight: 1, arbitrary: fc.tuple(index, oddContext).map(otherContext) },
  { weight: 1, arbitrary: fc.tuple(unit, status).map(([one, state]) => replacement(one, state)) },
  {
    weight: 1,
    arbitrary: index.map((one) =>
      asReference((sqlite) =>
        sqlite.prepare('DELETE FROM knowledge_units WHERE id = ?').run(idOf(one)),
      ),
    ),
  },
)

function insertWith(one: FromArbitrary<typeof unit>, state: string): Action {
  return (connection) => {
    attempt('insert', toInput(one))(connection)
    attempt('setReviewStatus', idOf(one.index), state, 'ada')(connection)
  }
}

function referenceDocument(one: FromArbitrary<typeof unit>): string {
  const at = '2026-11-22T00:00:00.000001Z'
  const { id, domains, insight, context } = toInput(one)
  const evidence = {
    ...toInput(one).evidence,
    confirmations: 1,
    first_observed: at,
    last_confirmed: at,
  }
  return JSON.stringify({
    id,
    version: 1,
    domains,
    insight,
    context,
    evidence,
    tier: 'private',
    flags: [],
  })
}

function referenceInsert(one: FromArbitrary<typeof unit>, state: string): Action {
  return asReference((sqlite) => {
    const id = idOf(one.index)
    if (sqlite.prepare('SELECT 1 FROM knowledge_units WHERE id = ?').get(id)) return
    sqlite
      .prepare('INSERT INTO knowledge_units (id, data, created_at, tier) VALUES (?, ?, ?, ?)')
      .run(id, referenceDocument(one), '2026-11-22T00:00:00.000001+00:00', 'private')
    for (const domain of one.domains)
      sqlite
        .prepare('INSERT INTO knowledge_unit_domains (unit_id, domain) VALUES (?, ?)')
        .run(id, domain)
    sqlite
      .prepare(
        'UPDATE knowledge_units SET status = ?, reviewed_by = ?, reviewed_at = ? WHERE id = ?',
      )
      .run(state, 'ada', '2026-11-22T00:00:00.000001+00:00', id)
  })
}

function referenceUpdate(one: FromArbitrary<typeof unit>): Action {
  return asReference((sqlite) => {
    const id = idOf(one.index)
    const { changes } = sqlite
      .prepare('UPDATE knowledge_units SET data = ?, tier = ? WHERE id = ?')
      .run(referenceDocument(one), 'private', id)
    if (changes === 0) return
    sqlite.prepare('DELETE FROM knowledge_unit_domains WHERE unit_id = ?').run(id)
    for (const domain of one.domains)
      sqlite
        .prepare('INSERT INTO knowledge_unit_domains (unit_id, domain) VALUES (?, ?)')
        .run(id, domain)
  })
}

/** SQLite sets off no trigger for what it replaces. */
function replacement(one: FromArbitrary<typeof unit>, state: string): Action {
  return asReference((sqlite) =>
    sqlite
      .prepare('insert or replace into knowledge_units (id, data, status) values (?, ?, ?)')
      .run(idOf(one.index), referenceDocument(one), state),
  )
}

function otherContext([index, context]: readonly [number, object]): Action {
  return asReference((sqlite) =>
    sqlite
      .prepare(
        "UPDATE knowledge_units SET data = json_set(data, '$.context', json(?)) WHERE id = ?",
      )
      .run(JSON.stringify(context), idOf(index)),
  )
}

const query = fc.record({
  domains: fc.uniqueArray(fc.constantFrom(...domainNames, 'unknown'), {
    minLength: 1,
    maxLength: 11,
  }),
  languages: fc.oneof(fc.constant([]), someOf(['cobol', ...languageNames])),
  frameworks: fc.oneof(fc.constant([]), someOf(['none', ...frameworkNames])),
  pattern: fc.oneof(fc.constant(''), fc.constantFrom(...patternNames, 'STORAGE', 'other')),
})
const limit = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.constantFrom(33, 1000, 1e9))

function expectSameAsFormula(
  connection: Connection,
  asked: RankingQuery,
  most: number,
  units = approvedUnits(connection),
): void {
  const { domains, ...context } = asked
  const found = run(connection, 'query', domains, { ...context, limit: most })
  expect(found).toEqual(byFormula(units, asked, most))
}

const noContext = { languages: [], frameworks: [], pattern: '' }

function catchUp(connection: Connection, ranker: Ranker): void {
  connection.transactions.run(() => ranker.catchUp())
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a query', () => {
  it('answers what the plain formula answers, whatever was written and by whom', () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 60 }),
        fc.array(action, { minLength: 1, maxLength: 60 }),
        fc.array(fc.tuple(query, limit), { minLength: 1, maxLength: 12 }),
        (before, later, queries) => {
          const connection = openDatabase()
          try {
            for (const act of before) act(connection)
            const ranker = rankerOf(connection)
            for (const [place, act] of later.entries()) {
              act(connection)
              if (place % 7 === 0) catchUp(connection, ranker)
            }
            catchUp(connection, ranker)
            for (const [asked, most] of queries) expectSameAsFormula(connection, asked, most)
            // One that has followed all changes, and one that begins here, know the same.
            rankerOf(connection)
            for (const [asked, most] of queries) expectSameAsFormula(connection, asked, most)
          } finally {
            connection.close()
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('follows changes that are more than are kept, by reading all units anew', () => {
    const connection = openDatabase()
    try {
      const asked = { ...noContext, domains: ['sqlite'] }
      const one = (index: number) => ({
        index,
        domains: ['sqlite'],
        context: noContext,
        confidence: index / 10,
      })
      for (const index of [1, 2, 3]) insertWith(one(index), 'approved')(connection)
      const ranker = rankerOf(connection)
      attempt('setReviewStatus', idOf(1), 'rejected', 'ada')(connection)
      insertWith(one(4), 'approved')(connection)
      const kept = connection.sqlite.prepare('select count(*) from cq_store_changes').pluck()
      const noted = kept.get()
      // As if so many had followed that only the last one is still known.
      connection.sqlite.exec(`update cq_store_changes set change = change + 1000000
        where change = (select max(change) from cq_store_changes);
        delete from cq_store_changes where change < 1000000`)
      expect([noted, kept.get()]).toEqual([5, 1])
      catchUp(connection, ranker)
      expect(indexOf(connection)?.size).toBe(3)
      expectSameAsFormula(connection, asked, 5)
      attempt('confirm', idOf(2))(connection)
      catchUp(connection, ranker)
      expectSameAsFormula(connection, asked, 5)
    } finally {
      connection.close()
    }
  })

  it('is not answered from a part of the units, where reading them anew failed', () => {
    const connection = openDatabase()
    try {
      for (let index = 0; index < 1_200; index++)
        insertWith(
          { index, domains: ['sqlite'], context: noContext, confidence: 0.5 },
          'approved',
        )(connection)
      const ranker = rankerOf(connection)
      connection.sqlite.exec(`insert into cq_store_changes values (1000000, 'ku_any');
        delete from cq_store_changes where change < 1000000`)
      const { prepare } = connection
      let statements = 0
      // As where the disk fails for a moment, in the midst of it.
      connection.prepare = (sql) => {
        if (++statements === 4) throw new Error('the disk failed')
        return prepare.call(connection, sql) as never
      }
      expect(() => catchUp(connection, ranker)).toThrow('the disk failed')
      connection.prepare = prepare
      catchUp(connection, ranker)
      expect(indexOf(connection)?.size).toBe(1_200)
      expectSameAsFormula(connection, { ...noContext, domains: ['sqlite'] }, 1e9)
    } finally {
      connection.close()
    }
  })

  it('is answered anew where another database was put in the place of this one', () => {
    const connection = openDatabase()
    try {
      const one = (index: number) => ({
        index,
        domains: ['sqlite'],
        context: noContext,
        confidence: 1,
      })
      for (const index of [1, 2, 3]) insertWith(one(index), 'approved')(connection)
      const ranker = rankerOf(connection)
      // As an online restore does, by which numbers go back.
      connection.sqlite.exec('delete from knowledge_units; delete from cq_store_changes')
      insertWith(one(4), 'approved')(connection)
      catchUp(connection, ranker)
      expect(indexOf(connection)?.size).toBe(1)
      expectSameAsFormula(connection, { ...noContext, domains: ['sqlite'] }, 5)
    } finally {
      connection.close()
    }
  })

  it('is answered where the last change is of what is no id', () => {
    const connection = openDatabase()
    try {
      const ranker = rankerOf(connection)
      insertWith(
        { index: 1, domains: ['a'], context: noContext, confidence: 1 },
        'approved',
      )(connection)
      // Another one each time that they are read: a BLOB, and a text that is no UTF-8.
      for (const id of ["cast('ku_1' as blob)", "cast(x'ff6b75' as text)"]) {
        connection.sqlite.exec(
          `insert into knowledge_units (id, data, status) values (${id}, '{}', 'approved')`,
        )
        for (let time = 0; time < 2; time++) {
          catchUp(connection, ranker)
          expectSameAsFormula(connection, { ...noContext, domains: ['a'] }, 5)
        }
      }
      const index = indexOf(connection)
      catchUp(connection, ranker)
      // Nor is all read anew for it.
      expect(indexOf(connection)).toBe(index)
    } finally {
      connection.close()
    }
  })

  it('leaves out a document that is too much for anybody, and finds all others', () => {
    const connection = openDatabase()
    try {
      for (const index of [1, 2])
        insertWith(
          { index, domains: ['sqlite'], context: noContext, confidence: 1 },
          'approved',
        )(connection)
      // More escapes than a regular expression can look at.
      const detail = JSON.stringify('\n'.repeat(5_000_000))
      connection.sqlite
        .prepare('update knowledge_units set data = replace(data, ?, ?) where id = ?')
        .run('"detail":""', `"detail":${detail}`, idOf(1))
      // And a row that lies where SQLite would put none.
      connection.sqlite.exec(`update knowledge_units set rowid = -5 where id = '${idOf(2)}'`)
      rankerOf(connection)
      const asked = { ...noContext, domains: ['sqlite'] }
      expect(indexOf(connection)?.query(asked, 5)).toEqual([idOf(2), idOf(1)])
    } finally {
      connection.close()
    }
  })

  it('keeps no more than the last hundred thousand changes', () => {
    const connection = openDatabase()
    try {
      const { sqlite } = connection
      insertWith(
        { index: 1, domains: ['a'], context: noContext, confidence: 0.5 },
        'approved',
      )(connection)
      sqlite.exec(`with recursive numbers (n) as (select 2 union all select n + 1 from numbers where n < 100000)
        insert into cq_store_changes select n, 'ku_any' from numbers`)
      const kept = sqlite.prepare('select min(change), count(*) from cq_store_changes').raw()
      expect(kept.get()).toEqual([1, 100_000])
      for (const change of [2, 3]) {
        attempt('confirm', idOf(1))(connection)
        expect(kept.get()).toEqual([change, 100_000])
      }
    } finally {
      connection.close()
    }
  })

  it('leaves out what a document has in a place where it should have something else', () => {
    const connection = openDatabase()
    try {
      const odd = { languages: [7, ['7']], frameworks: [7, ['7']] }
      for (const [index, stored] of [odd, noContext].entries()) {
        run(
          connection,
          'insert',
          toInput({ index, domains: ['sqlite'], context: noContext, confidence: 0.5 }),
        )
        run(connection, 'setReviewStatus', idOf(index), 'approved', 'ada')
        otherContext([index, stored])(connection)
      }
      rankerOf(connection)
      expect(indexOf(connection)?.size).toBe(1)
      for (const asked of [{ languages: ['7'] }, { frameworks: ['7'] }])
        expectSameAsFormula(connection, { ...noContext, ...asked, domains: ['sqlite'] }, 2)
    } finally {
      connection.close()
    }
  })

  it('compares confidences to the last digit that documents have', () => {
    const connection = openDatabase()
    try {
      const confidences = [0.1 + 0.2, 0.3, 0.7 + 0.1, 0.8, 5e-324, 0, 1 - 2 ** -53, 1]
      // Of each two the higher one has the lower id, which would come second if they tied.
      for (const [index, confidence] of confidences.entries())
        insertWith(
          { index, domains: ['sqlite'], context: noContext, confidence },
          'approved',
        )(connection)
      // Read by SQLite, this one is 0.3, and by JavaScript the double after it.
      const spelled = '0.3000000000000000166533453693773481063544750213623046875'
      connection.sqlite
        .prepare('update knowledge_units set data = replace(data, ?, ?) where id = ?')
        .run('"confidence":0.3,', `"confidence":${spelled},`, idOf(1))
      expect(approvedUnits(connection)[1]?.evidence.confidence).toBe(0.1 + 0.2)
      rankerOf(connection)
      expectSameAsFormula(connection, { ...noContext, domains: ['sqlite'] }, 10)
    } finally {
      connection.close()
    }
  })
})
