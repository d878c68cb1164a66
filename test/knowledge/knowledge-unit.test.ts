import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { StoreError } from '../../src/errors.ts'
import {
  createKnowledgeUnit,
  knowledgeUnitSchema,
  newUnitId,
  parseFlag,
  parseKnowledgeUnit,
} from '../../src/knowledge/knowledge-unit.ts'
import {
  type Flag,
  type FlagInput,
  type KnowledgeUnit,
  type KnowledgeUnitInput,
  type NewKnowledgeUnit,
  type Tier,
  tiers,
} from '../../src/knowledge/records.ts'
import { checker } from '../../src/knowledge/validation.ts'

fc.configureGlobal({ seed: 20261122 })

const now = new Date('2026-11-22T00:27:30.476Z')
const nowText = '2026-11-22T00:27:30.476000Z'
const idForm = /^ku_[0-9a-f]{32}$/

const proposal = {
  domains: ['api'],
  insight: { summary: 'Summary', detail: 'Detail', action: 'Action' },
} satisfies NewKnowledgeUnit
const otherId = `ku_${'0b'.repeat(16)}`
const minimal = { id: `ku_${'0a'.repeat(16)}`, ...proposal } satisfies KnowledgeUnitInput
const flag = { reason: 'stale', timestamp: '2026-11-22T00:00:00Z' } as const

const parse = (more: object) => parseKnowledgeUnit({ ...minimal, ...more }, now)

/** The message of the StoreError `invalid` that the call throws. */
function refusal(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code: 'invalid' })
    return (error as StoreError).message
  }
  return expect.fail('it was taken')
}

const text = (maxLength: number) =>
  fc.string({ unit: 'binary', maxLength }).filter((text) => !text.includes('\0'))
const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })
const timestamp = fc
  .date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  })
  .chain((date) => {
    const utc = date.toISOString()
    return fc.constantFrom(utc, utc.replace('Z', '+00:00'), utc.slice(0, 19).replace('T', ' '))
  })
const tags = fc.array(text(64), { maxLength: 16 })
const extensionKey = fc
  .tuple(fc.stringMatching(/^[a-z0-9][a-z0-9_-]*$/), fc.stringMatching(/^[!-~]+$/))
  .map(([vendor, key]) => `${vendor}:${key}`)
const extensionValue = fc
  .jsonValue({ stringUnit: 'binary' })
  .filter((value) => !JSON.stringify(value).includes('\\u0000'))

/** Every unit that a Store takes. */
const unitId = fc.stringMatching(idForm)
const unitInput: fc.Arbitrary<KnowledgeUnitInput> = fc.record(
  {
    id: unitId,
    version: fc.integer({ min: 1, max: 2_147_483_647 }),
    // Half the length, since lower case may be longer.
    domains: fc
      .tuple(fc.array(text(32), { maxLength: 15 }), fc.constantFrom('api', ' API ', 'Db'))
      .map(([domains, last]) => [...domains, last]),
    insight: fc.record({ summary: text(500), detail: text(8000), action: text(2000) }),
    context: fc.record(
      { languages: tags, frameworks: tags, pattern: text(200) },
      { requiredKeys: [] },
    ),
    evidence: fc.record(
      {
        confidence: fc.double({ min: 0, max: 1, noNaN: true }),
        confirmations: fc.nat(),
        first_observed: nullable(timestamp),
        last_confirmed: nullable(timestamp),
      },
      { requiredKeys: [] },
    ),
    tier: fc.constantFrom(...tiers),
    created_by: nullable(text(256)),
    superseded_by: nullable(unitId),
    extensions: nullable(fc.dictionary(extensionKey, extensionValue, { maxKeys: 20 })),
    flags: fc.array(
      fc.oneof(
        fc.record(
          {
            reason: fc.constantFrom('stale', 'incorrect'),
            timestamp,
            detail: nullable(text(1000)),
            duplicate_of: nullable(unitId),
          },
          { requiredKeys: ['reason', 'timestamp'] },
        ),
        fc.record({ reason: fc.constant('duplicate'), timestamp, duplicate_of: unitId }),
      ),
      { maxLength: 4 },
    ),
  },
  { requiredKeys: ['id', 'domains', 'insight'] },
)

