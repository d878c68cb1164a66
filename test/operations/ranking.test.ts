import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readUnit, type StoredUnit } from '../../src/knowledge/document.ts'
import type { KnowledgeUnit } from '../../src/knowledge/knowledge-unit.ts'
import { type RankingQuery, rank } from '../../src/knowledge/scoring.ts'
import type { DerivedTable } from '../../src/migrations/derived-table.ts'
import { derivedTables } from '../../src/migrations/index.ts'
import { operations } from '../../src/operations/index.ts'
import type { Steps, StoreMethod } from '../../src/operations/operation.ts'
import { rankedIds } from '../../src/operations/ranking.ts'
import { mostCombined, mostPaired, mostTripled } from '../../src/schema.ts'
import type { Connection } from '../../src/sqlite/connection.ts'
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
  const text = connection.runToText(run(...prepare(now, ...args)))
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
    .map((unit) => ({ unit, rank: rank({ ...unit, context: soundPartsOf(unit.context) }, query) }))
    .sort((one, other) => other.rank - one.rank || (one.unit.id < other.unit.id ? 1 : -1))
    .slice(0, limit)
    .map(({ unit }) => unit)
}

/** A context of which other programs may have stored any part as something else: then it fits nothing. */
function soundPartsOf({ languages, frameworks, pattern }: Partial<KnowledgeUnit['context']>) {
  return {
    languages: Array.isArray(languages) ? languages : [],
    frameworks: Array.isArray(frameworks) ? frameworks : [],
    pattern: typeof pattern === 'string' ? pattern : '',
  }
}

/** What a derived table must hold, by its definition, and what it holds. */
function contentsOf(
  { sqlite }: Connection,
  { name, columns, definition }: DerivedTable,
): { readonly must: unknown[]; readonly holds: unknown[] } {
  const all = (sql: string) => sqlite.prepare(sql).all()
  const order = columns.join(', ')
  return {
    must: all(`SELECT * FROM (${definition}) ORDER BY ${order}`),
    holds: all(
      `SELECT * FROM ${name} ${columns.includes('count') ? 'WHERE count <> 0' : ''} ORDER BY ${order}`,
    ),
  }
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
/** Some of them make up each other's names of lists, but for what tells where one of two ends. */
const languageNames = ['go', 'golanguages:go', 'python', '', '\u{1f600}', 'pattern?', '7']
const frameworkNames = ['react', 'reactlanguages:go', 'fastify', 'É', '']
/** Mostly few, now and then more than units may have to be in lists for two at once. */
const someOf = (names: readonly string[]) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.subarray([...names], { maxLength: 2 }) },
    { weight: 1, arbitrary: fc.subarray([...names]) },
  )
