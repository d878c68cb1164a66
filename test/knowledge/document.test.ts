import { readFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { completeText, fromStoredText, toStoredText } from '../../src/knowledge/document.ts'
import type { Flag, KnowledgeUnit } from '../../src/knowledge/knowledge-unit.ts'

fc.configureGlobal({ seed: 20261122 })

/** Text that looks like a part of a document, also where it was escaped once already. */
const misleading = fc.constantFrom(
  '"superseded_by":',
  '"created_by":null',
  '"extensions":{}',
  '"flags":[]',
  ',"flags":[]}',
  '\\"flags\\":[]',
  '\\\\"extensions":',
  '}',
  '"',
  '\\',
  '\u2028',
  '\u0000',
  'İ😀',
)
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc
    .array(fc.oneof(misleading, fc.string({ maxLength: 3 })), { maxLength: 4 })
    .map((parts) => parts.join('')),
)
const texts = fc.array(text, { maxLength: 3 })
const timestamp = fc.constantFrom('2026-11-22T00:27:30.476797Z', '2020-02-29T23:59:59.000000Z')
const absent = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })

const flag: fc.Arbitrary<Flag> = fc.record({
  reason: fc.constantFrom('stale', 'incorrect', 'duplicate'),
  timestamp,
  detail: absent(text),
  duplicate_of: absent(text),
})

const misleadingExtension = fc.constantFrom(
  { created_by: 'x', flags: [] },
  { superseded_by: null, extensions: null },
  null,
  [],
  {},
)
/** What JSON can say. It has no negative zero. */
const jsonValue = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)))
const extensions = fc.dictionary(
  fc.constantFrom('a:b', 'acme:"flags":[]', 'acme:created_by', 'x:"extensions":'),
  fc.oneof(jsonValue, misleadingExtension),
  { maxKeys: 3 },
)

/** In the order in which a Store has the fields. */
const unit: fc.Arbitrary<KnowledgeUnit> = fc.record(
  {
    id: fc.constant(`ku_${'0'.repeat(32)}`),
    version: fc.integer({ min: 1, max: 3 }),
    domains: fc.array(text, { minLength: 1, maxLength: 3 }),
    insight: fc.record({ summary: text, detail: text, action: text }),
    context: fc.record({ languages: texts, frameworks: texts, pattern: text }),
    evidence: fc.record({
      confidence: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
      confirmations: fc.nat(),
      first_observed: timestamp,
      last_confirmed: timestamp,
    }),
    tier: fc.constantFrom('local', 'private', 'public'),
    created_by: absent(text),
    superseded_by: absent(text),
    extensions: absent(extensions),
    flags: fc.oneof(fc.constant<Flag[]>([]), fc.array(flag, { maxLength: 3 })),
  },
  { noNullPrototype: true },
)

const nullable = ['created_by', 'superseded_by', 'extensions'] as const
const nullableInFlags = ['detail', 'duplicate_of'] as const

/** A unit's text as some release may have stored it: of the fields that are null, some are left out. */
const stored = fc
  .tuple(
    unit,
    fc.subarray([...nullable]),
    fc.subarray([...nullableInFlags]),
    fc.constantFrom(undefined, 1),
  )
  .map(([meant, omitted, omittedInFlags, indent]) => {
    const without = (record: object, names: readonly string[]) =>
      Object.fromEntries(
        Object.entries(record).filter(([name, value]) => value !== null || !names.includes(name)),
      )
    const flags = meant.flags.map((one) => without(one, omittedInFlags))
    return { meant, text: JSON.stringify(without({ ...meant, flags }, omitted), null, indent) }
  })

