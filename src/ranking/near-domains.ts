import { overlap } from '../knowledge/scoring.ts'
import { tellingStems } from '../knowledge/words.ts'

/** From how much they have in common two names are told to be near. */
const leastNear = 0.3

/** Domains that are compared, those with the most units first: each takes some microseconds. */
const mostCompared = 2_000

/**
 * Known domains whose names resemble some that nobody uses, the nearest first: by spelling (the share of the runs of
 * three characters that both have), or by a word that both have.
 */
export function nearDomains(
  counts: readonly (readonly [domain: string, units: number])[],
  asked: readonly string[],
  limit: number,
): string[] {
  const names = asked.slice(0, 8).map((name) => ({ ...tracesOf(name), name }))
  const known = counts.length > mostCompared ? mostUsed(counts) : counts
  return known
    .filter(([domain]) => !asked.includes(domain))
    .map(([domain, units]) => {
      const traces = tracesOf(domain)
      const nearness = Math.max(...names.map((name) => nearnessOf(name, traces)), 0)
      return { domain, units, nearness }
    })
    .filter(({ nearness }) => nearness >= leastNear)
    .sort(
      (one, other) =>
        other.nearness - one.nearness ||
        other.units - one.units ||
        (one.domain < other.domain ? -1 : 1),
    )
    .slice(0, limit)
    .map(({ domain }) => domain)
}

function mostUsed(counts: readonly (readonly [domain: string, units: number])[]) {
  return counts.toSorted(([, one], [, other]) => other - one).slice(0, mostCompared)
}

interface Traces {
  readonly trigrams: ReadonlySet<string>
  readonly stems: ReadonlySet<string>
}

/** By what a name is recognised. Padded, so that its beginning counts more than its middle. */
function tracesOf(name: string): Traces {
  const padded = `  ${name} `
  const trigrams = new Set<string>()
  for (let at = 0; at + 3 <= padded.length; at++) trigrams.add(padded.slice(at, at + 3))
  return { trigrams, stems: tellingStems(name) }
}

function nearnessOf(one: Traces, other: Traces): number {
  return Math.max(
    overlap(one.trigrams, other.trigrams),
    // A shared word of two is near, but less than the same spelling.
    0.9 * overlap(one.stems, other.stems),
  )
}