describe('parseKnowledgeUnit', () => {
  it('fills in what is left out', () => {
    expect(parse({})).toStrictEqual({
      id: minimal.id,
      version: 1,
      domains: ['api'],
      insight: minimal.insight,
      context: { languages: [], frameworks: [], pattern: '' },
      evidence: {
        confidence: 0.5,
        confirmations: 1,
        first_observed: nowText,
        last_confirmed: nowText,
      },
      tier: 'private',
      created_by: null,
      superseded_by: null,
      extensions: null,
      flags: [],
    })
  })

  it('keeps everything that is given', () => {
    const whole: KnowledgeUnit = {
      id: minimal.id,
      version: 7,
      domains: ['api', 'db'],
      insight: { summary: '', detail: '', action: '' },
      context: { languages: ['Go', 'Go'], frameworks: ['Gin'], pattern: 'Retry' },
      evidence: {
        confidence: 0.7999999999999999,
        confirmations: 4,
        first_observed: '2026-01-02T03:04:05.678901Z',
        last_confirmed: '2026-02-03T04:05:06.000000Z',
      },
      tier: 'public',
      created_by: 'ada',
      superseded_by: `ku_${'f'.repeat(32)}`,
      extensions: { 'acme:note': { deep: [1, null, 'é😀', true] }, 'x:y': null },
      flags: [
        {
          reason: 'duplicate',
          timestamp: '2026-03-04T05:06:07.000001Z',
          detail: 'seen before',
          duplicate_of: `ku_${'e'.repeat(32)}`,
        },
      ],
    }
    expect(parseKnowledgeUnit(whole, now)).toStrictEqual(whole)
  })

  it('fills in the parts of a context, of evidence and of a flag', () => {
    const unit = parse({
      context: { pattern: 'retry' },
      evidence: { confidence: 0 },
      flags: [flag],
      extensions: {},
    })
    expect(unit.context).toStrictEqual({ languages: [], frameworks: [], pattern: 'retry' })
    expect(unit.evidence).toStrictEqual({
      confidence: 0,
      confirmations: 1,
      first_observed: nowText,
      last_confirmed: nowText,
    })
    expect(unit.flags).toStrictEqual([
      { ...flag, timestamp: '2026-11-22T00:00:00.000000Z', detail: null, duplicate_of: null },
    ])
    expect(unit.extensions).toStrictEqual({})
  })

  it('normalises domains', () => {
    expect(parse({ domains: [' API ', '', 'Db', 'api', '\u0085'] }).domains).toEqual(['api', 'db'])
  })

  it.each([[['']], [[' ', '\t', '\u0085']]])('refuses %j as domains', (domains) => {
    expect(refusal(() => parse({ domains }))).toBe('At least one non-empty domain is required')
  })

  it('brings timestamps into one form', () => {
    const unit = parse({
      evidence: {
        first_observed: '2026-11-22T01:27:30+01:00',
        last_confirmed: '2026-11-22 02:00:00.5',
      },
      flags: [{ ...flag, timestamp: '2026-11-22T00:27:30.123456789Z' }],
    })
    expect(unit.evidence.first_observed).toBe('2026-11-22T00:27:30.000000Z')
    expect(unit.evidence.last_confirmed).toBe('2026-11-22T02:00:00.500000Z')
    expect(unit.flags[0]?.timestamp).toBe('2026-11-22T00:27:30.123456Z')
  })

  it.each([
    ['first_observed for both', { first_observed: '2026-01-01T00:00:00Z' }],
    ['last_confirmed for both', { last_confirmed: '2026-01-01T00:00:00Z' }],
    ['one for a null', { first_observed: '2026-01-01T00:00:00Z', last_confirmed: null }],
    ['one for the other null', { first_observed: null, last_confirmed: '2026-01-01T00:00:00Z' }],
  ])('takes %s', (_what, evidence) => {
    expect(parse({ evidence }).evidence).toMatchObject({
      first_observed: '2026-01-01T00:00:00.000000Z',
      last_confirmed: '2026-01-01T00:00:00.000000Z',
    })
  })

  it('takes now for both nulls', () => {
    expect(
      parse({ evidence: { first_observed: null, last_confirmed: null } }).evidence,
    ).toMatchObject({ first_observed: nowText, last_confirmed: nowText })
  })

  it('drops fields that it does not know, at every level', () => {
    const unit = parseKnowledgeUnit(
      {
        ...minimal,
        unknown: 1,
        insight: { ...minimal.insight, unknown: '\0' },
        context: { unknown: 1 },
        evidence: { unknown: 1 },
        flags: [{ ...flag, unknown: 1 }],
      },
      now,
    )
    expect(unit).toStrictEqual(parse({ flags: [flag] }))
  })

  it('leaves its input as it was', () => {
    fc.assert(
      fc.property(unitInput, (input) => {
        const before = structuredClone(input)
        parseKnowledgeUnit(input, now)
        expect(input).toEqual(before)
      }),
    )
  })

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(unitInput, (input) => {
        const unit = parseKnowledgeUnit(input, now)
        expect(parseKnowledgeUnit(unit, new Date(0))).toStrictEqual(unit)
      }),
    )
  })

  it('gives what its schema says', () => {
    const check = checker<KnowledgeUnit>('unit', knowledgeUnitSchema)
    fc.assert(
      fc.property(unitInput, (input) => {
        const unit = parseKnowledgeUnit(input, now)
        expect(check(unit)).toBe(unit)
      }),
    )
  })

  it('gives a unit that JSON carries whole', () => {
    fc.assert(
      fc.property(unitInput, (input) => {
        // JSON has no -0.
        const read = JSON.parse(JSON.stringify(input))
        const unit = parseKnowledgeUnit(read, now)
        expect(JSON.parse(JSON.stringify(unit))).toEqual(unit)
      }),
    )
  })

  it('answers any input with a unit or with `invalid`', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
    })
    const field = fc.constantFrom(...Object.keys(knowledgeUnitSchema.properties))
    const nested = fc
      .tuple(fc.constantFrom('insight', 'context', 'evidence', 'extensions'), fc.string(), anything)
      .map(([field, name, value]) => ({ [field]: { [name]: value } }))
    const changed = fc.tuple(field, anything).map(([field, value]) => ({ [field]: value }))
    const spoilt = fc
      .tuple(unitInput, fc.oneof(changed, nested))
      .map(([input, change]) => ({ ...input, ...change }))
    fc.assert(
      fc.property(fc.oneof(anything, spoilt), (input) => {
        try {
          expect(parseKnowledgeUnit(input, now).id).toMatch(idForm)
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError)
          expect(error).toMatchObject({ code: 'invalid' })
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the limits of a unit', () => {
  const insight = (field: string) => (value: string) => ({
    insight: { ...minimal.insight, [field]: value },
  })
  const texts: [string, number, (value: string) => object][] = [
    ['insight.summary', 500, insight('summary')],
    ['insight.detail', 8000, insight('detail')],
    ['insight.action', 2000, insight('action')],
    ['domains[1]', 64, (value) => ({ domains: ['api', value] })],
    ['context.languages[0]', 64, (value) => ({ context: { languages: [value] } })],
    ['context.frameworks[1]', 64, (value) => ({ context: { frameworks: ['gin', value] } })],
    ['context.pattern', 200, (value) => ({ context: { pattern: value } })],
    ['created_by', 256, (value) => ({ created_by: value })],
    ['flags[0].detail', 1000, (value) => ({ flags: [{ ...flag, detail: value }] })],
  ]

  it.each(texts)('lets %s be %i code points long, and no longer', (path, most, having) => {
    for (const character of ['x', 'é', '😀']) {
      parse(having(character.repeat(most)))
      expect(refusal(() => parse(having(character.repeat(most + 1))))).toBe(
        `invalid knowledge unit: ${path} must be at most ${most} characters, got ${most + 1}`,
      )
    }
  })

  it.each(texts)('lets %s hold no NUL and no lone surrogate', (path, _most, having) => {
    for (const text of ['\0', 'a\0b', '\ud83d', '\ude00', 'a\ude00\ud83db', '😀\ud83d'])
      expect(refusal(() => parse(having(text)))).toBe(
        `invalid knowledge unit: ${path} must hold no NUL and no lone surrogate`,
      )
    parse(having('a\u0001\n\u007f\ufffe\uffff😀'))
  })

  it.each([
    ['domains', (value: string[]) => ({ domains: value })],
    ['context.languages', (value: string[]) => ({ context: { languages: value } })],
    ['context.frameworks', (value: string[]) => ({ context: { frameworks: value } })],
  ])('lets %s have 16 items, and no more', (path, having) => {
    const items = Array.from({ length: 17 }, (_, i) => `item ${i}`)
    parse(having(items.slice(0, 16)))
    expect(refusal(() => parse(having(items)))).toBe(
      `invalid knowledge unit: ${path} must have at most 16 items, got 17`,
    )
  })

  it('lets domains be no longer in lower case either', () => {
    expect(parse({ domains: ['İ'.repeat(32)] }).domains).toEqual(['i\u0307'.repeat(32)])
    expect(refusal(() => parse({ domains: ['İ'.repeat(33)] }))).toMatch(/domains.* 64 characters/)
  })

  it('asks for a domain', () => {
    expect(refusal(() => parse({ domains: [] }))).toMatch(
      /domains must NOT have fewer than 1 items/,
    )
  })

  it.each(['id', 'domains', 'insight'])('asks for %s', (field) => {
    expect(refusal(() => parse({ [field]: undefined }))).toBe(
      `invalid knowledge unit: it must have required property '${field}'`,
    )
  })

  it.each(['summary', 'detail', 'action'])('asks for insight.%s', (field) => {
    expect(refusal(() => parse({ insight: { ...minimal.insight, [field]: undefined } }))).toBe(
      `invalid knowledge unit: insight must have required property '${field}'`,
    )
  })

  it.each(['reason', 'timestamp'])('asks for the %s of a flag', (field) => {
    expect(refusal(() => parse({ flags: [{ ...flag, [field]: undefined }] }))).toBe(
      `invalid knowledge unit: flags[0] must have required property '${field}'`,
    )
  })

  it.each<[string, object]>([
    ['id', { id: 'ku_1' }],
    ['id', { id: `ku_${'A'.repeat(32)}` }],
    ['id', { id: `ku_${'a'.repeat(33)}` }],
    ['id', { id: `ku_${'a'.repeat(32)}\n` }],
    ['id', { id: 1 }],
    ['superseded_by', { superseded_by: 'ku_1' }],
    ['superseded_by', { superseded_by: '' }],
    ['version', { version: 0 }],
    ['version', { version: 1.5 }],
    ['version', { version: 2 ** 31 }],
    ['domains', { domains: 'api' }],
    ['domains', { domains: null }],
    ['domains[0]', { domains: [1] }],
    ['insight', { insight: 'text' }],
    ['insight.detail', { insight: { ...minimal.insight, detail: null } }],
    ['context', { context: null }],
    ['context', { context: [] }],
    ['context.languages', { context: { languages: 'go' } }],
    ['context.pattern', { context: { pattern: null } }],
    ['evidence.confidence', { evidence: { confidence: -0.1 } }],
    ['evidence.confidence', { evidence: { confidence: 1.0000000000000002 } }],
    ['evidence.confidence', { evidence: { confidence: Number.NaN } }],
    ['evidence.confidence', { evidence: { confidence: '0.5' } }],
    ['evidence.confirmations', { evidence: { confirmations: -1 } }],
    ['evidence.confirmations', { evidence: { confirmations: 0.5 } }],
    ['evidence.first_observed', { evidence: { first_observed: '2026-02-30T00:00:00Z' } }],
    ['evidence.last_confirmed', { evidence: { last_confirmed: 'yesterday' } }],
    ['evidence.last_confirmed', { evidence: { last_confirmed: 0 } }],
    ['tier', { tier: 'global' }],
    ['tier', { tier: null }],
    ['created_by', { created_by: 1 }],
    ['extensions', { extensions: [] }],
    ['extensions', { extensions: 'text' }],
    ['flags', { flags: null }],
    ['flags[0].reason', { flags: [{ ...flag, reason: 'boring' }] }],
    ['flags[0].timestamp', { flags: [{ ...flag, timestamp: null }] }],
  ])('refuses a wrong %s: %o', (path, more) => {
    const message = refusal(() => parse(more))
    expect(message).toContain(`invalid knowledge unit: ${path} must `)
    expect(message).not.toContain(';')
  })

  it.each([undefined, null, 'text', 5, [], [minimal]])('refuses %j for a unit', (input) => {
    expect(refusal(() => parseKnowledgeUnit(input, now))).toBe(
      'invalid knowledge unit: it must be object',
    )
  })

  it('lists every fault in one error', () => {
    expect(
      refusal(() =>
        parseKnowledgeUnit(
          {
            id: 'x',
            domains: ['api', 'x'.repeat(65), 5],
            insight: { summary: 'x'.repeat(501), detail: '\0' },
            evidence: { first_observed: 'then' },
            tier: 'global',
            extensions: { bare: 1, 'a:b': ['\ud800'] },
            flags: [flag, { reason: 'boring' }],
          },
          now,
        ),
      ).split('; '),
    ).toEqual([
      'invalid knowledge unit: id must match pattern "^ku_[0-9a-f]{32}$", got "x"',
      'domains[1] must be at most 64 characters, got 65',
      'domains[2] must be string',
      "insight must have required property 'action'",
      'insight.summary must be at most 500 characters, got 501',
      'insight.detail must hold no NUL and no lone surrogate',
      'evidence.first_observed must be an RFC 3339 timestamp, got "then"',
      'tier must be one of "local", "private", "public", got "global"',
      expect.stringContaining('extensions must not have the key "bare"'),
      "flags[1] must have required property 'timestamp'",
      'flags[1].reason must be one of "stale", "incorrect", "duplicate", got "boring"',
      'extensions must hold no NUL and no lone surrogate, found in "\\ud800"',
    ])
  })
})

describe('extensions', () => {
  it('have at most 20 keys', () => {
    const entries = Array.from({ length: 21 }, (_, i) => [`acme:key-${i}`, i])
    const most = Object.fromEntries(entries.slice(0, 20))
    expect(parse({ extensions: most }).extensions).toEqual(most)
    expect(refusal(() => parse({ extensions: Object.fromEntries(entries) }))).toMatch(
      /extensions must NOT have more than 20 properties/,
    )
  })

  it.each(['acme:note', '0:1', 'a_b-c:x', 'a::', 'acme:É😀/"'])('take the key %j', (key) => {
    expect(parse({ extensions: { [key]: 1 } }).extensions).toEqual({ [key]: 1 })
  })

  it.each([
    '',
    'note',
    ':note',
    'acme:',
    'Acme:note',
    '_a:x',
    '-a:x',
    'a.b:x',
    'é:x',
    'a:b c',
    'a:b\n',
  ])('refuse the key %j', (key) => {
    expect(refusal(() => parse({ extensions: { [key]: 1 } }))).toContain(
      `extensions must not have the key ${JSON.stringify(key)}: `,
    )
  })

  it('hold any JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(extensionKey, extensionValue, { maxKeys: 20 }), (extensions) => {
        expect(parse({ extensions }).extensions).toEqual(extensions)
      }),
    )
  })

  it('hold texts that only look like what is refused', () => {
    const extensions = { 'a:b': '\\u0000', 'a:c': ['\\ud800', '😀'], 'a:\\ud800': 1 }
    expect(parse({ extensions }).extensions).toEqual(extensions)
  })

  it.each(['\0', 'a\0b', '\ud83d', 'a\ude00', '\ude00\ud83d'])('hold %j nowhere', (bad) => {
    for (const extensions of [
      { 'a:b': bad },
      { [`a:${bad}`]: 1 },
      { 'a:b': { [bad]: 1 } },
      { 'a:a': 'fine', 'a:b': [1, null, ['x', { deep: ['y', bad] }]] },
      { 'a:b': [{ fine: { [`x${bad}`]: null } }] },
    ])
      expect(refusal(() => parse({ extensions }))).toMatch(
        /^invalid knowledge unit: extensions must hold no NUL and no lone surrogate, found in "/,
      )
  })

  it('hold unstorable text nowhere, however deep', () => {
    const bad = fc.constantFrom('\0', '\ud800', 'x\udfffx')
    const wrapped = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 8 },
        bad,
        bad.map((key) => ({ [key]: 1 })),
        tie('value').map((value) => ['fine', value]),
        fc.tuple(fc.string(), tie('value')).map(([key, value]) => ({ fine: 1, [key]: value })),
      ),
    })).value
    fc.assert(
      fc.property(extensionKey, wrapped, (key, value) => {
        expect(refusal(() => parse({ extensions: { [key]: value } }))).toContain(
          'no lone surrogate',
        )
      }),
    )
  })

  it('nest 100 deep, and no deeper', () => {
    const nested = (depth: number) => ({
      'a:b': JSON.parse('['.repeat(depth - 1) + ']'.repeat(depth - 1)),
    })
    const deepest = nested(100)
    expect(parse({ extensions: deepest }).extensions).toEqual(deepest)
    for (const depth of [101, 50_000])
      expect(refusal(() => parse({ extensions: nested(depth) }))).toBe(
        'invalid knowledge unit: extensions must nest at most 100 deep',
      )
  })

  it('hold nothing that JSON can not', () => {
    const circle: Record<string, unknown> = {}
    circle['a:b'] = circle
    for (const extensions of [
      { 'a:b': 1n },
      { 'a:b': [Number.NaN] },
      { 'a:b': Number.POSITIVE_INFINITY },
      { 'a:b': { deep: Symbol('x') } },
      { 'a:b': () => 1 },
      circle,
    ])
      expect(refusal(() => parse({ extensions }))).toMatch(
        /^invalid knowledge unit: extensions must /,
      )
  })
})