const languages = someOf(languageNames)
const frameworks = someOf(frameworkNames)
/** Some of them equal in lower case only, which SQLite tells of ASCII alone; K is the Kelvin sign. */
const patternNames = ['storage', 'Storage', 'api', 'K8s', '\u212a8s', 'Étage', 'étage', 'ß', 'SS']
const pattern = fc.oneof(fc.constant(''), fc.constantFrom(...patternNames))
/** Few values, so that many units tie. */
const confidence = fc.oneof(
  fc.constantFrom(0, 0.35, 0.5, 0.6, 0.7, 0.7999999999999999, 0.8, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
)
const index = fc.nat(60)
/** Mostly few, now and then more than units may have of which each two, or three, are in lists. */
const domains = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.uniqueArray(skewedDomain, { minLength: 1, maxLength: mostTripled + 1 }),
  },
  {
    weight: 1,
    arbitrary: fc.uniqueArray(fc.constantFrom(...domainNames), {
      minLength: mostTripled,
      maxLength: mostPaired + 2,
    }),
  },
)
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
      Array(mostCombined).fill('go'),
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
      connection.transaction(() => run(connection, method, ...args))
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

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('ranking', () => {
  it('answers what the plain formula answers, whatever was written and by whom', () => {
    fc.assert(
      fc.property(
        fc.array(action, { minLength: 1, maxLength: 120 }),
        fc.array(fc.tuple(query, limit), { minLength: 1, maxLength: 12 }),
        (actions, queries) => {
          const connection = openDatabase()
          try {
            for (const act of actions) act(connection)
            for (const table of derivedTables) {
              const { must, holds } = contentsOf(connection, table)
              expect(holds).toEqual(must)
            }
            for (const [asked, most] of queries) expectSameAsFormula(connection, asked, most)
          } finally {
            connection.close()
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  describe.each([1, 2, 3])('a unit that has the queried domains, %i, and no others', (asked) => {
    const queried = domainNames.slice(0, asked)
    const context = { languages: [], frameworks: [], pattern: '' }
    const tied = asked / (asked + 1)

    it.each([
      ['comes before one with a further domain where it ranks higher', tied + 0.01, 2],
      ['comes after one with a further domain where it ranks lower', tied - 0.01, 2],
      ['comes before one with a further domain that ties and has the lower id', tied, 0],
      ['comes after one with a further domain that ties and has the higher id', tied, 2],
    ])('%s', (_, confidence, other) => {
      const connection = openDatabase()
      try {
        const units = [
          { index: 1, domains: queried, context, confidence },
          { index: other, domains: [...queried, 'else'], context, confidence: 1 },
        ]
        for (const one of units) {
          run(connection, 'insert', toInput(one))
          run(connection, 'setReviewStatus', idOf(one.index), 'approved', 'ada')
        }
        for (const most of [1, 2])
          expectSameAsFormula(connection, { ...context, domains: queried }, most)
      } finally {
        connection.close()
      }
    })
  })

  it('fits no unit by what is no text in its context', () => {
    const connection = openDatabase()
    try {
      const context = { languages: [], frameworks: [], pattern: '' }
      const odd = { languages: [7, ['7']], frameworks: [7, ['7']] }
      // The odd one has the lower id, so that it comes first only where it fits.
      for (const [index, stored] of [odd, context].entries()) {
        run(connection, 'insert', toInput({ index, domains: ['sqlite'], context, confidence: 0.5 }))
        run(connection, 'setReviewStatus', idOf(index), 'approved', 'ada')
        otherContext([index, stored])(connection)
      }
      for (const asked of [{ languages: ['7'] }, { frameworks: ['7'] }]) {
        const query = { ...context, ...asked, domains: ['sqlite'] }
        expectSameAsFormula(connection, query, 2)
      }
    } finally {
      connection.close()
    }
  })

  describe('over a store where lists are longer than what is read at once', () => {
    let connection: Connection
    beforeAll(() => {
      connection = openDatabase()
      const random = fc.sample(fc.tuple(unit, status), { numRuns: 6000, seed: 7 })
      connection.transaction(() => {
        for (const [position, [one, state]] of random.entries()) {
          const id = (position * 2_654_435_761) % 2 ** 32
          run(connection, 'insert', toInput({ ...one, index: id }))
          if (state !== 'pending') run(connection, 'setReviewStatus', idOf(id), state, 'ada')
        }
      })
    })
    afterAll(() => connection.close())

    it('answers what the plain formula answers', () => {
      const units = approvedUnits(connection)
      for (const [asked, most] of fc.sample(fc.tuple(query, limit), { numRuns: 100, seed: 11 }))
        expectSameAsFormula(connection, asked, most, units)
    })

    it('tells texts apart that are alike where one follows the other', () => {
      const contexts = [
        { frameworks: ['react'], languages: ['golanguages:go'], pattern: '' },
        { frameworks: ['reactlanguages:go'], languages: ['go'], pattern: '' },
      ]
      for (const [position, context] of contexts.entries()) {
        const one = { index: 2 ** 34 + position, domains: ['alike'], context, confidence: 0.5 }
        run(connection, 'insert', toInput(one))
        run(connection, 'setReviewStatus', idOf(one.index), 'approved', 'ada')
      }
      for (const context of contexts)
        expectSameAsFormula(connection, { domains: ['alike'], ...context }, 2)
    })

    it('finds the highest ids among thousands of equals', () => {
      connection.transaction(() => {
        for (let position = 0; position < 3000; position++) {
          const id = 2 ** 33 + ((position * 7919) % 3000)
          const one = { index: id, domains: ['equal', 'twin'], confidence: 0.5 }
          run(
            connection,
            'insert',
            toInput({ ...one, context: { languages: [], frameworks: [], pattern: '' } }),
          )
          run(connection, 'setReviewStatus', idOf(id), 'approved', 'ada')
        }
      })
      const nothing = { languages: [], frameworks: [], pattern: '' }
      expectSameAsFormula(connection, { ...nothing, domains: ['equal'] }, 5)
      expectSameAsFormula(connection, { ...nothing, domains: ['equal', 'twin'] }, 7)
      expectSameAsFormula(connection, { ...nothing, domains: ['equal', 'sqlite'] }, 7)
      expectSameAsFormula(connection, { ...nothing, domains: ['twin'], languages: ['go'] }, 5)
    })
  })

  describe('reads no more rows in a larger store', () => {
    const sizes = [2000, 8000] as const
    const connections: Connection[] = []
    beforeAll(() => {
      for (const size of sizes) connections.push(storeOf(size))
    })
    afterAll(() => {
      for (const connection of connections) connection.close()
    })

    const cases: [name: string, query: Partial<RankingQuery>, most: number][] = [
      ['for two popular domains', { domains: ['left', 'common'] }, 30],
      ['for three popular domains', { domains: ['left', 'common', 'often'] }, 60],
      ['for domains that never occur together', { domains: ['left', 'right'] }, 40],
      [
        'for three domains of which each two occur together, and never all',
        { domains: ['one', 'two', 'three'] },
        60,
      ],
      ['for a language that few units have', { domains: ['left'], languages: ['rare'] }, 60],
      [
        'for a language that few units have, and two domains',
        { domains: ['left', 'common'], languages: ['rare'] },
        90,
      ],
      [
        'for a language that no unit has',
        { domains: ['left', 'common'], languages: ['absent'] },
        40,
      ],
      [
        'for all parts of a context, none of which any unit has',
        {
          domains: ['left', 'common'],
          languages: ['absent'],
          frameworks: ['absent'],
          pattern: 'absent',
        },
        40,
      ],
      [
        'for a language and a framework',
        { domains: ['left', 'common'], languages: ['python'], frameworks: ['django'] },
        70,
      ],
      [
        'for a language and a framework of one domain',
        { domains: ['left'], languages: ['python'], frameworks: ['django'] },
        12,
      ],
      [
        'for a language and a framework of three domains',
        {
          domains: ['left', 'common', 'often'],
          languages: ['python'],
          frameworks: ['django'],
        },
        80,
      ],
      [
        'for a language and a framework that never occur together',
        { domains: ['left', 'common'], languages: ['python'], frameworks: ['vue'] },
        90,
      ],
      [
        'for a language and a pattern that never occur together',
        { domains: ['left', 'common'], languages: ['rust'], pattern: 'cli' },
        110,
      ],
      [
        'for all parts of a context',
        {
          domains: ['left', 'common'],
          languages: ['python'],
          frameworks: ['django'],
          pattern: 'cli',
        },
        75,
      ],
      [
        'for all parts of a context, of which each two occur together, and never all',
        {
          domains: ['left', 'common'],
          languages: ['java'],
          frameworks: ['spring'],
          pattern: 'batch',
        },
        120,
      ],
      ['for thousands of units that tie', { domains: ['equal', 'twin'] }, 40],
      // One row for each list, which tells that there is none.
      ['for domains that no unit has', { domains: ['absent', 'missing'] }, 3],
    ]

    it.each(cases)('%s', (_, asked, most) => {
      const nothing = { languages: [], frameworks: [], pattern: '' }
      const query = { domains: [], ...nothing, ...asked }
      const [small = 0, large = 0] = connections.map((one) => rowsReadFor(one, query))
      expect(small).toBeLessThanOrEqual(most)
      expect(large).toBeLessThanOrEqual(most)
      for (const connection of connections) expectSameAsFormula(connection, query, 5)
    })
  })
})

/** A store of so many units, of which each case above is a part of the same share, but for what is rare. */
function storeOf(size: number): Connection {
  const connection = openDatabase()
  const groups = [
    ['left', 'common'],
    ['right'],
    ['left', 'common', 'often'],
    ['right', 'common', 'often', 'else'],
    ['one', 'two'],
    ['two', 'three'],
    ['three', 'one'],
    ['equal', 'twin'],
    ['equal'],
    ['left', 'often'],
  ]
  /** What units have in their context besides what nearly all have. */
  const otherContexts: Partial<RankingQuery>[] = [
    { languages: ['python'], frameworks: ['django'] },
    { languages: ['python'], frameworks: ['django'], pattern: 'cli' },
    { languages: ['python'] },
    { frameworks: ['vue'] },
    { frameworks: ['vue'], pattern: 'cli' },
    { languages: ['rust'] },
    { languages: ['java'], frameworks: ['spring'] },
    { languages: ['java'], pattern: 'batch' },
    { frameworks: ['spring'], pattern: 'batch' },
  ]
  const { sqlite } = connection
  const insertUnit = sqlite.prepare('INSERT INTO knowledge_units (id, data) VALUES (?, ?)')
  const insertDomain = sqlite.prepare('INSERT INTO knowledge_unit_domains VALUES (?, ?)')
  const approve = sqlite.prepare("UPDATE knowledge_units SET status = 'approved' WHERE id = ?")
  connection.transaction(() => {
    for (let index = 0; index < size; index++) {
      const domains = groups[index % groups.length] as string[]
      const isRare = index < 70 && index % 10 === 0
      const others = otherContexts[Math.floor(index / groups.length) % otherContexts.length]
      const { languages = [], frameworks = [], pattern = 'api' } = others ?? {}
      const context = {
        languages: [isRare ? 'rare' : 'go', ...languages],
        frameworks: ['react', ...frameworks],
        pattern,
      }
      const one = {
        index: (index * 7919) % 2 ** 20,
        domains,
        context,
        confidence: domains[0] === 'equal' ? 0.5 : ((index * 31) % 997) / 996,
      }
      const id = idOf(one.index)
      insertUnit.run(id, referenceDocument(one))
      for (const domain of domains) insertDomain.run(id, domain)
      approve.run(id)
    }
  })
  return connection
}

/** How many rows are answered to the statements by which a query finds the best units. */
function rowsReadFor(connection: Connection, query: RankingQuery): number {
  const steps = rankedIds(query, 5)
  let rows = 0
  const counting = {
    ...steps,
    next(answer: unknown) {
      if (Array.isArray(answer)) rows += answer.length
      return steps.next(answer)
    },
    throw: (error: unknown) => steps.throw(error),
  }
  connection.run(counting as typeof steps)
  return rows
}
