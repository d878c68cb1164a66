import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RankingQuery, rank } from '../../src/knowledge/scoring.ts'
import { type RankedUnit, RankingIndex } from '../../src/ranking/ranking-index.ts'
import { randomUnits } from './random-units.ts'

fc.configureGlobal({ seed: 20261126 })

/** The answer by the plain formula: every unit with a queried domain, scored and sorted. */
function byFormula(units: Iterable<RankedUnit>, query: RankingQuery, limit: number): string[] {
  return [...units]
    .filter(({ domains }) => domains.some((domain) => query.domains.includes(domain)))
    .map((unit) => ({ id: unit.id, rank: rankOf(unit, query) }))
    .sort((one, other) => other.rank - one.rank || (one.id < other.id ? 1 : -1))
    .slice(0, limit)
    .map(({ id }) => id)
}

function rankOf(unit: RankedUnit, query: RankingQuery): number {
  const { id, domains, languages, frameworks, pattern, confidence } = unit
  const context = { languages: [...languages], frameworks: [...frameworks], pattern }
  const evidence = { confidence, confirmations: 1, first_observed: '', last_confirmed: '' }
  return rank({ id, domains: [...domains], context, evidence }, query)
}

function countsOf<Key>(keys: Iterable<Key>): Map<Key, number> {
  const counts = new Map<Key, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

function byName<Name>(counts: Iterable<readonly [Name, number]>): (readonly [Name, number])[] {
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1))
}

/** Ids that are alike: in all but the last word, or but the first one. */
const idOf = (number: number) =>
  `ku_${number % 2 === 0 ? `${'0'.repeat(24)}${hex(number)}` : `${hex(number)}${'f'.repeat(24)}`}`
const hex = (number: number) => (number * 0x0800_0001).toString(16).padStart(8, '0').slice(-8)

/** Few terms, the first ones far more often, so that lists overlap; more of them than marks have bits. */
const named = (name: string, of: number) =>
  fc.tuple(fc.nat(of - 1), fc.nat(of - 1)).map(([one, other]) => `${name}${Math.min(one, other)}`)