describe('createKnowledgeUnit', () => {
  it('makes a unit of a proposal', () => {
    const unit = createKnowledgeUnit({ ...proposal, created_by: 'ada', tier: 'public' }, now)
    expect(unit.id).toMatch(idForm)
    expect(unit).toStrictEqual({ ...parse({ created_by: 'ada', tier: 'public' }), id: unit.id })
  })

  it('takes the present for now', () => {
    const before = Date.now()
    const observed = Date.parse(createKnowledgeUnit(proposal).evidence.first_observed)
    expect(observed).toBeGreaterThanOrEqual(before)
    expect(observed).toBeLessThanOrEqual(Date.now())
  })

  it('gives ids of their own, of random UUIDs', () => {
    const ids = Array.from({ length: 1000 }, () => createKnowledgeUnit(proposal, now).id)
    expect(new Set(ids).size).toBe(1000)
    for (const id of [...ids, newUnitId()]) expect(id).toMatch(/^ku_[0-9a-f]{12}4[0-9a-f]{3}[89ab]/)
  })

  it('leaves no say to a proposal in what the maker decides', () => {
    const forged: NewKnowledgeUnit = parse({
      version: 9,
      evidence: { confidence: 1, confirmations: 99, first_observed: '2001-01-01T00:00:00Z' },
      flags: [flag],
    })
    const unit = createKnowledgeUnit(forged, now)
    expect(unit.id).not.toBe(minimal.id)
    expect(unit).toStrictEqual({ ...parse({}), id: unit.id })
  })

  it('refuses what parseKnowledgeUnit refuses', () => {
    expect(refusal(() => createKnowledgeUnit({ ...proposal, domains: [' '] }, now))).toBe(
      'At least one non-empty domain is required',
    )
    expect(refusal(() => createKnowledgeUnit({ ...proposal, created_by: '\0' }, now))).toMatch(
      /created_by/,
    )
  })
})

