import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as document from '../../../src/knowledge/document.ts'
import * as domains from '../../../src/knowledge/domains.ts'
import * as exactJson from '../../../src/knowledge/exact-json.ts'
import { isUnitId } from '../../../src/knowledge/knowledge-unit.ts'
import * as timestamps from '../../../src/knowledge/timestamps.ts'
import * as frozen from '../../../src/sqlite/migrations/frozen.ts'

// If one of these fails because today's code has changed, the frozen copy stays, and the test goes.

const anyText = fc.string({ unit: 'binary', maxLength: 8 })
const spaced = fc
  .tuple(fc.constantFrom('', ' ', '\t', '\x1c', '\x85', '\u3000', '\ufeff'), anyText)
  .map(([space, text]) => space + text + space)

it('domains are normalised as they are today', () => {
  fc.assert(
    fc.property(fc.array(spaced, { maxLength: 5 }), (texts) => {
      expect(frozen.normalizeDomains(texts)).toEqual(domains.normalizeDomains(texts))
    }),
  )
})

const number = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.tuple(fc.integer(), fc.integer({ min: -400, max: 400 })).map(([base, e]) => `${base}e${e}`),
)

it('JSON is read as it is today', () => {
  fc.assert(
    fc.property(fc.json(), number, (text, digits) => {
      const both = `{"number": ${digits}, "rest": ${text}}`
      expect(JSON.stringify(frozen.parseExactly(both))).toBe(
        JSON.stringify(exactJson.parseExactly(both)),
      )
    }),
  )
  for (const text of ['', '{', '1e400', '9007199254740993'])
    expect(attempt(() => JSON.stringify(frozen.parseExactly(text)))).toEqual(
      attempt(() => JSON.stringify(exactJson.parseExactly(text))),
    )
})

const twoDigits = fc.integer({ min: 0, max: 62 }).map((value) => String(value).padStart(2, '0'))
const timestamp = fc
  .tuple(
    fc.constantFrom('2026', '0001', '9999', '0000', '1999'),
    fc.array(twoDigits, { minLength: 5, maxLength: 5 }),
    fc.constantFrom('T', ' ', 't'),
    fc.constantFrom('', '.5', '.123456', '.123456789'),
    fc.constantFrom('', 'Z', 'z', '+00:00', '-23:59', '+0130', '+25:00'),
  )
  .map(
    ([year, [month, day, hour, minute, second], t, fraction, zone]) =>
      `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${zone}`,
  )

it('timestamps are read as they are today', () => {
  fc.assert(
    fc.property(fc.oneof(timestamp, anyText), (text) => {
      const today = timestamps.isTimestamp(text) ? timestamps.documentToColumn(text) : undefined
      expect(frozen.toColumn(text)).toBe(today)
    }),
    { numRuns: 2_000 },
  )
  for (const text of [
    '2026-11-22T00:27:30.476797Z',
    '2026-02-30T00:00:00Z',
    '2026-01-01T24:00:00Z',
  ])
    expect(frozen.toColumn(text)).toBe(
      timestamps.isTimestamp(text) ? timestamps.documentToColumn(text) : undefined,
    )
})

it('what is an object, an id, or nests too deep is as it is today', () => {
  let deep: unknown = 1
  for (let depth = 0; depth <= 502; depth++) {
    expect(frozen.nestsTooDeep(deep)).toBe(document.nestsTooDeep(deep))
    deep = depth % 2 ? [deep] : { deep }
  }
  for (const value of [null, 1, 'x', [], {}, { a: 1 }])
    expect(frozen.isFields(value)).toBe(document.isFields(value))
  expect(isUnitId(frozen.newUnitId())).toBe(true)
})

function attempt(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return (error as Error).name
  }
}
