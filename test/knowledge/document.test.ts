import { readFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  readRankedParts,
  readUnit,
  type StoredUnit,
  toStoredText,
  UnitText,
  type UnitView,
  UnreadableDocument,
} from '../../src/knowledge/document.ts'
import type { Flag, KnowledgeUnit } from '../../src/knowledge/records.ts'
import { oddlyStored, rowOf, stored, unit } from './stored-document.ts'

fc.configureGlobal({ seed: 20261122 })

const isId = (value: unknown) => /^ku_[0-9a-f]{32}$/.test(String(value))

/** What an agent is shown of a flag; nothing of one that strict clients refuse. */
function flagForAgents(unit: KnowledgeUnit, { reason, timestamp, duplicate_of }: Flag): Flag[] {
  const named = isId(duplicate_of) ? duplicate_of : null
  if (reason === 'duplicate' && (named === null || named === unit.id)) return []
  return [{ reason, timestamp, detail: null, duplicate_of: named }]
}

function forAgents(unit: KnowledgeUnit): KnowledgeUnit {
  const { id, version, domains, insight, context, evidence, tier, created_by } = unit
  const keys = Object.keys(unit.extensions ?? {}).filter((key) => /^[a-z0-9][\w-]*:\S+$/.test(key))
  return {
    id,
    version,
    domains,
    insight: { summary: insight.summary, detail: insight.detail, action: insight.action },
    context: {
      languages: context.languages,
      frameworks: context.frameworks,
      pattern: context.pattern,
    },
    evidence: {
      confidence: evidence.confidence,
      confirmations: evidence.confirmations,
      first_observed: evidence.first_observed,
      last_confirmed: evidence.last_confirmed,
    },
    tier,
    created_by,
    superseded_by: isId(unit.superseded_by) ? unit.superseded_by : null,
    extensions:
      unit.extensions && Object.fromEntries(keys.map((key) => [key, unit.extensions?.[key]])),
    flags: unit.flags.flatMap((flag) => flagForAgents(unit, flag)),
  }
}

/** What each view shows of a unit, as objects tell it. */
const shown: Readonly<Record<UnitView, (unit: KnowledgeUnit) => unknown>> = {
  whole: (unit) => unit,
  review: (unit) => ({ ...unit, created_by: unit.created_by ?? '' }),
  legacy: (unit) => ({ ...forAgents(unit), created_by: unit.created_by ?? '' }),
  public: (unit) => {
    const { created_by: _, ...others } = forAgents(unit)
    return others
  },
}
const views = Object.keys(shown) as UnitView[]

