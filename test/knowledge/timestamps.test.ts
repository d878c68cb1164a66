import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  columnTimestamp,
  columnToDocument,
  documentTimestamp,
  documentToColumn,
  isTimestamp,
  normalizeTimestamp,
  utcDay,
} from '../../src/knowledge/timestamps.ts'

fc.configureGlobal({ seed: 20261122 })

const columnForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}\+00:00$/
const documentForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/

const instant = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
})
/** Far enough from the ends of time that no offset leaves the years 1 to 9999. */
const middleInstant = fc.date({
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T23:59:59.999Z'),
  noInvalidDate: true,
})
const microseconds = fc.integer({ min: 0, max: 999_999 })
const twoDigits = (value: number) => String(value).padStart(2, '0')

describe('columnTimestamp and documentTimestamp', () => {
  it('spell an instant in UTC with six digits, zeros included', () => {
    const whole = new Date('2026-11-22T00:27:30Z')
    expect(columnTimestamp(whole)).toBe('2026-11-22T00:27:30.000000+00:00')
    expect(documentTimestamp(whole)).toBe('2026-11-22T00:27:30.000000Z')
    const fraction = new Date('0099-01-02T03:04:05.678Z')
    expect(columnTimestamp(fraction)).toBe('0099-01-02T03:04:05.678000+00:00')
    expect(documentTimestamp(fraction)).toBe('0099-01-02T03:04:05.678000Z')
  })

  it('have one form and one width, and can be read back', () => {
    fc.assert(
      fc.property(instant, (date) => {
        expect(columnTimestamp(date)).toMatch(columnForm)
        expect(documentTimestamp(date)).toMatch(documentForm)
        expect(new Date(columnTimestamp(date))).toEqual(date)
        expect(new Date(documentTimestamp(date))).toEqual(date)
      }),
    )
  })

  it('order as text as their instants do', () => {
    fc.assert(
      fc.property(instant, instant, (one, other) => {
        const earlier = one.getTime() < other.getTime()
        expect(columnTimestamp(one) < columnTimestamp(other)).toBe(earlier)
        expect(documentTimestamp(one) < documentTimestamp(other)).toBe(earlier)
      }),
    )
  })
})