describe('parseFlag', () => {
  it.each(['stale', 'incorrect'])('takes %s, and fills in what is left out', (reason) => {
    expect(parseFlag(otherId, { reason })).toStrictEqual({
      reason,
      detail: null,
      duplicate_of: null,
    })
  })

  it('keeps what it knows, and drops the rest', () => {
    const known = { reason: 'duplicate', detail: '', duplicate_of: minimal.id }
    expect(parseFlag(otherId, { ...known, timestamp: 'never', unknown: 1 })).toStrictEqual(known)
  })

  it('counts code points', () => {
    expect(parseFlag(otherId, { reason: 'stale', detail: '😀'.repeat(1000) }).detail).toHaveLength(
      2000,
    )
    expect(refusal(() => parseFlag(otherId, { reason: 'stale', detail: '😀'.repeat(1001) }))).toBe(
      'invalid flag: detail must be at most 1000 characters, got 1001',
    )
  })

  it.each([
    ['no unit', {}, "it must have required property 'duplicate_of'"],
    ['null', { duplicate_of: null }, 'duplicate_of must be string'],
    [
      'a blank',
      { duplicate_of: '' },
      'duplicate_of must match pattern "^ku_[0-9a-f]{32}$", got ""',
    ],
    ['no id', { duplicate_of: 'ku_1' }, /^duplicate_of must match pattern .*, got "ku_1"$/],
    [
      'an upper-case id',
      { duplicate_of: `ku_${'A'.repeat(32)}` },
      /^duplicate_of must match pattern/,
    ],
    [
      'the unit itself',
      { duplicate_of: minimal.id },
      'duplicate_of must be the id of another unit',
    ],
  ])('refuses a duplicate of %s, in a flag and in a unit', (_name, named, why) => {
    const duplicate = { reason: 'duplicate', ...named }
    const inFlag = refusal(() => parseFlag(minimal.id, duplicate))
    expect(inFlag.replace('invalid flag: ', '')).toMatch(why)
    const flags = [flag, { ...duplicate, timestamp: flag.timestamp }]
    expect(refusal(() => parse({ flags }))).toMatch(/^invalid (knowledge unit: flags\[1\]|flag: )/)
  })

  it('refuses another reference that is no id, whatever the reason', () => {
    expect(refusal(() => parseFlag(otherId, { reason: 'stale', duplicate_of: 'x' }))).toMatch(
      'duplicate_of must match pattern',
    )
  })

  it('lists every fault in one error', () => {
    expect(
      refusal(() => parseFlag(otherId, { reason: 'Stale', detail: '\0', duplicate_of: 5 })),
    ).toBe(
      'invalid flag: reason must be one of "stale", "incorrect", "duplicate", got "Stale"; ' +
        'detail must hold no NUL and no lone surrogate; duplicate_of must be string,null',
    )
  })

  it.each([undefined, null, 'stale', []])('refuses %j for a flag', (input) => {
    expect(refusal(() => parseFlag(otherId, input))).toBe('invalid flag: it must be object')
  })

  it('asks for a reason', () => {
    expect(refusal(() => parseFlag(otherId, {}))).toBe(
      "invalid flag: it must have required property 'reason'",
    )
  })
})

