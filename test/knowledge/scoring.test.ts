import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { KnowledgeUnit } from '../../src/knowledge/records.ts'
import {
  confirmedConfidence,
  flaggedConfidence,
  type Rankable,
  type RankingQuery,
  rank,
  relevance,
} from '../../src/knowledge/scoring.ts'

fc.configureGlobal({ seed: 20261122 })

function unit(domains: string[], context: Partial<Rankable['context']> = {}, confidence = 0.5) {
  return {
    id: `ku_${'0'.repeat(32)}`,
    domains,
    context: { languages: [], frameworks: [], pattern: '', ...context },
    evidence: {
      confidence,
      confirmations: 1,
      first_observed: '2026-11-22T00:00:00.000000Z',
      last_confirmed: '2026-11-22T00:00:00.000000Z',
    },
  } satisfies Rankable
}

function query(domains: string[], context: Partial<RankingQuery> = {}): RankingQuery {
  return { languages: [], frameworks: [], pattern: '', ...context, domains }
}

/** The formula once more, written down plainly. */
function plainRelevance(given: Rankable, asked: RankingQuery): number {
  const union = new Set([...given.domains, ...asked.domains])
  let shared = 0
  for (const domain of union)
    if (given.domains.includes(domain) && asked.domains.includes(domain)) shared += 1
  const overlap = union.size > 0 ? shared / union.size : 0
  let language = 0
  for (const one of given.context.languages) if (asked.languages.includes(one)) language = 1
  let framework = 0
  for (const one of given.context.frameworks) if (asked.frameworks.includes(one)) framework = 1
  const { pattern } = given.context
  const fits =
    pattern.length > 0 &&
    asked.pattern.length > 0 &&
    pattern.toLowerCase() === asked.pattern.toLowerCase()
  return 0.55 * overlap + 0.15 * language + 0.15 * framework + 0.15 * (fits ? 1 : 0)
}

const names = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { maxLength: 7 })
const tags = fc.array(fc.constantFrom('go', 'Go', 'rust', 'c'), { maxLength: 3 })
const pattern = fc.constantFrom('', 'retry', 'RETRY', 'cache')
const confidence = fc.double({ min: 0, max: 1, noNaN: true })
const units = fc
  .tuple(names, tags, tags, pattern, confidence)
  .map(([domains, languages, frameworks, pattern, confidence]) =>
    unit(domains, { languages, frameworks, pattern }, confidence),
  )
const queries = fc
  .tuple(names, tags, tags, pattern)
  .map(([domains, languages, frameworks, pattern]) =>
    query(domains, { languages, frameworks, pattern }),
  )

