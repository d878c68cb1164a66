import type { RankedUnit } from '../../src/ranking/ranking-index.ts'

/** Units as a store of some age has them: skewed domains and contexts, the same for the same seed. */
export function randomUnits(count: number, seed: number): RankedUnit[] {
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const pick = (name: string, of: number) => `${name}${Math.floor(random() ** 2 * of)}`
  const some = (most: number, name: string, of: number) => [
    ...new Set(Array.from({ length: Math.floor(random() * (most + 1)) }, () => pick(name, of))),
  ]
  const word = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return Array.from(
    { length: count },
    (): RankedUnit => ({
      id: `ku_${word()}${word()}${word()}${word()}`,
      confidence: Math.round(random() * 20) / 20,
      created: Math.floor(random() * 5_000),
      tier: 'private',
      flags: random() < 0.8 ? 0 : Math.floor(random() * 4),
      confirmations: Math.floor(random() * 9),
      confirmed: Math.floor(random() * 5_000),
      domains: [...new Set([pick('domain', 24), ...some(3, 'domain', 24)])],
      languages: some(2, 'language', 8),
      frameworks: some(2, 'framework', 9),
      pattern: random() < 0.3 ? '' : pick('pattern', 7),
    }),
  )
}
