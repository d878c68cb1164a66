import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/errors.ts'
import { checker, storableText } from '../../src/knowledge/validation.ts'

fc.configureGlobal({ seed: 20261122 })

/** The message of the StoreError that a check against the schema throws. */
function refusal(schema: object, input: unknown): string {
  try {
    checker('parcel', schema)(input)
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code: 'invalid' })
    return (error as StoreError).message
  }
  return expect.fail('it was taken')
}

const list = (items: object) => ({
  type: 'object',
  properties: { items: { type: 'array', items } },
})

describe('checker', () => {
  it('hands on what fits', () => {
    const input = { name: 'x', more: 1 }
    const check = checker('parcel', { type: 'object', properties: { name: { type: 'string' } } })
    expect(check(input)).toBe(input)
  })

  it('hands on what fits after it refused something', () => {
    const check = checker<string>('parcel', { type: 'string' })
    expect(() => check(1)).toThrow('invalid parcel: it must be string')
    expect(check('x')).toBe('x')
  })

  it('names the place of every fault', () => {
    const schema: object = {
      type: 'object',
      required: ['id'],
      properties: {
        lines: {
          type: 'array',
          items: {
            type: 'object',
            properties: { tags: { type: 'array', items: { type: 'string', maxLength: 2 } } },
          },
        },
        count: { type: 'integer' },
      },
    }
    expect(refusal(schema, { lines: [{}, { tags: ['a', 'b', 'abc'] }], count: 1.5 })).toBe(
      "invalid parcel: it must have required property 'id'; " +
        'lines[1].tags[2] must be at most 2 characters, got 3; count must be integer',
    )
  })

  it('names lengths in code points, and numbers of items', () => {
    expect(refusal({ type: 'string', maxLength: 2 }, '😀😀😀')).toBe(
      'invalid parcel: it must be at most 2 characters, got 3',
    )
    expect(refusal({ type: 'array', maxItems: 1 }, [1, 2, 3])).toBe(
      'invalid parcel: it must have at most 1 items, got 3',
    )
  })

  it('says what text may not hold rather than show a pattern', () => {
    expect(refusal(list({ type: 'string', pattern: storableText }), { items: ['a', 'b\0'] })).toBe(
      'invalid parcel: items[1] must hold no NUL and no lone surrogate',
    )
  })

  it('names a key that is refused, once', () => {
    expect(
      refusal({ type: 'object', propertyNames: { pattern: '^[a-z]+$' } }, { a: 1, B: 2 }),
    ).toBe('invalid parcel: it must not have the key "B": must match pattern "^[a-z]+$", got "B"')
  })

  it('names what is allowed, and what a timestamp is', () => {
    expect(refusal({ enum: ['a', 'b'] }, 'c')).toBe(
      'invalid parcel: it must be one of "a", "b", got "c"',
    )
    expect(refusal({ type: 'string', format: 'timestamp' }, '2026-02-30T00:00:00Z')).toBe(
      'invalid parcel: it must be an RFC 3339 timestamp, got "2026-02-30T00:00:00Z"',
    )
  })

  it('adds what is found beyond the schema', () => {
    const check = checker('parcel', { type: 'string' }, (input) =>
      input === 'x' ? [] : [{ path: 'label', message: 'is not x' }],
    )
    expect(check('x')).toBe('x')
    expect(() => check('y')).toThrow(/^invalid parcel: label is not x$/)
    expect(() => check(1)).toThrow(/^invalid parcel: it must be string; label is not x$/)
  })

  it.each([
    ['a long text, shortened', 'x'.repeat(65), `"${'x'.repeat(64)}"…`],
    ['a long text, between characters', '😀'.repeat(65), `"${'😀'.repeat(64)}"…`],
    ['a text of the full length', 'x'.repeat(64), `"${'x'.repeat(64)}"`],
    ['control characters, escaped', 'a\0\n', '"a\\u0000\\n"'],
    ['a lone surrogate, escaped', '\ud83d', '"\\ud83d"'],
    ['a number', 5, '5'],
    ['null', null, 'null'],
    ['a big integer', 5n, '5'],
    ['a list by its kind', ['secret'], 'an array'],
    ['an object by its kind', { secret: 1 }, 'an object'],
    ['nesting without end', JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)), 'an array'],
  ])('shows %s', (_what, input, shown) => {
    expect(refusal({ enum: ['a'] }, input)).toBe(
      `invalid parcel: it must be one of "a", got ${shown}`,
    )
  })
})

describe('storableText', () => {
  it('matches exactly the texts without NUL and lone surrogates', () => {
    const storable = new RegExp(storableText, 'u')
    const text = fc.string({
      unit: fc.constantFrom('a', '\n', '\0', '\ud83d', '\ude00', '😀', 'é'),
    })
    fc.assert(
      fc.property(text, (text) => {
        expect(storable.test(text)).toBe(!text.includes('\0') && text.isWellFormed())
      }),
    )
  })
})
