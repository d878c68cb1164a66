import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { parseLegacyTtl, parseTtl, type Ttl } from '../../src/knowledge/ttl.ts'

fc.configureGlobal({ seed: 20261122 })

const secondsPerUnit = { s: 1, m: 60, h: 3600, d: 86_400 }
const secondsPerYear = 31_536_000
const unit = fc.constantFrom('s', 'm', 'h', 'd')

/** The message of the RangeError that the call throws. */
function refusal(read: (text: string) => Ttl, text: string): string {
  try {
    read(text)
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError)
    return (error as RangeError).message
  }
  return expect.fail(`took ${JSON.stringify(text)}`)
}

describe.each([
  ['parseTtl', parseTtl],
  ['parseLegacyTtl', parseLegacyTtl],
])('%s', (_name, read) => {
  it.each([
    ['1s', 1],
    ['90s', 90],
    ['15m', 900],
    ['12h', 43_200],
    ['30d', 2_592_000],
    ['365d', secondsPerYear],
    ['8760h', secondsPerYear],
    ['525600m', secondsPerYear],
    ['31536000s', secondsPerYear],
  ])('reads %s', (text, seconds) => {
    expect(read(text)).toEqual({ text, seconds })
  })

  it('reads leading zeros', () => {
    expect(read('0000000000030s').seconds).toBe(30)
  })

  it('takes every duration up to 365 days, and none that is longer or zero', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 40_000_000n }), unit, (count, name) => {
        const seconds = Number(count) * secondsPerUnit[name as keyof typeof secondsPerUnit]
        const text = `${count}${name}`
        if (seconds > 0 && seconds <= secondsPerYear) expect(read(text)).toEqual({ text, seconds })
        else expect(() => read(text)).toThrow(RangeError)
      }),
    )
  })

  it('refuses whatever is no whole number and a unit', () => {
    const nearly = fc.string({ unit: fc.constantFrom(...'019smhdw.-+e_'), maxLength: 6 })
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary', maxLength: 16 })), (text) => {
        fc.pre(!/^\s*\d+[smhd]\s*$/i.test(text))
        expect(() => read(text)).toThrow(RangeError)
      }),
    )
  })

  it.each(['30', 'd', '1.5h', '-1d', '+1d', '1e2s', '30 d', '1w', '1d12h', '0x10s', '1_000s'])(
    'refuses %s',
    (text) => {
      expect(() => read(text)).toThrow(RangeError)
    },
  )

  it('refuses digits that are not ASCII', () => {
    expect(() => read('٣0d')).toThrow(RangeError)
    expect(() => read('３０d')).toThrow(RangeError)
  })
})

describe('parseTtl', () => {
  it('stores the canonical form: trimmed, lower case', () => {
    expect(parseTtl(' 30D\n')).toEqual({ text: '30d', seconds: 2_592_000 })
    expect(parseTtl('\u008512H\x1c')).toEqual({ text: '12h', seconds: 43_200 })
  })

  it('reads its own canonical form as the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 365 }), unit, fc.boolean(), (count, name, upper) => {
        const text = ` ${count}${upper ? name.toUpperCase() : name}\t`
        expect(parseTtl(parseTtl(text).text)).toEqual(parseTtl(text))
      }),
    )
  })

  it.each(['', ' ', '\t\n', '\u0085'])('says that %j is missing', (text) => {
    expect(refusal(parseTtl, text)).toBe('ttl is required')
  })

  it.each([
    ['a plain text', 'soon', `'soon'`],
    ['a text as it was given', ' 5X ', `' 5X '`],
    ['a single quote in double quotes', "30d'", `"30d'"`],
    ['a double quote in single quotes', '30d"', `'30d"'`],
    ['both quotes in single quotes, escaped', `'"`, `'\\'"'`],
    ['a backslash, doubled', '\\', `'\\\\'`],
    ['control characters', '\n\r\t\0\x1b\x7f', `'\\n\\r\\t\\x00\\x1b\\x7f'`],
    ['the rest of Latin-1 that does not print', '\x80x\xa0\xad', `'\\x80x\\xa0\\xad'`],
    ['text that prints, as it is', 'é€😀', `'é€😀'`],
    [
      'what does not print beyond',
      '\u200bx\u2028\ufeff\u3000\ue000',
      `'\\u200bx\\u2028\\ufeff\\u3000\\ue000'`,
    ],
    ['what does not print far beyond', 'x\u{e0001}', `'x\\U000e0001'`],
    ['half of a surrogate pair', 'x\ud800', `'x\\ud800'`],
    ['no more than 64 characters', 'x'.repeat(65), `'${'x'.repeat(64)}'`],
    ['no more than 64 characters beyond U+FFFF', '😀'.repeat(65), `'${'😀'.repeat(64)}'`],
    ['quotes by what is shown', `${'x'.repeat(64)}'`, `'${'x'.repeat(64)}'`],
  ])('quotes %s, as Python does', (_what, text, quoted) => {
    expect(refusal(parseTtl, text)).toBe(
      `${quoted} is not a valid duration: expected <integer><s|m|h|d>, e.g. 30d, 12h`,
    )
  })

  it.each(['0s', '0d', '000h'])('says that %s is not greater than zero', (text) => {
    expect(refusal(parseTtl, text)).toBe(`'${text}': ttl must be greater than zero`)
  })

  it.each(['366d', '8761h', '525601m', '31536001s', '99999999999999d'])(
    'says that %s is too long',
    (text) => {
      expect(refusal(parseTtl, text)).toBe(`'${text}' exceeds the maximum of 365d`)
    },
  )

  it('judges and shortens digits without end', () => {
    expect(refusal(parseTtl, `${'9'.repeat(10_000)}d`)).toBe(
      `'${'9'.repeat(64)}' exceeds the maximum of 365d`,
    )
    expect(refusal(parseTtl, `${'0'.repeat(10_000)}d`)).toBe(
      `'${'0'.repeat(64)}': ttl must be greater than zero`,
    )
    expect(parseTtl(`${'0'.repeat(10_000)}7d`).seconds).toBe(604_800)
  })
})

describe('parseLegacyTtl', () => {
  it.each(['', ' ', 'soon', '30D', ' 30d', '30d ', '30d\n', "it's"])(
    'refuses %j to the letter',
    (text) => {
      expect(refusal(parseLegacyTtl, text)).toBe(
        `Invalid TTL '${text}'; expected format like '30s', '15m', '2h', or '90d'`,
      )
    },
  )

  it.each(['0s', '0d', '000h'])('says that %s is not greater than zero', (text) => {
    expect(refusal(parseLegacyTtl, text)).toBe('TTL must be greater than zero')
  })

  it.each(['366d', '31536001s', `${'9'.repeat(400)}s`])('says that %s is too long', (text) => {
    expect(refusal(parseLegacyTtl, text)).toBe(`TTL '${text}' exceeds maximum of 365d`)
  })
})

it('gives a Ttl that does not change', () => {
  const ttl = parseTtl('30d')
  expectTypeOf(ttl).toEqualTypeOf<{ readonly text: string; readonly seconds: number }>()
  // @ts-expect-error the text to store is what the seconds were read from
  ttl.text = '31d'
})