describe('the types', () => {
  it('say what a unit is', () => {
    expectTypeOf<KnowledgeUnit['id']>().toEqualTypeOf<string>()
    expectTypeOf<KnowledgeUnit['version']>().toEqualTypeOf<number>()
    expectTypeOf<KnowledgeUnit['domains']>().toEqualTypeOf<string[]>()
    expectTypeOf<KnowledgeUnit['tier']>().toEqualTypeOf<'local' | 'private' | 'public'>()
    expectTypeOf<Tier>().toEqualTypeOf<KnowledgeUnit['tier']>()
    expectTypeOf<KnowledgeUnit['created_by']>().toEqualTypeOf<string | null>()
    expectTypeOf<KnowledgeUnit['extensions']>().toEqualTypeOf<{ [key: string]: unknown } | null>()
    expectTypeOf<Flag['reason']>().toEqualTypeOf<'stale' | 'incorrect' | 'duplicate'>()
    expectTypeOf<Flag['detail']>().toEqualTypeOf<string | null>()
    expectTypeOf(parseKnowledgeUnit).returns.toEqualTypeOf<KnowledgeUnit>()
    expectTypeOf(createKnowledgeUnit).returns.toEqualTypeOf<KnowledgeUnit>()
    expectTypeOf(parseFlag).returns.toEqualTypeOf<Omit<Flag, 'timestamp'>>()
  })

  it('take a unit that a Store gave, and one with the required fields alone', () => {
    expectTypeOf<KnowledgeUnit>().toExtend<KnowledgeUnitInput>()
    expectTypeOf(minimal).toExtend<KnowledgeUnitInput>()
    expectTypeOf(proposal).toExtend<NewKnowledgeUnit>()
    expectTypeOf<Flag>().toExtend<FlagInput>()
    expectTypeOf<KnowledgeUnitInput>().not.toExtend<KnowledgeUnit>()
    expectTypeOf<NewKnowledgeUnit>().not.toExtend<KnowledgeUnitInput>()
  })

  it('do not take a proposal without its required fields', () => {
    // @ts-expect-error no domains and no insight
    expect(refusal(() => createKnowledgeUnit({}, now))).toContain('required')
    // @ts-expect-error no insight
    expect(refusal(() => createKnowledgeUnit({ domains: ['api'] }, now))).toContain('required')
  })

  it('do not take values that a field has not', () => {
    // @ts-expect-error no such tier
    expect(refusal(() => createKnowledgeUnit({ ...proposal, tier: 'global' }))).toContain('tier')
    // @ts-expect-error not a list
    expect(refusal(() => createKnowledgeUnit({ ...proposal, domains: 'api' }))).toContain('domains')
    // @ts-expect-error context may be left out, but not null
    expect(refusal(() => createKnowledgeUnit({ ...proposal, context: null }))).toContain('context')
    // @ts-expect-error no such reason
    const reason: FlagInput = { reason: 'boring' }
    expect(refusal(() => parseFlag(otherId, reason))).toContain('reason')
  })

  it('do not take fields that a proposal or a flag has not', () => {
    // @ts-expect-error the maker decides on the evidence
    createKnowledgeUnit({ ...proposal, evidence: { confidence: 1 } })
    // @ts-expect-error misspelled
    createKnowledgeUnit({ ...proposal, superceded_by: null })
    // @ts-expect-error misspelled
    const context: KnowledgeUnitInput['context'] = { language: ['go'] }
    // @ts-expect-error a flag's timestamp is the Store's
    const input: FlagInput = { reason: 'stale', timestamp: nowText }
    expect([context, input]).toBeDefined()
  })
})
