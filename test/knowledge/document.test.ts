import { readFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  fromStoredText,
  toStoredText,
  type UnitView,
  unitText,
} from '../../src/knowledge/document.ts'
import type { KnowledgeUnit } from '../../src/knowledge/knowledge-unit.ts'
import { oddlyStored, stored, unit } from './stored-document.ts'

fc.configureGlobal({ seed: 20261122 })

/** What each view shows of a unit, as objects tell it. */
const shown: Readonly<Record<UnitView, (unit: KnowledgeUnit) => unknown>> = {
  whole: (unit) => unit,
  review: (unit) => ({ ...unit, created_by: unit.created_by ?? '' }),
  legacy: (unit) => ({
    ...unit,
    created_by: unit.created_by ?? '',
    flags: unit.flags.map((flag) => ({ ...flag, detail: null })),
  }),
  public: ({ created_by: _, ...others }) => ({
    ...others,
    flags: others.flags.map((flag) => ({ ...flag, detail: null })),
  }),
}
const views = Object.keys(shown) as UnitView[]

describe('a stored document', () => {
  it('as a text of a whole unit, is the unit', () => {
    fc.assert(
      fc.property(unit, (meant) => {
        expect(JSON.parse(unitText(toStoredText(meant), 'whole'))).toEqual(meant)
      }),
      { numRuns: 1000 },
    )
  })

  it.each(views)('seen as %s, is what objects tell of it', (view) => {
    fc.assert(
      fc.property(fc.oneof(stored, oddlyStored), ({ meant, text }) => {
        expect(JSON.parse(unitText(text, view))).toEqual(shown[view](meant))
      }),
      { numRuns: 2000 },
    )
  })

  it('is a unit in any order of its fields', () => {
    fc.assert(
      fc.property(oddlyStored, ({ meant, text }) => {
        expect(fromStoredText(text)).toEqual(meant)
      }),
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
        expect(JSON.parse(unitText(text, 'whole'))).toEqual(meant)
        expect(fromStoredText(text)).toEqual(meant)
      }),
      { numRuns: 1000 },
    )
  })

  it('names no field twice once it is whole', () => {
    fc.assert(
      fc.property(stored, ({ meant, text }) => {
        expect(unitText(text, 'whole')).toHaveLength(
          unitText(JSON.stringify(meant), 'whole').length,
        )
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

  it.each([
    ['whole', ',"created_by":null'],
    ['review', ',"created_by":""'],
    ['legacy', ',"created_by":""'],
    ['public', ''],
  ] as const)(
    'is written as %s without being parsed: what is there stays as it was',
    (view, proposer) => {
      const stored = toStoredText(plain).replace('0.7999999999999999', '0.80000')
      const beginning = stored.slice(0, stored.indexOf(',"flags":[]}'))
      const end = ',"superseded_by":null,"extensions":null,"flags":[]}'
      expect(unitText(stored, view)).toBe(beginning + proposer + end)
    },
  )

  it('is written without being parsed where it has its nulls', () => {
    const stored = JSON.stringify(plain).replace('0.7999999999999999', '0.80000')
    expect(unitText(stored, 'whole')).toBe(stored)
  })

  it('tells its proposer to those who may know', () => {
    const stored = toStoredText({ ...plain, created_by: 'carol "c"' })
    expect(unitText(stored, 'whole')).toContain(',"created_by":"carol \\"c\\"",')
    expect(unitText(stored, 'legacy')).toContain(',"created_by":"carol \\"c\\"",')
    expect(unitText(stored, 'public')).not.toContain('carol')
  })

  it.each([
    '{"created_by":"carol",',
    '{"created_by" : "carol",',
    '{"created\\u005fby":"carol",',
    '{"superseded_by":"ku_1","created_by":"carol",',
  ])('tells its proposer to no one else where it begins with %s', (beginning) => {
    const stored = toStoredText(plain).replace('{', beginning)
    expect(JSON.parse(unitText(stored, 'whole'))).toMatchObject({ created_by: 'carol' })
    expect(unitText(stored, 'public')).not.toContain('carol')
  })

  it('is not misled by a text that speaks of its fields', () => {
    const summary = '"created_by": and "superseded_by": and "extensions": and "flags":[]'
    const unit = { ...plain, insight: { ...plain.insight, summary } }
    expect(JSON.parse(unitText(toStoredText(unit), 'whole'))).toEqual(unit)
  })

  it('is completed where it has extensions whose names are those of its fields', () => {
    const unit = { ...plain, extensions: { 'a:b': { created_by: 'x', flags: [] } } }
    expect(JSON.parse(unitText(toStoredText(unit), 'whole'))).toEqual(unit)
  })

  it('is completed where it has no flags at all', () => {
    const { flags, ...rest } = JSON.parse(toStoredText(plain))
    expect(flags).toEqual([])
    expect(JSON.parse(unitText(JSON.stringify(rest), 'whole'))).toEqual(plain)
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
      expect(JSON.parse(unitText(document, 'whole'))).toEqual(fromStoredText(document))
    }
  })
})