const domain = named('domain', 24)
const domains = fc.oneof(
  { weight: 8, arbitrary: fc.uniqueArray(domain, { minLength: 1, maxLength: 4 }) },
  { weight: 2, arbitrary: fc.uniqueArray(domain, { minLength: 3, maxLength: 20 }) },
  { weight: 1, arbitrary: fc.array(domain, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.nat(3).map((more) => everyDomain(300 + more)) },
)
const noContext = { languages: [], frameworks: [], pattern: '' }
const everyDomain = (count: number) => Array.from({ length: count }, (_, index) => `domain${index}`)
const texts = (name: string, of: number) => fc.array(named(name, of), { maxLength: 3 })
/** The same text in two parts of a context is two things; patterns are the same in any case. */
const context = {
  languages: fc.oneof(texts('language', 8), fc.constantFrom(['go'], ['domain0'], [''])),
  frameworks: fc.oneof(texts('framework', 9), fc.constantFrom(['go'], ['language0'])),
  pattern: fc.constantFrom('', '', 'api', 'API', 'cli', 'Étage', 'étage', 'go', 'K8s', '\u212a8s'),
}
/** Few values, so that many units tie, and the doubles next to them. */
const confidence = fc.oneof(
  fc.constantFrom(0, 0.35, 0.5, 0.6, 0.7, 0.7999999999999999, 0.8, 1, 1 - Number.EPSILON / 2),
  fc.double({ min: 0, max: 1, noNaN: true }),
)
const unit: fc.Arbitrary<RankedUnit> = fc.record({
  id: fc.nat(120).map(idOf),
  confidence,
  created: fc.nat(30),
  flags: fc.constantFrom(0, 0, 1, 2, 3),
  confirmations: fc.nat(4),
  confirmed: fc.nat(30),
  tier: fc.constantFrom('local', 'private', 'public'),
  domains,
  ...context,
})
const query: fc.Arbitrary<RankingQuery> = fc.record({
  domains: fc.oneof(
    { weight: 4, arbitrary: fc.array(domain, { minLength: 1, maxLength: 4 }) },
    { weight: 1, arbitrary: fc.array(domain, { minLength: 5, maxLength: 30 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(['unknown'], ['unknown', 'domain0'], everyDomain(310)),
    },
  ),
  languages: fc.oneof(fc.constant([]), texts('language', 10)),
  frameworks: fc.oneof(fc.constant([]), texts('framework', 12), fc.constant(['go', 'none'])),
  pattern: fc.oneof(
    fc.constantFrom('', '', 'api', 'Api', 'ÉTAGE', 'go', 'k8s', 'unknown'),
    named('Pattern', 7),
  ),
})
const limit = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(50, 1e9))

/** What happens to an index: a unit is set, or one is deleted. */
const change = fc.oneof(
  { weight: 5, arbitrary: unit },
  { weight: 1, arbitrary: fc.nat(120).map(idOf) },
)
const changes = fc.array(change, { maxLength: 250 })

/** An index, and what it should know. */
class Pair {
  readonly index = new RankingIndex()
  readonly units = new Map<string, RankedUnit>()

  make(some: Iterable<RankedUnit | string>): void {
    for (const one of some)
      if (typeof one === 'string') {
        this.index.delete(one)
        this.units.delete(one)
      } else {
        this.index.set(one)
        this.units.set(one.id, one)
      }
  }

  expectSame(query: RankingQuery, limit: number): void {
    expect(this.index.query(query, limit)).toEqual(byFormula(this.units.values(), query, limit))
  }
}

describe('the ranking index', () => {
  it('answers what the formula answers, whatever was loaded, added, replaced and deleted', () => {
    fc.assert(
      fc.property(
        changes,
        fc.array(fc.tuple(changes, fc.array(fc.tuple(query, limit), { maxLength: 12 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (loaded, rounds) => {
          const pair = new Pair()
          pair.make(loaded)
          pair.index.endLoading()
          for (const [later, queries] of rounds) {
            pair.make(later)
            for (const [asked, most] of queries) pair.expectSame(asked, most)
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  it('tells how many units there are of each domain, tier and range of confidence', () => {
    const bounds = fc
      .uniqueArray(confidence, { maxLength: 4 })
      .map((some) => some.toSorted((one, other) => one - other))
    fc.assert(
      fc.property(changes, changes, bounds, (loaded, later, bounds) => {
        const pair = new Pair()
        pair.make(loaded)
        pair.index.endLoading()
        pair.make(later)
        const { index } = pair
        const units = [...pair.units.values()]
        expect(index.size).toBe(units.length)
        expect(byName(index.tierCounts())).toEqual(byName(countsOf(units.map(({ tier }) => tier))))
        const named = units.flatMap(({ domains }) => [...new Set(domains)])
        expect(byName(index.domainCounts())).toEqual(byName(countsOf(named)))
        const counts = [...bounds, 1].map(() => 0)
        for (const { confidence } of units) {
          const at = bounds.filter((bound) => bound <= confidence).length
          counts[at] = (counts[at] ?? 0) + 1
        }
        expect(index.confidenceCounts(bounds)).toEqual(counts)
      }),
      { numRuns: 100 },
    )
  })

  it('tells the newest units of a domain and a range of confidence', () => {
    const filter = fc.record({
      domain: fc.oneof(fc.constantFrom('', '', 'unknown'), domain),
      confidenceMin: confidence,
      confidenceMax: fc.oneof(confidence, fc.constant(2)),
    })
    fc.assert(
      fc.property(changes, changes, filter, limit, (loaded, later, filter, most) => {
        const pair = new Pair()
        pair.make(loaded)
        pair.index.endLoading()
        pair.make(later)
        const { domain, confidenceMin, confidenceMax } = filter
        const newest = [...pair.units.values()]
          .filter(({ domains }) => domain === '' || domains.includes(domain))
          .filter(({ confidence }) => confidence >= confidenceMin && confidence < confidenceMax)
          .sort((one, other) => other.created - one.created || (one.id < other.id ? 1 : -1))
          .slice(0, most)
        expect(pair.index.newest(filter, most)).toEqual(newest.map(({ id }) => id))
      }),
      { numRuns: 150 },
    )
  })

  describe('with lists of many blocks', () => {
    const pair = new Pair()
    const units = randomUnits(12_000, 7)
    pair.make(units.slice(0, 8_000))
    pair.index.endLoading()
    pair.make(units.slice(8_000))
    // Confirmed, flagged, brought to nothing and back again.
    for (const [at, one] of units.entries())
      if (at % 3 === 0) pair.make([{ ...one, confidence: (at % 7) / 7 }])
      else if (at % 5 === 0) pair.make([one.id])
    const queries = fc.sample(fc.tuple(query, limit), { numRuns: 60, seed: 11 })

    it('answers what the formula answers', () => {
      for (const [asked, most] of queries) pair.expectSame(asked, most)
    })

    it('answers so for each term there is, whichever bit of marks stands for it', () => {
      const numbered = (name: string, count: number) =>
        Array.from({ length: count }, (_, index) => `${name}${index}`)
      const domains = ['domain0', 'domain1']
      for (const language of numbered('language', 8))
        pair.expectSame({ ...noContext, domains, languages: [language] }, 5)
      for (const framework of numbered('framework', 9))
        pair.expectSame({ ...noContext, domains, frameworks: [framework] }, 5)
      for (const pattern of numbered('pattern', 7))
        pair.expectSame({ ...noContext, domains, pattern }, 5)
      for (const domain of numbered('domain', 24))
        pair.expectSame({ ...noContext, domains: ['domain0', domain] }, 5)
    })

    it.each([
      ['of any', (id: string) => id],
      ['that begin alike', (id: string) => `ku_${'0'.repeat(24)}${id.slice(3, 11)}`],
    ])('answers so, too, where thousands tie, with ids %s', (_, idOf) => {
      const tied = new Pair()
      const confidenceOf = (one: RankedUnit) => (one.domains.length > 2 ? 1 : 0.5)
      tied.make(units.map((one) => ({ ...one, id: idOf(one.id), confidence: confidenceOf(one) })))
      tied.index.endLoading()
      for (const [asked, most] of queries.slice(0, 30)) tied.expectSame(asked, most)
    })
  })

  it('finds one of a lower confidence that ties by rounding, and has the higher id', () => {
    const below = 0.95 * (1 - Number.EPSILON / 2)
    expect([below < 0.95, 0.55 * below === 0.55 * 0.95]).toEqual([true, true])
    const pair = new Pair()
    const one: RankedUnit = {
      ...noContext,
      id: idOf(0),
      confidence: 0.95,
      created: 0,
      flags: 0,
      confirmations: 1,
      confirmed: 0,
      tier: 'private',
      domains: ['a'],
    }
    // More than are read at once.
    pair.make(Array.from({ length: 600 }, (_, index) => ({ ...one, id: idOf(2 * index) })))
    const last = `ku_${'f'.repeat(32)}`
    pair.make([{ ...one, id: last, confidence: below }])
    pair.index.endLoading()
    expect(pair.index.query({ ...noContext, domains: ['a'] }, 1)).toEqual([last])
    pair.expectSame({ ...noContext, domains: ['a'] }, 5)
  })

  it('uses the places of removed and changed units again', () => {
    const units = randomUnits(2_000, 3)
    const index = new RankingIndex()
    index.endLoading()
    const sizes: number[] = []
    for (let round = 0; round < 12; round++) {
      for (const [at, one] of units.entries()) {
        const id = idOf(2 * (at + round * 2_000))
        const confidence = (at + round / 20) / 2_000
        index.set({ ...one, id, confidence })
        // With other terms each time, so that other lists grow and shrink.
        const languages = [`language ${round}`]
        index.set({ ...one, id, confidence, languages, pattern: `pattern ${at % 50}` })
      }
      sizes.push(index.figures.bytes)
      for (const at of units.keys()) index.delete(idOf(2 * (at + round * 2_000)))
      expect(index.figures.units).toBe(0)
      expect(index.domainCounts()).toEqual([])
      expect(index.query({ ...noContext, domains: everyDomain(24) }, 5)).toEqual([])
    }
    expect(Math.max(...sizes.slice(1))).toBeLessThanOrEqual((sizes[0] ?? 0) * 1.05)
  })

  it('uses places again that were left while it was loaded', () => {
    const [one, ...others] = randomUnits(1_000, 5)
    if (!one) throw new Error('there is no unit')
    const index = new RankingIndex()
    for (let time = 0; time < 1_000; time++) index.set({ ...one, confidence: time / 1_000 })
    index.endLoading()
    const { bytes } = index.figures
    for (const other of others) index.set(other)
    const loaded = new RankingIndex()
    for (const each of [one, ...others]) loaded.set(each)
    loaded.endLoading()
    expect(index.figures.units).toBe(1_000)
    expect(index.figures.bytes - bytes).toBeLessThan(loaded.figures.bytes)
  })
})