describe('normalizeTimestamp', () => {
  it.each([
    ['keeps microseconds', '2026-11-22T00:27:30.476797Z', '2026-11-22T00:27:30.476797Z'],
    ['adds a missing fraction', '2026-11-22T00:27:30Z', '2026-11-22T00:27:30.000000Z'],
    ['fills a short fraction', '2026-11-22T00:27:30.5Z', '2026-11-22T00:27:30.500000Z'],
    ['cuts nanoseconds', '2026-11-22T00:27:30.123456789Z', '2026-11-22T00:27:30.123456Z'],
    ['does not round', '2026-12-31T23:59:59.999999999Z', '2026-12-31T23:59:59.999999Z'],
    ['takes +00:00 for Z', '2026-11-22T00:27:30.476797+00:00', '2026-11-22T00:27:30.476797Z'],
    ['takes -00:00 for Z', '2026-11-22T00:27:30-00:00', '2026-11-22T00:27:30.000000Z'],
    ['converts an offset', '2026-11-22T00:27:30.476797+05:30', '2026-11-21T18:57:30.476797Z'],
    ['converts a negative offset', '2026-12-31T23:30:00-01:00', '2027-01-01T00:30:00.000000Z'],
    [
      'converts an offset without a colon',
      '2026-11-22T00:27:30+0100',
      '2026-11-21T23:27:30.000000Z',
    ],
    ['takes no offset for UTC', '2026-11-22T00:27:30', '2026-11-22T00:27:30.000000Z'],
    ['takes a space for T', '2026-11-22 00:27:30', '2026-11-22T00:27:30.000000Z'],
    ['takes t and z for T and Z', '2026-11-22t00:27:30z', '2026-11-22T00:27:30.000000Z'],
    ['knows leap years', '2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000000Z'],
    ['knows the first year', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000Z'],
    ['knows the last year', '9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
  ])('%s', (_what, text, expected) => {
    expect(isTimestamp(text)).toBe(true)
    expect(normalizeTimestamp(text)).toBe(expected)
  })

  it.each([
    ['nothing', ''],
    ['garbage', 'yesterday'],
    ['a number', '1795307250'],
    ['a day alone', '2026-11-22'],
    ['a time without seconds', '2026-11-22T00:27Z'],
    ['a fraction without digits', '2026-11-22T00:27:30.Z'],
    ['ten digits of fraction', '2026-11-22T00:27:30.1234567890Z'],
    ['a comma before the fraction', '2026-11-22T00:27:30,5Z'],
    ['month 0', '2026-00-22T00:00:00Z'],
    ['month 13', '2026-13-22T00:00:00Z'],
    ['day 0', '2026-11-00T00:00:00Z'],
    ['day 32', '2026-12-32T00:00:00Z'],
    ['30 February', '2026-02-30T00:00:00Z'],
    ['30 February before an offset', '2026-02-30T00:00:00+02:00'],
    ['29 February of a common year', '2026-02-29T00:00:00Z'],
    ['29 February of a common century', '2100-02-29T00:00:00Z'],
    ['31 April', '2026-04-31T00:00:00Z'],
    ['24 hours', '2026-11-22T24:00:00Z'],
    ['25 hours', '2026-11-22T25:00:00Z'],
    ['60 minutes', '2026-11-22T00:60:00Z'],
    ['a leap second', '2016-12-31T23:59:60Z'],
    ['an offset of a day', '2026-11-22T00:00:00+24:00'],
    ['an offset of 60 minutes', '2026-11-22T00:00:00+01:60'],
    ['an offset of hours alone', '2026-11-22T00:00:00+01'],
    ['the year 0', '0000-06-01T00:00:00Z'],
    ['an instant before the year 1', '0001-01-01T00:00:00+00:01'],
    ['an instant after the year 9999', '9999-12-31T23:59:59-00:01'],
    ['the year 10000', '10000-01-01T00:00:00Z'],
    ['a signed year', '+002026-11-22T00:00:00Z'],
    ['whitespace before', ' 2026-11-22T00:27:30Z'],
    ['a line break after', '2026-11-22T00:27:30Z\n'],
    ['digits that are not ASCII', '٢٠٢٦-11-22T00:27:30Z'],
  ])('refuses %s', (_what, text) => {
    expect(isTimestamp(text)).toBe(false)
    expect(() => normalizeTimestamp(text)).toThrow(RangeError)
    expect(() => documentToColumn(text)).toThrow(RangeError)
  })

  it('tells the text that it refuses, shortened', () => {
    expect(() => normalizeTimestamp('yesterday')).toThrow('not a timestamp: yesterday')
    expect(() => normalizeTimestamp('x'.repeat(1000))).toThrow(/^not a timestamp: x{64}$/)
  })

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(instant, (date) => {
        const normal = normalizeTimestamp(date.toISOString())
        expect(normal).toMatch(documentForm)
        expect(normalizeTimestamp(normal)).toBe(normal)
        expect(new Date(normal)).toEqual(date)
      }),
    )
  })

  it('gives the same instant for every offset that it is written with', () => {
    const minutes = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 })
    fc.assert(
      fc.property(middleInstant, minutes, microseconds, (date, offset, micros) => {
        const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19)
        const fraction = String(micros).padStart(6, '0')
        const sign = offset < 0 ? '-' : '+'
        const hours = twoDigits(Math.trunc(Math.abs(offset) / 60))
        const text = `${local}.${fraction}${sign}${hours}:${twoDigits(Math.abs(offset) % 60)}`
        expect(normalizeTimestamp(text)).toBe(`${date.toISOString().slice(0, 19)}.${fraction}Z`)
      }),
    )
  })

  it('takes every date of the calendar, and no other', () => {
    const daysOf = (year: number, month: number) => {
      if (month === 2) return year % 400 === 0 || (year % 4 === 0 && year % 100 !== 0) ? 29 : 28
      return [4, 6, 9, 11].includes(month) ? 30 : 31
    }
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9999 }),
        fc.integer({ min: 0, max: 19 }),
        fc.integer({ min: 0, max: 39 }),
        (year, month, day) => {
          const date = `${String(year).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}`
          const known = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month)
          expect(isTimestamp(`${date}T12:34:56Z`)).toBe(known)
        },
      ),
    )
  })

  it('answers any text with a timestamp or a RangeError', () => {
    const nearly = fc.string({ unit: fc.constantFrom(...'0129-T: .Z+'), maxLength: 40 })
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' })), (text) => {
        if (isTimestamp(text)) expect(normalizeTimestamp(text)).toMatch(documentForm)
        else expect(() => normalizeTimestamp(text)).toThrow(RangeError)
      }),
    )
  })
})