describe('relevance', () => {
  it('is the formula, to the last bit', () => {
    fc.assert(
      fc.property(units, queries, (given, asked) => {
        expect(relevance(given, asked)).toBe(plainRelevance(given, asked))
      }),
      { numRuns: 1000 },
    )
  })

  it('is 0.55 for equal domains alone, and 1 with everything', () => {
    const context = { languages: ['go'], frameworks: ['gin'], pattern: 'retry' }
    expect(relevance(unit(['a', 'b']), query(['b', 'a']))).toBe(0.55)
    expect(relevance(unit(['a', 'b'], context), query(['a', 'b'], context))).toBe(1)
  })

  it('weighs the overlap of domains by Jaccard', () => {
    expect(relevance(unit(['a', 'b']), query(['b', 'c']))).toBe(0.55 * (1 / 3))
    expect(relevance(unit(['a', 'b', 'c']), query(['a']))).toBe(0.55 * (1 / 3))
    expect(relevance(unit(['a']), query(['a', 'b']))).toBe(0.55 * 0.5)
  })

  it('counts a repeated domain once', () => {
    expect(relevance(unit(['a', 'a', 'b']), query(['a', 'b', 'b']))).toBe(0.55)
  })

  it('adds left to right', () => {
    const context = { languages: ['go'], frameworks: ['gin'], pattern: 'retry' }
    // Any other order comes to 0.725 and to 0.6333333333333333.
    expect(relevance(unit(['a', 'b'], context), query(['a'], context))).toBe(0.7250000000000001)
    expect(relevance(unit(['a', 'b', 'c'], context), query(['a'], context))).toBe(
      0.6333333333333334,
    )
  })

  it('is zero without a shared domain and without context', () => {
    expect(relevance(unit(['a']), query(['b']))).toBe(0)
    expect(relevance(unit(['a']), query([]))).toBe(0)
    expect(relevance(unit([]), query([]))).toBe(0)
  })

  it.each([
    ['a language', { languages: ['go', 'rust'] }, { languages: ['c', 'rust'] }, 0.15],
    ['several languages, once', { languages: ['go', 'c'] }, { languages: ['c', 'go'] }, 0.15],
    ['no language of another case', { languages: ['Go'] }, { languages: ['go'] }, 0],
    ['a framework', { frameworks: ['react'] }, { frameworks: ['vue', 'react'] }, 0.15],
    ['no framework of another case', { frameworks: ['React'] }, { frameworks: ['react'] }, 0],
    ['no framework for a language', { languages: ['go'] }, { frameworks: ['go'] }, 0],
    ['a pattern', { pattern: 'retry' }, { pattern: 'retry' }, 0.15],
    ['a pattern of another case', { pattern: 'Retry' }, { pattern: 'rETRY' }, 0.15],
    ['no part of a pattern', { pattern: 'retry' }, { pattern: 'retry-loop' }, 0],
    ['no pattern where neither has one', { pattern: '' }, { pattern: '' }, 0],
    ['no pattern where one has none', { pattern: 'retry' }, { pattern: '' }, 0],
  ])('boosts for %s', (_what, given, asked, boost) => {
    expect(relevance(unit(['a'], given), query(['b'], asked))).toBe(boost)
  })

  it('compares domains exactly, since they are normalised', () => {
    expect(relevance(unit(['API']), query(['api']))).toBe(0)
  })

  it('stays between 0 and 1', () => {
    fc.assert(
      fc.property(units, queries, (given, asked) => {
        expect(relevance(given, asked)).toBeGreaterThanOrEqual(0)
        expect(relevance(given, asked)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('is never less for a context that is asked for too', () => {
    fc.assert(
      fc.property(units, queries, (given, asked) => {
        const alone = relevance(given, query([...asked.domains]))
        expect(relevance(given, asked)).toBeGreaterThanOrEqual(alone)
      }),
    )
  })

  it('does not depend on the order of anything', () => {
    fc.assert(
      fc.property(units, queries, (given, asked) => {
        const turned = unit(given.domains.toReversed(), {
          ...given.context,
          languages: given.context.languages.toReversed(),
          frameworks: given.context.frameworks.toReversed(),
        })
        expect(relevance(turned, query(asked.domains.toReversed(), { ...asked }))).toBe(
          relevance(given, asked),
        )
      }),
    )
  })
})

describe('rank', () => {
  it('is relevance times confidence', () => {
    expect(rank(unit(['a'], {}, 0.7999999999999999), query(['a']))).toBe(0.55 * 0.7999999999999999)
    expect(rank(unit(['a'], {}, 0), query(['a']))).toBe(0)
    fc.assert(
      fc.property(units, queries, (given, asked) => {
        expect(rank(given, asked)).toBe(plainRelevance(given, asked) * given.evidence.confidence)
      }),
    )
  })

  it('stays between 0 and 1', () => {
    fc.assert(
      fc.property(units, queries, (given, asked) => {
        expect(rank(given, asked)).toBeGreaterThanOrEqual(0)
        expect(rank(given, asked)).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('confirmedConfidence', () => {
  it('is a tenth more each time, as a raw double, up to 1', () => {
    const steps = [0.5]
    for (let i = 0; i < 7; i++) steps.push(confirmedConfidence(steps.at(-1) as number))
    expect(steps).toEqual([
      0.5, 0.6, 0.7, 0.7999999999999999, 0.8999999999999999, 0.9999999999999999, 1, 1,
    ])
  })

  it('keeps confidence between 0 and 1, and lowers it never', () => {
    fc.assert(
      fc.property(confidence, (before) => {
        const after = confirmedConfidence(before)
        expect([before + 0.1, 1]).toContain(after)
        expect(after).toBeLessThanOrEqual(1)
        expect(after).toBeGreaterThanOrEqual(before)
      }),
    )
  })
})

describe('flaggedConfidence', () => {
  it('is 0.15 less each time, as a raw double, down to 0', () => {
    const steps = [0.5]
    for (let i = 0; i < 5; i++) steps.push(flaggedConfidence(steps.at(-1) as number))
    expect(steps).toEqual([0.5, 0.35, 0.19999999999999998, 0.04999999999999999, 0, 0])
  })

  it('keeps confidence between 0 and 1, and raises it never', () => {
    fc.assert(
      fc.property(confidence, (before) => {
        const after = flaggedConfidence(before)
        expect([before - 0.15, 0]).toContain(after)
        expect(after).toBeGreaterThanOrEqual(0)
        expect(after).toBeLessThanOrEqual(before)
      }),
    )
  })
})

it('takes whole units, and no query without domains', () => {
  expectTypeOf<KnowledgeUnit>().toExtend<Rankable>()
  expectTypeOf(relevance).returns.toBeNumber()
  // @ts-expect-error a query has domains
  expect(() => relevance(unit([]), { languages: [], frameworks: [], pattern: '' })).not.toThrow()
})
