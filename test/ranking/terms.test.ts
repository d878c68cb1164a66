import { expect, it } from 'vitest'
import { Terms } from '../../src/ranking/terms.ts'

it('terms that are forgotten leave their numbers to others', () => {
  const terms = new Terms()
  const kept = terms.findOrAdd('domain', 'kept')
  for (let round = 0; round < 1_000; round++) {
    const term = terms.findOrAdd('pattern', `pattern ${round}`)
    expect(terms.at(term.number)).toBe(term)
    expect(terms.findOrAdd('pattern', `pattern ${round}`)).toBe(term)
    terms.forget(term)
    expect(terms.find('pattern', `pattern ${round}`)).toBeUndefined()
  }
  expect(terms.numbers).toBe(2)
  expect(terms.find('domain', 'kept')).toBe(kept)
  // The same text in another place is another term.
  expect(terms.findOrAdd('language', 'kept')).not.toBe(kept)
})