describe('columnToDocument and documentToColumn', () => {
  it('change the spelling, not the instant', () => {
    expect(columnToDocument('2026-11-22T00:27:30.476797+00:00')).toBe('2026-11-22T00:27:30.476797Z')
    expect(documentToColumn('2026-11-22T00:27:30.476797Z')).toBe('2026-11-22T00:27:30.476797+00:00')
  })

  it('read the columns of the reference server, with a zero fraction dropped', () => {
    expect(columnToDocument('2026-11-22T00:27:30+00:00')).toBe('2026-11-22T00:27:30.000000Z')
  })

  it('read the columns of seeded users, without fraction and offset', () => {
    expect(columnToDocument('2026-11-22 00:27:30')).toBe('2026-11-22T00:27:30.000000Z')
  })

  it('leave a column alone that holds no timestamp', () => {
    expect(columnToDocument('long ago')).toBe('long ago')
    expect(columnToDocument('')).toBe('')
  })

  it('make columns of whatever offset and precision a document was written with', () => {
    expect(documentToColumn('2026-11-22T01:27:30+01:00')).toBe('2026-11-22T00:27:30.000000+00:00')
    expect(documentToColumn('2026-11-22T00:27:30.123456789Z')).toBe(
      '2026-11-22T00:27:30.123456+00:00',
    )
  })

  it('undo each other', () => {
    fc.assert(
      fc.property(instant, microseconds, (date, micros) => {
        const start = `${date.toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}`
        expect(documentToColumn(`${start}Z`)).toBe(`${start}+00:00`)
        expect(columnToDocument(`${start}+00:00`)).toBe(`${start}Z`)
      }),
    )
  })

  it('agree with the spellings of a Date', () => {
    fc.assert(
      fc.property(instant, (date) => {
        expect(documentToColumn(documentTimestamp(date))).toBe(columnTimestamp(date))
        expect(columnToDocument(columnTimestamp(date))).toBe(documentTimestamp(date))
      }),
    )
  })
})

describe('utcDay', () => {
  it('is the day in UTC', () => {
    expect(utcDay(new Date('2026-11-22T00:00:00Z'))).toBe('2026-11-22')
    expect(utcDay(new Date('2026-11-22T23:59:59.999Z'))).toBe('2026-11-22')
    expect(utcDay(new Date('2026-11-22T00:30:00+01:00'))).toBe('2026-11-21')
  })

  it('moves over the ends of months and years', () => {
    expect(utcDay(new Date('2026-12-31T12:00:00Z'), 1)).toBe('2027-01-01')
    expect(utcDay(new Date('2024-03-01T00:00:00Z'), -1)).toBe('2024-02-29')
    expect(utcDay(new Date('2026-01-15T00:00:00Z'), -30)).toBe('2025-12-16')
  })
})
