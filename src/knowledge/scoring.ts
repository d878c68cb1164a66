import type { KnowledgeUnit } from './records.ts'

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
  return relevanceOf(
    overlap(new Set(unit.domains), new Set(query.domains)),
    Number(shareAny(languages, query.languages)),
    Number(shareAny(frameworks, query.frameworks)),
    Number(samePattern(pattern, query.pattern)),
  )
}

/**
 * `relevance` of a unit whose overlap of domains is known, and which of language, framework and pattern
 * fit: 1 for each that does, else 0. Rises with each of its arguments.
 */
export function relevanceOf(
  overlap: number,
  language: number,
  framework: number,
  pattern: number,
): number {
  return (
    weights.domains * overlap +
    weights.languages * language +
    weights.frameworks * framework +
    weights.pattern * pattern
  )
}

/** The overlap of two sets (Jaccard): of all they hold, the part that both do. */
export function overlap(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  return jaccard(one.intersection(other).size, one.size, other.size)
}

/** The overlap of two sets of the given sizes: of all they hold, the part that both do. */
export function jaccard(shared: number, size: number, otherSize: number): number {
  const all = size + otherSize - shared
  return all === 0 ? 0 : shared / all
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

function shareAny(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.includes(one))
}

function samePattern(one: string, other: string): boolean {
  return one !== '' && other !== '' && one.toLowerCase() === other.toLowerCase()
}