describe('a stored document', () => {
  it('as a text of a whole unit, is the unit', () => {
    fc.assert(
      fc.property(unit, (meant) => {
        expect(JSON.parse(completeText(toStoredText(meant)))).toEqual(meant)
      }),
      { numRuns: 1000 },
    )
  })

  it('as an object, is the unit', () => {
    fc.assert(
      fc.property(unit, (meant) => {
        expect(fromStoredText(toStoredText(meant))).toEqual(meant)
      }),
    )
  })

  it('is the unit, whichever of its null fields were written, and however it was spaced', () => {
    fc.assert(
      fc.property(stored, ({ meant, text }) => {
        expect(JSON.parse(completeText(text))).toEqual(meant)
        expect(fromStoredText(text)).toEqual(meant)
      }),
      { numRuns: 1000 },
    )
  })

  it('names no field twice once it is whole', () => {
    fc.assert(
      fc.property(stored, ({ meant, text }) => {
        expect(completeText(text)).toHaveLength(completeText(JSON.stringify(meant)).length)
      }),
    )
  })

  it('has no field that is null, but inside its extensions', () => {
    fc.assert(
      fc.property(unit, (meant) => {
        const { extensions: inner, ...document } = JSON.parse(toStoredText(meant))
        expect(inner ?? null).toEqual(meant.extensions)
        expect(JSON.stringify(Object.values(document).filter((value) => value === null))).toBe('[]')
        for (const one of document.flags) expect(Object.values(one)).not.toContain(null)
      }),
    )
  })

  it('is written anew as it was', () => {
    fc.assert(
      fc.property(unit, (meant) => {
        const written = toStoredText(meant)
        expect(toStoredText(fromStoredText(written))).toBe(written)
      }),
    )
  })
})

describe('a document without flags and extensions', () => {
  const plain: KnowledgeUnit = {
    id: `ku_${'0'.repeat(32)}`,
    version: 1,
    domains: ['a'],
    insight: { summary: 'S', detail: 'D', action: 'A' },
    context: { languages: [], frameworks: [], pattern: '' },
    evidence: {
      confidence: 0.7999999999999999,
      confirmations: 4,
      first_observed: '2026-11-22T00:27:30.476797Z',
      last_confirmed: '2026-11-22T00:27:30.554714Z',
    },
    tier: 'private',
    created_by: null,
    superseded_by: null,
    extensions: null,
    flags: [],
  }

  it('is completed without being parsed: what is there stays as it was written', () => {
    const text = toStoredText(plain).replace('0.7999999999999999', '0.80000')
    expect(completeText(text)).toBe(
      `${text.slice(0, -1)},"extensions":null,"created_by":null,"superseded_by":null}`,
    )
  })

  it('is not misled by a text that speaks of its fields', () => {
    const summary = '"created_by": and "superseded_by": and "extensions": and "flags":[]'
    const unit = { ...plain, insight: { ...plain.insight, summary } }
    expect(JSON.parse(completeText(toStoredText(unit)))).toEqual(unit)
  })

  it('is completed where it has extensions whose names are those of its fields', () => {
    const unit = { ...plain, extensions: { 'a:b': { created_by: 'x', flags: [] } } }
    expect(JSON.parse(completeText(toStoredText(unit)))).toEqual(unit)
  })

  it('is completed where it has no flags at all', () => {
    const { flags, ...rest } = JSON.parse(toStoredText(plain))
    expect(flags).toEqual([])
    expect(JSON.parse(completeText(JSON.stringify(rest)))).toEqual(plain)
  })
})

describe('the documents of the reference server', () => {
  const documentsOf = (fixture: string): string[] => {
    const file = new URL(`../fixtures/reference-${fixture}.db`, import.meta.url)
    const db = new Sqlite(readFileSync(file))
    try {
      return db.prepare<[], string>('select data from knowledge_units').pluck().all()
    } finally {
      db.close()
    }
  }

  it('of the newest release are written anew to the letter', () => {
    const documents = documentsOf('current')
    expect(documents).toHaveLength(10)
    for (const document of documents) expect(toStoredText(fromStoredText(document))).toBe(document)
  })

  it('of an older release, with its nulls, are written anew as the newest release would', () => {
    const documents = documentsOf('legacy')
    expect(documents).toHaveLength(10)
    for (const document of documents) {
      const withoutNulls = JSON.stringify(JSON.parse(document), (_, value) => value ?? undefined)
      expect(toStoredText(fromStoredText(document))).toBe(withoutNulls)
      expect(JSON.parse(completeText(document))).toEqual(fromStoredText(document))
    }
  })
})
