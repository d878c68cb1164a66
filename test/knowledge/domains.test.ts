import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalizeDomains, strip, stripAndDeduplicate } from '../../src/knowledge/domains.ts'

fc.configureGlobal({ seed: 20261122 })

/** Python's whitespace, as its documentation states it: bidirectional type WS, B or S, or category Zs. */
const pythonWhitespace = [
  0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001,
  0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f,
  0x205f, 0x3000,
].map((code) => String.fromCodePoint(code))

const whitespace = fc.string({ unit: fc.constantFrom(...pythonWhitespace), maxLength: 4 })
/** Few different words, so that equal ones meet, among any others. */
const word = fc.oneof(fc.constantFrom('api', 'API', 'Db', 'ci', ''), fc.string({ unit: 'binary' }))
const domain = fc
  .tuple(whitespace, word, whitespace)
  .map(([before, inner, after]) => before + inner + after)
const domains = fc.array(domain, { maxLength: 20 })

describe('strip', () => {
  it('removes exactly the characters that Python calls whitespace', () => {
    const stripped: string[] = []
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code)
      const left = strip(`${character}x${character}`)
      if (left === 'x') stripped.push(character)
      else if (left !== `${character}x${character}`) expect.fail(`U+${code.toString(16)}: ${left}`)
    }
    expect(stripped).toEqual(pythonWhitespace)
  })

  it.each([
    ['NEXT LINE', '\u0085', ''],
    ['FILE SEPARATOR to UNIT SEPARATOR', '\x1c\x1d\x1e\x1f', ''],
    ['ZERO WIDTH NO-BREAK SPACE', '\ufeff', '\ufeff'],
    ['ZERO WIDTH SPACE', '\u200b', '\u200b'],
    ['MONGOLIAN VOWEL SEPARATOR', '\u180e', '\u180e'],
  ])('treats %s as Python does', (_name, text, left) => {
    expect(strip(text)).toBe(left)
  })

  it('leaves what is inside the text alone', () => {
    expect(strip(' \ta \u0085 b\n')).toBe('a \u0085 b')
  })

  it('takes off all of the whitespace around a text, and nothing else', () => {
    fc.assert(
      fc.property(whitespace, whitespace, fc.string({ unit: 'binary' }), (before, after, inner) => {
        const text = `x${inner}x`
        expect(strip(before + text + after)).toBe(text)
      }),
    )
  })

  it('takes time in proportion to the text, whatever whitespace is inside', () => {
    const text = `a${' '.repeat(100_000)}b`
    expect(strip(text) === text).toBe(true)
  })
})

describe('stripAndDeduplicate', () => {
  it('keeps letter case, and the first of equal texts, in order', () => {
    expect(stripAndDeduplicate([' b', 'B', '', 'a', 'b\t', ' ', 'a'])).toEqual(['b', 'B', 'a'])
  })
})

describe('normalizeDomains', () => {
  it('lower-cases, strips, drops blanks and repeats, and keeps the order', () => {
    expect(normalizeDomains([' API ', 'Databases', '', '\u0085', 'api', '\x1fDB\x1c'])).toEqual([
      'api',
      'databases',
      'db',
    ])
  })

  it('gives nothing for nothing but blanks', () => {
    expect(normalizeDomains([])).toEqual([])
    expect(normalizeDomains(['', ' ', '\u3000\u0085\x1c'])).toEqual([])
  })

  it('keeps domains apart that differ by a character which Python does not strip', () => {
    expect(normalizeDomains(['api', '\ufeffapi', 'api\u200b'])).toEqual([
      'api',
      '\ufeffapi',
      'api\u200b',
    ])
  })

  it('lower-cases beyond ASCII as Python does', () => {
    expect(normalizeDomains(['ÄÖ', 'ΟΔΟΣ', 'İ', '\u212a', 'ẞ'])).toEqual([
      'äö',
      'οδος',
      'i\u0307',
      'k',
      'ß',
    ])
  })

  it('does not change its argument', () => {
    const given = Object.freeze([' B ', 'b'])
    expect(normalizeDomains(given)).toEqual(['b'])
    expect(given).toEqual([' B ', 'b'])
  })

  it('gives lower case, without whitespace around it, no blanks and no repeats', () => {
    fc.assert(
      fc.property(domains, (given) => {
        const normal = normalizeDomains(given)
        for (const one of normal) {
          expect(one).toBe(one.toLowerCase())
          expect(pythonWhitespace).not.toContain(one.charAt(0))
          expect(pythonWhitespace).not.toContain(one.charAt(one.length - 1))
          expect(one).not.toBe('')
        }
        expect(new Set(normal).size).toBe(normal.length)
      }),
    )
  })

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(domains, (given) => {
        const normal = normalizeDomains(given)
        expect(normalizeDomains(normal)).toEqual(normal)
      }),
    )
  })

  it('keeps the order of first appearance', () => {
    fc.assert(
      fc.property(domains, domains, (some, others) => {
        const normal = normalizeDomains(some)
        expect(normalizeDomains([...some, ...others]).slice(0, normal.length)).toEqual(normal)
      }),
    )
  })

  it('loses no domain that is not blank', () => {
    fc.assert(
      fc.property(domains, domain, (some, one) => {
        const [alone] = normalizeDomains([one])
        const all = normalizeDomains([...some, one])
        if (alone === undefined) expect(all).toEqual(normalizeDomains(some))
        else expect(all).toContain(alone)
      }),
    )
  })
})
