import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toStoredText, UnitText } from '../../src/knowledge/document.ts'
import type { KnowledgeUnit } from '../../src/knowledge/records.ts'
import { readResult, recordOf, unitOf, writeResult } from '../../src/operations/json-text.ts'
import { rowOf, stored, unit } from '../knowledge/stored-document.ts'

fc.configureGlobal({ seed: 20261122 })

/** A result as an operation makes it, and what its caller is to be given. */
interface Sample {
  readonly made: unknown
  readonly meant: unknown
}

/** What JSON can say. It has no negative zero. */
const jsonValue = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)))

/** A unit as it is stored, in one of the ways in which it may be. */
const embedded: fc.Arbitrary<Sample> = stored.map(({ meant, text }) => ({
  made: unitOf(new UnitText(rowOf(text))),
  meant,
}))

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
  it('is the same, with units in the places of their documents', () => {
    fc.assert(
      fc.property(result, ({ made, meant }) => {
        expect(readResult(writeResult(made))).toEqual(meant)
      }),
      { numRuns: 500 },
    )
  })

  it('without units, is what JSON makes of it', () => {
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

describe('a record of figures', () => {
  it('stays in its order as text, also where names look like integers', () => {
    const entries = [
      ['sqlite', 9],
      ['2026', 5],
      ['__proto__', 4],
      ['404', 1],
    ] as const
    expect(writeResult({ counts: recordOf(entries) })).toBe(
      '{"counts":{"sqlite":9,"2026":5,"__proto__":4,"404":1}}',
    )
  })
})

describe('a unit', () => {
  const [sample] = fc.sample(unit, { seed: 5, numRuns: 1 }) as [KnowledgeUnit]
  const document = toStoredText({ ...sample, superseded_by: null, extensions: null, flags: [] })
  const unitText = new UnitText(rowOf(document.replace(/"confidence":[^,]*/, '"confidence":0.700')))

  it('travels as the text that it was stored as, completed', () => {
    const text = unitText.seenAs('whole')
    expect(text).toContain('"confidence":0.700,')
    expect(writeResult(unitOf(unitText))).toBe(text)
    expect(writeResult([{ unit: unitOf(unitText) }])).toBe(`[{"unit":${text}}]`)
  })

  it.each(['whole', 'review', 'legacy', 'public'] as const)(
    'is seen as %s wherever it is',
    (view) => {
      const text = unitText.seenAs(view)
      expect(writeResult({ items: [{ unit: unitOf(unitText) }], none: null }, view)).toBe(
        `{"items":[{"unit":${text}}],"none":null}`,
      )
    },
  )
})
