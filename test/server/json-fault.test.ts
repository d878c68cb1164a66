import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findJsonFault } from '../../src/server/json-fault.ts'

describe('the fault of a text that is no JSON', () => {
  test.each([
    ['', 0, 'Expecting value'],
    ['  x', 2, 'Expecting value'],
    ['nul', 0, 'Expecting value'],
    ['{"a":}', 5, 'Expecting value'],
    ['[1,]', 3, 'Expecting value'],
    ['{', 1, 'Expecting property name enclosed in double quotes'],
    ["{'a': 1}", 1, 'Expecting property name enclosed in double quotes'],
    ['{"a" 1}', 5, "Expecting ':' delimiter"],
    ['[1 2]', 3, "Expecting ',' delimiter"],
    ['{"a": 1 "b"}', 8, "Expecting ',' delimiter"],
    ['{"a": [1}', 8, "Expecting ',' delimiter"],
    ['{}{}', 2, 'Extra data'],
    ['01', 1, 'Extra data'],
    ['["abc', 1, 'Unterminated string starting at'],
    ['["a\nb"]', 3, 'Invalid control character at'],
    ['["a\\x"]', 3, 'Invalid \\escape'],
    ['["ü\u007f\u2028",]', 7, 'Expecting value'],
  ])('of %j is at %i', (text, position, message) => {
    expect(findJsonFault(text)).toEqual({ position, message })
  })

  test('is found where a sound text was cut off, never before', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.nat(), (text, at) => {
        const cut = text.slice(0, at % text.length)
        fc.pre(!isJson(cut))
        const { position } = findJsonFault(cut)
        expect(position).toBeLessThanOrEqual(cut.length)
        // A text that is cut short is at fault from its beginning, anything else at the end.
        const unfinished = cut.slice(position)
        expect(unfinished === '' || /^["\\]|^[-\d.eE+a-z]+$/.test(unfinished)).toBe(true)
      }),
    )
  })

  test('is found in any text that is no JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        fc.pre(!isJson(text))
        const { position } = findJsonFault(text)
        expect(position).toBeGreaterThanOrEqual(0)
        expect(position).toBeLessThanOrEqual(text.length)
      }),
    )
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
