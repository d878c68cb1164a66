import { describe, expect, test } from 'vitest'
import { Corpus } from '../../bench/corpus.ts'
import { drive } from '../../bench/drive.ts'

describe('the load', () => {
  test('keeps as many calls under way as asked for, and no more', async () => {
    let underWay = 0
    const seen: number[] = []
    const perform = async () => {
      underWay++
      await Promise.resolve()
      seen.push(underWay)
      underWay--
    }
    const limits = { inFlight: 8, seconds: 600, operations: 80, from: 0, blocks: false }
    const driven = await drive(perform, limits)
    expect(driven.operations).toBe(80)
    expect(driven.latency.count).toBe(80)
    expect(Math.max(...seen)).toBe(8)
  })

  test('has the event loop turn between rounds of calls that hold it up', async () => {
    const order: unknown[] = []
    let turns = 0
    const perform = (number: number) => {
      if (number % 2 === 0) setImmediate(() => order.push(`turn ${++turns}`))
      order.push(number)
    }
    await drive(perform, { inFlight: 2, seconds: 600, operations: 4, from: 0, blocks: true })
    expect(order).toEqual([0, 1, 'turn 1', 2, 3, 'turn 2'])
  })
})

describe('the corpus', () => {
  const size = 2_000
  const corpus = new Corpus(size, 1)
  const units = Array.from({ length: size }, (_, index) => corpus.unitAt(index))
  const uses = new Map<string, number>()
  for (const domain of units.flatMap(({ domains }) => domains))
    uses.set(domain, (uses.get(domain) ?? 0) + 1)

  test('is the same for the same seed, and another for another', () => {
    const of = (seed: number) => {
      const one = new Corpus(100, seed)
      return [
        one.unitAt(5),
        one.freshUnit(5),
        one.storedIds(9),
        one.queries('context', 9),
        one.randomQueries(),
      ]
    }
    expect(of(1)).toEqual(of(1))
    expect(of(1)).not.toEqual(of(2))
  })

  test('has units of about a kilobyte, with skewed domains and ids that never repeat', () => {
    const fresh = Array.from({ length: size }, (_, number) => corpus.freshUnit(number))
    expect(new Set([...units, ...fresh].map(({ id }) => id)).size).toBe(2 * size)
    const bytes = units.reduce((sum, unit) => sum + JSON.stringify(unit).length, 0) / units.length
    expect(bytes).toBeGreaterThan(800)
    expect(bytes).toBeLessThan(1_400)
    const sorted = [...uses.values()].sort((one, other) => other - one)
    expect(sorted[0]).toBeGreaterThan(20 * (sorted[99] ?? 0))
    for (const { domains } of units) expect(new Set(domains).size).toBe(domains.length)
  })

  test('asks for the domains that most units have', () => {
    const [most, next] = [...uses].sort(([, one], [, other]) => other - one)
    const [query] = corpus.queries('top-two', 1)
    expect(query?.domains).toEqual([most?.[0], next?.[0]])
  })

  test('has the same few units with a rare domain, however large the store', () => {
    for (const units of [size, 10 * size]) {
      const grown = new Corpus(units, 1)
      const [query] = grown.queries('rare', 1)
      const found = Array.from({ length: units }, (_, index) => grown.unitAt(index)).filter(
        ({ domains }) => domains.includes(query?.domains[0] ?? ''),
      )
      expect(found).toHaveLength(10)
    }
  })

  test('has rivals in pairs, and never all of them, for the worst of queries', () => {
    const rivals = corpus.worstQueries()[0]?.domains ?? []
    expect(rivals).toHaveLength(3)
    const shared = units.map(({ domains }) => domains.filter((one) => rivals.includes(one)).length)
    expect(new Set(shared)).toEqual(new Set([0, 2]))
    for (const rival of rivals) expect(uses.get(rival)).toBeGreaterThan(size / 20)
  })

  test('has few units with a rare part of a context, and none with two, for the worst of queries', () => {
    const asked = corpus.worstQueries().at(-1)
    const fitting = (count: number) =>
      units.filter(({ context: { languages, frameworks, pattern } }) => {
        const fits = [
          languages.some((one) => asked?.languages.includes(one)),
          frameworks.some((one) => asked?.frameworks.includes(one)),
          pattern === asked?.pattern,
        ]
        return fits.filter(Boolean).length === count
      }).length
    expect(fitting(1) / size).toBeCloseTo(0.062, 1)
    expect(fitting(2) + fitting(3)).toBe(0)
  })

  test('asks for two thousand things at random, no two alike, half of them with a context', () => {
    const queries = corpus.randomQueries()
    expect(new Set(queries.map((query) => JSON.stringify(query))).size).toBe(2_000)
    const withContext = queries.filter(
      ({ languages, frameworks, pattern }) =>
        languages.length + frameworks.length > 0 || pattern !== '',
    )
    expect(withContext.length / 2_000).toBeCloseTo(0.45, 1)
    expect(new Set(queries.map(({ domains }) => domains.length))).toEqual(new Set([1, 2, 3, 4]))
  })
})
