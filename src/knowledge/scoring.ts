import type { KnowledgeUnit } from './knowledge-unit.ts'

/** What a query asks for. Domains are normalised already. */
export interface RankingQuery {
  readonly domains: readonly string[]
  readonly languages: readonly string[]
  readonly frameworks: readonly string[]
  readonly pattern: string
}

/** The parts of a unit that its rank depends on. */
export type Rankable = Pick<KnowledgeUnit, 'domains' | 'context' | 'evidence' | 'id'>

const weights = { domains: 0.55, languages: 0.15, frameworks: 0.15, pattern: 0.15 } as const

/**
 * How well a unit fits a query, 0 to 1: the overlap of domains (Jaccard), and a boost for each of
 * language, framework and pattern that fits. The sum is taken left to right, as the reference
 * server does, so that equal units get equal doubles in both.
 */
export function relevance(unit: Rankable, query: RankingQuery): number {
  const { languages, frameworks, pattern } = unit.context
  return (
    weights.domains * jaccard(unit.domains, query.domains) +
    weights.languages * Number(shareAny(languages, query.languages)) +
    weights.frameworks * Number(shareAny(frameworks, query.frameworks)) +
    weights.pattern * Number(samePattern(pattern, query.pattern))
  )
}

/** What units are ordered by, descending; ties go to the higher id. */
export function rank(unit: Rankable, query: RankingQuery): number {
  return relevance(unit, query) * unit.evidence.confidence
}

/** Confidence after one more confirmation: a tenth more, at most 1. */
export function confirmedConfidence(confidence: number): number {
  return Math.min(confidence + 0.1, 1)
}

/** Confidence after one more flag: 0.15 less, at least 0. */
export function flaggedConfidence(confidence: number): number {
  return Math.max(confidence - 0.15, 0)
}

function jaccard(some: readonly string[], others: readonly string[]): number {
  const left = new Set(some)
  const right = new Set(others)
  const shared = left.intersection(right).size
  const all = left.size + right.size - shared
  return all === 0 ? 0 : shared / all
}

function shareAny(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.includes(one))
}

function samePattern(one: string, other: string): boolean {
  return one !== '' && other !== '' && one.toLowerCase() === other.toLowerCase()
}