describe('a stored document', () => {
  it('as a text of a whole unit, is the unit', () => {
    fc.assert(
      fc.property(unit, (meant) => {
        expect(JSON.parse(new UnitText(rowOf(toStoredText(meant))).seenAs('whole'))).toEqual(meant)
      }),
      { numRuns: 1000 },
    )
  })

  it.each(views)('seen as %s, is what objects tell of it', (view) => {
    fc.assert(
      fc.property(fc.oneof(stored, oddlyStored), ({ meant, text }) => {
        expect(JSON.parse(new UnitText(rowOf(text)).seenAs(view))).toEqual(shown[view](meant))
      }),
      { numRuns: 2000 },
    )
  })

  it('is a unit in any order of its fields', () => {
    fc.assert(
      fc.property(oddlyStored, ({ meant, text }) => {
        expect(readUnit(rowOf(text))).toEqual(meant)
      }),
    )
  })

  it('as an object, is the unit', () => {
    fc.assert(
      fc.property(unit, (meant) => {
        expect(readUnit(rowOf(toStoredText(meant)))).toEqual(meant)
      }),
    )
  })

  it('is the unit, whichever of its null fields were written, and however it was spaced', () => {
    fc.assert(
      fc.property(stored, ({ meant, text }) => {
        expect(JSON.parse(new UnitText(rowOf(text)).seenAs('whole'))).toEqual(meant)
        expect(readUnit(rowOf(text))).toEqual(meant)
      }),
      { numRuns: 1000 },
    )
  })

  it('names no field twice once it is whole', () => {
    fc.assert(
      fc.property(stored, ({ meant, text }) => {
        expect(new UnitText(rowOf(text)).seenAs('whole')).toHaveLength(
          new UnitText(rowOf(JSON.stringify(meant))).seenAs('whole').length,
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

  it('is ranked by what the whole unit says', () => {
    // As most are.
    const plainly = unit.map((one) => {
      const meant = { ...one, superseded_by: null, extensions: null, flags: [] }
      return { meant, text: toStoredText(meant) }
    })
    fc.assert(
      fc.property(fc.oneof(stored, oddlyStored, plainly), ({ meant, text }) => {
        const { domains, context, evidence, tier } = readRankedParts(rowOf(text))
        const parts = { domains, context, confidence: evidence.confidence, tier }
        const whole = { ...meant, confidence: meant.evidence.confidence }
        expect(whole).toMatchObject(parts)
        expect(Object.values(parts)).not.toContain(undefined)
      }),
      { numRuns: 2000 },
    )
  })

  it('is written anew as it was', () => {
    fc.assert(
      fc.property(unit, (meant) => {
        const written = toStoredText(meant)
        expect(toStoredText(readUnit(rowOf(written)))).toBe(written)
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
      expect(new UnitText(rowOf(stored)).seenAs(view)).toBe(beginning + proposer + end)
    },
  )

  it('is written without being parsed where it has its nulls', () => {
    const stored = JSON.stringify(plain).replace('0.7999999999999999', '0.80000')
    expect(new UnitText(rowOf(stored)).seenAs('whole')).toBe(stored)
  })

  it('tells its proposer to those who may know', () => {
    const stored = toStoredText({ ...plain, created_by: 'carol "c"' })
    expect(new UnitText(rowOf(stored)).seenAs('whole')).toContain(',"created_by":"carol \\"c\\"",')
    expect(new UnitText(rowOf(stored)).seenAs('legacy')).toContain(',"created_by":"carol \\"c\\"",')
    expect(new UnitText(rowOf(stored)).seenAs('public')).not.toContain('carol')
  })

  it.each([
    '{"created_by":"carol",',
    '{"created_by" : "carol",',
    '{"created\\u005fby":"carol",',
    '{"superseded_by":"ku_1","created_by":"carol",',
  ])('tells its proposer to no one else where it begins with %s', (beginning) => {
    const stored = toStoredText(plain).replace('{', beginning)
    expect(JSON.parse(new UnitText(rowOf(stored)).seenAs('whole'))).toMatchObject({
      created_by: 'carol',
    })
    expect(new UnitText(rowOf(stored)).seenAs('public')).not.toContain('carol')
  })

  it('is not misled by a text that speaks of its fields', () => {
    const summary = '"created_by": and "superseded_by": and "extensions": and "flags":[]'
    const unit = { ...plain, insight: { ...plain.insight, summary } }
    expect(JSON.parse(new UnitText(rowOf(toStoredText(unit))).seenAs('whole'))).toEqual(unit)
  })

  it('is completed where it has extensions whose names are those of its fields', () => {
    const unit = { ...plain, extensions: { 'a:b': { created_by: 'x', flags: [] } } }
    expect(JSON.parse(new UnitText(rowOf(toStoredText(unit))).seenAs('whole'))).toEqual(unit)
  })

  it('is completed where it has no flags at all', () => {
    const { flags, ...rest } = JSON.parse(toStoredText(plain))
    expect(flags).toEqual([])
    expect(JSON.parse(new UnitText(rowOf(JSON.stringify(rest))).seenAs('whole'))).toEqual(plain)
  })
})

describe('a document that lacks what cq does not require', () => {
  const id = `ku_${'a'.repeat(32)}`
  const sparse = { id, domains: ['a'], insight: { summary: 's', detail: 'd', action: 'a' } }
  const row = (document: unknown, created_at: string | null = null) => ({
    id,
    data: JSON.stringify(document),
    created_at,
  })

  it('is a whole unit, with cq’s defaults', () => {
    const stored = row(sparse, '2026-11-22T00:27:30.476797+00:00')
    expect(readUnit(stored)).toEqual({
      ...sparse,
      version: 1,
      context: { languages: [], frameworks: [], pattern: '' },
      evidence: {
        confidence: 0.5,
        confirmations: 1,
        first_observed: '2026-11-22T00:27:30.476797Z',
        last_confirmed: '2026-11-22T00:27:30.476797Z',
      },
      tier: 'private',
      created_by: null,
      superseded_by: null,
      extensions: null,
      flags: [],
    })
    expect(JSON.parse(new UnitText(stored).seenAs('whole'))).toEqual(readUnit(stored))
  })

  it('takes null for a field that is absent', () => {
    const nulls = Object.fromEntries(
      ['version', 'context', 'evidence', 'tier', 'extensions', 'flags'].map((name) => [name, null]),
    )
    expect(readUnit(row({ ...sparse, ...nulls }))).toEqual(readUnit(row(sparse)))
    const inner = { context: { languages: null }, evidence: { confirmations: null } }
    expect(readUnit(row({ ...sparse, ...inner }))).toEqual(readUnit(row(sparse)))
  })

  it('has one time stand for the other, and the row’s only where there is neither', () => {
    const time = '2020-01-02T03:04:05.000000Z'
    const created = '2026-11-22T00:27:30.476797+00:00'
    for (const evidence of [{ first_observed: time }, { last_confirmed: time }])
      expect(readUnit(row({ ...sparse, evidence }, created)).evidence).toMatchObject({
        first_observed: time,
        last_confirmed: time,
      })
    expect(readUnit(row(sparse, 'yesterday')).evidence.first_observed).toBe(
      '1970-01-01T00:00:00.000000Z',
    )
  })

  it('has times in the form that every client reads', () => {
    const evidence = {
      first_observed: '2026-11-22 00:27:30',
      last_confirmed: '2026-11-22T02:00:00+0200',
    }
    expect(readUnit(row({ ...sparse, evidence })).evidence).toMatchObject({
      first_observed: '2026-11-22T00:27:30.000000Z',
      last_confirmed: '2026-11-22T00:00:00.000000Z',
    })
  })

  it.each(['yesterday', '2026-02-30T00:00:00Z', 7, {}])('takes the time %j for none', (time) => {
    const last_confirmed = '2020-01-02T03:04:05.000000Z'
    const evidence = { first_observed: time, last_confirmed }
    const flags = [{ reason: 'stale', timestamp: time }]
    const unit = readUnit(row({ ...sparse, evidence, flags }))
    expect(unit.evidence.first_observed).toBe(last_confirmed)
    expect(unit.flags[0]?.timestamp).toBe(last_confirmed)
    const data = toStoredText({ ...unit, flags: [] }).replace(
      last_confirmed,
      '2026-13-01T00:00:00Z',
    )
    const text = new UnitText({ id, data, created_at: null }).seenAs('public')
    expect(JSON.parse(text)).toMatchObject({ evidence: { first_observed: last_confirmed } })
  })

  it('gives flags without a time the last one known', () => {
    const evidence = { last_confirmed: '2020-01-02T03:04:05.000000Z' }
    expect(readUnit(row({ ...sparse, evidence, flags: [{ reason: 'stale' }] })).flags).toEqual([
      {
        reason: 'stale',
        timestamp: evidence.last_confirmed,
        detail: null,
        duplicate_of: null,
      },
    ])
  })

  it('keeps fields that cq does not know, at every level', () => {
    const unit = readUnit(row({ ...sparse, later: { a: 1 }, context: { later: 2 } }))
    expect(JSON.parse(toStoredText(unit))).toMatchObject({ later: { a: 1 }, context: { later: 2 } })
  })

  it('is not taken for one that is complete by how it ends', () => {
    const stored = row({ ...sparse, tier: 'private', flags: [] })
    expect(JSON.parse(new UnitText(stored).seenAs('public'))).toMatchObject({
      version: 1,
      evidence: { confirmations: 1 },
    })
  })
})

/** What is made of a document, if it can be read. */
function attempt<Result>(make: () => Result): Result | undefined {
  try {
    return make()
  } catch (error) {
    expect(error).toBeInstanceOf(UnreadableDocument)
    return undefined
  }
}

describe('a document that is no unit', () => {
  const id = `ku_${'a'.repeat(32)}`
  const good = {
    id,
    domains: ['a'],
    insight: { summary: 's', detail: 'd', action: 'a' },
  }
  const nested = (depth: number) => `${'['.repeat(depth)}1234567890123456789${']'.repeat(depth)}`

  it.each<[document: unknown, why: string]>([
    ['', 'is not JSON; it begins with ""'],
    ['no JSON', 'is not JSON; it begins with "no JSON"'],
    ['null', 'is null, not a JSON object'],
    ['[]', 'is an array, not a JSON object'],
    [{ ...good, id: `ku_${'b'.repeat(32)}` }, `has the id "ku_${'b'.repeat(32)}"`],
    [{ id, domains: ['odd'] }, 'has no insight'],
    [{ ...good, insight: { summary: 's' } }, 'has no detail'],
    [{ ...good, domains: undefined }, 'has no domains'],
    [{ ...good, domains: [] }, 'has an array as its domains'],
    [{ ...good, domains: 'a' }, 'has "a" as its domains'],
    [{ ...good, domains: [7] }, 'has an array as its domains'],
    [{ ...good, flags: {} }, 'has an object as its flags'],
    [{ ...good, flags: ['stale'] }, 'has "stale" as a flag'],
    [{ ...good, flags: [{}] }, 'has no reason'],
    [{ ...good, flags: [{ reason: 'odd' }] }, 'has "odd" as its reason'],
    [{ ...good, context: [] }, 'has an array as its context'],
    [{ ...good, context: { languages: 'go' } }, 'has "go" as its languages'],
    [{ ...good, evidence: { confidence: 7 } }, 'has 7 as its confidence'],
    [{ ...good, evidence: { confidence: '0.5' } }, 'has "0.5" as its confidence'],
    [{ ...good, evidence: { confirmations: 1.5 } }, 'has 1.5 as its confirmations'],
    [{ ...good, tier: 'team' }, 'has "team" as its tier'],
    [{ ...good, version: 0 }, 'has 0 as its version'],
    [{ ...good, created_by: 7 }, 'has 7 as its created_by'],
    [{ ...good, extensions: [] }, 'has an array as its extensions'],
    [`{"id":"${id}","evidence":12345678901234567890}`, 'has no insight'],
    [
      JSON.stringify({ ...good, version: 0 }).replace('0}', '12345678901234567890}'),
      'has an object as its version',
    ],
    [JSON.stringify({ ...good, extensions: 'x' }).replace('"x"', nested(501)), 'nests too deep'],
    [JSON.stringify({ ...good, extensions: 'x' }).replace('"x"', nested(99_999)), 'nests too deep'],
  ])('is refused with the reason: %j %s', (document, why) => {
    const data = typeof document === 'string' ? document : JSON.stringify(document)
    const stored = { id, data, created_at: null }
    const refusal = new UnreadableDocument(stored, why)
    expect(() => readUnit(stored)).toThrow(refusal)
    expect(() => new UnitText(stored).seenAs('public')).toThrow(refusal)
  })

  it('is one whose id no client takes', () => {
    const stored = { id: 'ku_1', data: JSON.stringify({ ...good, id: 'ku_1' }), created_at: null }
    expect(() => readUnit(stored)).toThrow('has "ku_1" as its id')
  })

  const [sample] = fc.sample(unit, { seed: 7, numRuns: 1 }) as [KnowledgeUnit]
  const written = toStoredText({
    ...sample,
    evidence: { ...sample.evidence, confirmations: 999_999_999 },
    created_by: 'carol',
    superseded_by: null,
    extensions: null,
    flags: [],
  })
  /** A usual document with another number, as it may be written. */
  function usualWith(name: string, number: string): string {
    const data = written.replace(new RegExp(`(?<="${name}":)[^,]+`), number)
    expect(data).toContain(`"${name}":${number},`)
    return data
  }
  const confidences = ['0.50', '1.0', '1e-07', '0.25e-2']

  it.each(confidences)('is no usual one, whose %s is sent on as it was written', (number) => {
    const stored = rowOf(usualWith('confidence', number))
    expect(new UnitText(stored).seenAs('whole')).toContain(`"confidence":${number},`)
  })

  it.each([
    ['version', '2147483648'],
    ['confirmations', '2147483648'],
    ['confidence', '9e-0'],
    ['confidence', '2e-00'],
    ['confidence', '1.5'],
  ])('is refused for its %s %s, however usual its form', (name, number) => {
    const stored = rowOf(usualWith(name, number))
    const refusal = new UnreadableDocument(stored, `has ${Number(number)} as its ${name}`)
    expect(() => readUnit(stored)).toThrow(refusal)
    expect(() => new UnitText(stored)).toThrow(refusal)
  })

  it('is refused wherever a usual one is broken, and never sent on as it is', () => {
    fc.assert(
      fc.property(
        // As characters: no database gives halves of a surrogate pair.
        fc.constantFrom(...confidences.map((number) => [...usualWith('confidence', number)])),
        fc.nat(written.length),
        fc.constantFrom('', '"', '{', ']', ',', '\\', '\u0001', '9', '-', 'é'),
        (characters, place, put) => {
          const data = characters.toSpliced(place % characters.length, 1, put).join('')
          const stored = rowOf(data)
          const unit = attempt(() => readUnit(stored))
          const text = attempt(() => new UnitText(stored))
          expect(text === undefined).toBe(unit === undefined)
          if (unit && text)
            for (const view of views)
              expect(JSON.parse(text.seenAs(view))).toEqual(shown[view](unit))
        },
      ),
      { numRuns: 3000 },
    )
  })
})

describe('numbers that a double cannot hold', () => {
  const id = `ku_${'0'.repeat(32)}`
  const [base] = fc.sample(unit, { seed: 3, numRuns: 1 }) as [KnowledgeUnit]
  const withNumber = (number: string) =>
    toStoredText({ ...base, extensions: { 'a:b': { n: ['NUMBER'] } } }).replace('"NUMBER"', number)

  it.each([
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890123456789',
    '1000000000000000000000',
    '1e400',
  ])('stay as they were written: %s', (number) => {
    const stored = rowOf(withNumber(number), id)
    expect(new UnitText(stored).seenAs('whole')).toContain(`{"n":[${number}]}`)
    // What other programs read as infinity is not for agents.
    const extensions = number === '1e400' ? '{}' : `{"a:b":{"n":[${number}]}}`
    expect(new UnitText(stored).seenAs('public')).toContain(`"extensions":${extensions}`)
    expect(toStoredText(readUnit(stored))).toBe(stored.data)
  })
})

describe('the documents of the reference server', () => {
  const rowsOf = (fixture: string): StoredUnit[] => {
    const file = new URL(`../fixtures/reference-${fixture}.db`, import.meta.url)
    const db = new Sqlite(readFileSync(file))
    try {
      return db.prepare<[], StoredUnit>('select id, data, created_at from knowledge_units').all()
    } finally {
      db.close()
    }
  }

  it('of the newest release are written anew to the letter', () => {
    const rows = rowsOf('current')
    expect(rows).toHaveLength(10)
    for (const row of rows) expect(toStoredText(readUnit(row))).toBe(row.data)
  })

  it('of an older release, with its nulls, are written anew as the newest release would', () => {
    const rows = rowsOf('legacy')
    expect(rows).toHaveLength(10)
    for (const row of rows) {
      const withoutNulls = JSON.stringify(JSON.parse(row.data), (_, value) => value ?? undefined)
      expect(toStoredText(readUnit(row))).toBe(withoutNulls)
      expect(JSON.parse(new UnitText(row).seenAs('whole'))).toEqual(readUnit(row))
    }
  })
})
