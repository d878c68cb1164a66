import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonText, readResult, textOf, writeResult } from '../../src/operations/json-text.ts'

fc.configureGlobal({ seed: 20261122 })

/** A result as an operation makes it, and what its caller is to be given. */
interface Sample {
  readonly made: unknown
  readonly meant: unknown
}

/** What JSON can say. It has no negative zero. */
const jsonValue = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)))

/** Text of a value in one of the ways in which it may be written. */
const embedded: fc.Arbitrary<Sample> = fc
  .tuple(jsonValue, fc.constantFrom(undefined, 1, '\t'))
  .map(([value, indent]) => ({ made: textOf(JSON.stringify(value, null, indent)), meant: value }))

const plain: fc.Arbitrary<Sample> = jsonValue.map((value) => ({ made: value, meant: value }))

const left = (parts: readonly Sample[], side: keyof Sample) => parts.map((part) => part[side])

const { result } = fc.letrec<{ result: Sample }>((tie) => ({
  result: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    plain,
    embedded,
    fc
      .array(tie('result'), { maxLength: 4 })
      .map((parts) => ({ made: left(parts, 'made'), meant: left(parts, 'meant') })),
    fc
      .uniqueArray(fc.tuple(fc.string(), tie('result')), {
        selector: ([name]) => name,
        maxLength: 4,
      })
      .map((members) => ({
        made: Object.fromEntries(members.map(([name, { made }]) => [name, made])),
        meant: Object.fromEntries(members.map(([name, { meant }]) => [name, meant])),
      })),
  ),
}))

describe('a result written and read', () => {
  it('is the same, with the values of its texts in their places', () => {
    fc.assert(
      fc.property(result, ({ made, meant }) => {
        expect(readResult(writeResult(made))).toEqual(meant)
      }),
      { numRuns: 500 },
    )
  })

  it('without texts, is what JSON makes of it', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(writeResult(value)).toBe(JSON.stringify(value))
      }),
    )
  })

  it('is nothing where there is none', () => {
    expect(writeResult(undefined)).toBe('')
    expect(readResult('')).toBeUndefined()
  })

  it('is null where that is the result', () => {
    expect(readResult(writeResult(null))).toBeNull()
  })

  it('lacks members that are undefined, and keeps those that are null', () => {
    expect(writeResult({ a: undefined, b: null, c: [{ d: undefined }] })).toBe(
      '{"b":null,"c":[{}]}',
    )
  })

  it('keeps names that mean something to objects', () => {
    const made = JSON.parse('{"__proto__":{"a":1},"constructor":2,"toJSON":3}')
    expect(writeResult(made)).toBe('{"__proto__":{"a":1},"constructor":2,"toJSON":3}')
  })
})

describe('a text', () => {
  it('travels as it is, character for character', () => {
    const text = '{"confidence":0.7999999999999999, "n":1.0, "s":"\\u00e9\\/"}'
    expect(writeResult(textOf(text))).toBe(text)
    expect(writeResult([{ unit: textOf(text) }])).toBe(`[{"unit":${text}}]`)
  })

  it('stands where a value of its type is expected, and is none until it was read', () => {
    const unit = textOf<{ id: string }>('{"id":"a"}')
    expect(unit).toBeInstanceOf(JsonText)
    expect(readResult(writeResult(unit))).toEqual({ id: 'a' })
  })
})
