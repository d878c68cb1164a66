import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { KnowledgeUnit, KnowledgeUnitInput, Store } from '../../../src/index.ts'
import { StoreModel } from '../model.ts'
import {
  columnTime,
  documentTime,
  type SampleParts,
  sampleUnit,
  TestClock,
  unitId,
} from '../samples.ts'
import { failure } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const insight = { summary: 'Summary', detail: 'Detail', action: 'Action' }
const pendingReview = { status: 'pending', reviewed_by: null, reviewed_at: null }
const everything = Number.MAX_SAFE_INTEGER
const text = (length: number) => 'x'.repeat(length)

/** A unit with everything that a unit can have, at the limit of what each may be. */
const largestParts: SampleParts = {
  version: 2_147_483_647,
  // Code points count: each of these is two UTF-16 units.
  insight: { summary: '😀'.repeat(500), detail: '😀'.repeat(8000), action: '😀'.repeat(2000) },
  context: {
    languages: Array.from({ length: 16 }, (_, index) => `${index}`.padStart(64, 'L')),
    frameworks: Array.from({ length: 16 }, (_, index) => `${index}`.padStart(64, 'F')),
    pattern: text(200),
  },
  evidence: {
    confidence: 0.7999999999999999,
    confirmations: 2_147_483_647,
    first_observed: '0001-01-01T00:00:00.000000Z',
    last_confirmed: '9999-12-31T23:59:59.999999Z',
  },
  tier: 'public',
  created_by: text(256),
  superseded_by: unitId(0),
  extensions: Object.fromEntries([
    [
      'vendor:nested',
      { flags: [], list: [1, 'two', null, { deep: true }], '"flags":[]': '\u{7f}\\"' },
    ],
    ...Array.from({ length: 19 }, (_, index) => [`vendor:${index}`, index / 3]),
  ]),
  flags: [
    {
      reason: 'stale',
      timestamp: '2026-01-02T03:04:05.678901Z',
      detail: text(1000),
      duplicate_of: null,
    },
    {
      reason: 'duplicate',
      timestamp: '2026-01-02T03:04:05.000000Z',
      detail: null,
      duplicate_of: unitId(0),
    },
  ],
}

const flag = { reason: 'stale', timestamp: '2026-01-01T00:00:00Z' } as const

/** What no unit may have. */
const forbiddenParts: [string, object][] = [
  ['no domain', { domains: [] }],
  ['only blank domains', { domains: ['', ' \t', '\u0085\u001c'] }],
  ['too many domains', { domains: Array.from({ length: 17 }, (_, index) => `${index}`) }],
  ['too long a domain', { domains: [text(65)] }],
  ['a domain that is no text', { domains: [5] }],
  ['too long a summary', { insight: { ...insight, summary: text(501) } }],
  ['too long a detail', { insight: { ...insight, detail: text(8001) } }],
  ['too long an action', { insight: { ...insight, action: text(2001) } }],
  ['no action', { insight: { summary: 'Summary', detail: 'Detail' } }],
  ['no insight', { insight: undefined }],
  ['a context of null', { context: null }],
  ['too many languages', { context: { languages: Array.from({ length: 17 }, () => 'x') } }],
  ['too long a framework', { context: { frameworks: [text(65)] } }],
  ['too long a pattern', { context: { pattern: text(201) } }],
  ['too low a confidence', { evidence: { confidence: -0.01 } }],
  ['too high a confidence', { evidence: { confidence: 1.01 } }],
  ['a confidence that is no number', { evidence: { confidence: Number.NaN } }],
  ['part of a confirmation', { evidence: { confirmations: 1.5 } }],
  ['fewer confirmations than none', { evidence: { confirmations: -1 } }],
  ['a first_observed that is no time', { evidence: { first_observed: 'yesterday' } }],
  ['a last_confirmed on 30 February', { evidence: { last_confirmed: '2026-02-30T00:00:00Z' } }],
  ['an unknown tier', { tier: 'secret' }],
  ['version 0', { version: 0 }],
  ['too long a created_by', { created_by: text(257) }],
  ['a superseded_by that is no id', { superseded_by: 'ku_1' }],
  ['an extension without a vendor', { extensions: { key: 1 } }],
  [
    'too many extensions',
    { extensions: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`vendor:${i}`, i])) },
  ],
  ['a flag for an unknown reason', { flags: [{ ...flag, reason: 'boring' }] }],
  ['a flag without a time', { flags: [{ reason: 'stale' }] }],
  ['a flag as a duplicate of nothing', { flags: [{ ...flag, reason: 'duplicate' }] }],
  [
    'a flag as a duplicate of what is no id',
    { flags: [{ ...flag, reason: 'duplicate', duplicate_of: 'ku_1' }] },
  ],
  ["too long a flag's detail", { flags: [{ ...flag, detail: text(1001) }] }],
  ['NUL in a text', { insight: { ...insight, summary: 'a\0b' } }],
  ['NUL in a domain', { domains: ['a\0b'] }],
  ['a lone surrogate in a text', { insight: { ...insight, detail: '\ud83d' } }],
  ['a lone surrogate in an extension', { extensions: { 'vendor:key': ['\ude00'] } }],
]

/** What is no unit's id. */
const forbiddenIds = [
  '',
  'ku_',
  `ku_${'0'.repeat(31)}`,
  `ku_${'0'.repeat(33)}`,
  `ku_${'A'.repeat(32)}`,
]

/** Inserts the units and approves them. */
async function insertApproved(store: Store, ...units: KnowledgeUnitInput[]): Promise<void> {
  await store.insertMany(units)
  for (const { id } of units) await store.setReviewStatus(id, 'approved', 'reviewer')
}

const ids = (units: readonly KnowledgeUnit[]) => units.map(({ id }) => id)

export function describeUnits(openStore: OpenStore): void {
  describe('knowledge units', () => {
    const clock = new TestClock('2026-11-22T12:00:00.123Z')
    const the = shareStore(openStore, clock.now)
    const fresh = new FreshNames()
    const sample = (parts?: SampleParts) => sampleUnit(fresh.unitId(), clock.now(), parts)

    describe('insert', () => {
      it('adds a unit to the review queue', async () => {
        const unit = sample()
        expect(await the.store.insert(unit)).toBeUndefined()
        expect(await the.store.getAny(unit.id)).toEqual(unit)
        expect(await the.store.get(unit.id)).toBeNull()
        expect(await the.store.getReviewStatus(unit.id)).toEqual(pendingReview)
        const { items } = await the.store.reviewQueue({ limit: everything })
        expect(items).toContainEqual({ knowledge_unit: unit, ...pendingReview })
      })

      it('keeps everything that a unit says, up to the limits', async () => {
        const domains = Array.from({ length: 16 }, (_, index) => `${index}`.padStart(64, 'd'))
        const unit = sample({ ...largestParts, domains })
        await insertApproved(the.store, unit)
        expect(await the.store.getAny(unit.id)).toEqual(unit)
        expect(await the.store.get(unit.id)).toEqual(unit)
        expect(await the.store.query([domains[15] as string])).toEqual([unit])
        expect((await the.store.reviewItem(unit.id))?.knowledge_unit).toEqual(unit)
      })

      it('fills in what is left out', async () => {
        const id = fresh.unitId()
        await the.store.insert({ id, domains: ['defaults'], insight })
        expect(await the.store.getAny(id)).toEqual({
          id,
          version: 1,
          domains: ['defaults'],
          insight,
          context: { languages: [], frameworks: [], pattern: '' },
          evidence: {
            confidence: 0.5,
            confirmations: 1,
            first_observed: documentTime(clock.now()),
            last_confirmed: documentTime(clock.now()),
          },
          tier: 'private',
          created_by: null,
          superseded_by: null,
          extensions: null,
          flags: [],
        })
      })

      it('fills in the absent fields of a flag', async () => {
        const id = fresh.unitId()
        await the.store.insert({ id, domains: ['defaults'], insight, flags: [flag] })
        expect((await the.store.getAny(id))?.flags).toEqual([
          {
            reason: 'stale',
            timestamp: '2026-01-01T00:00:00.000000Z',
            detail: null,
            duplicate_of: null,
          },
        ])
      })

      it('drops fields that no unit has', async () => {
        const unit = sample()
        await the.store.insert({ ...unit, stars: 5 } as KnowledgeUnitInput)
        expect(await the.store.getAny(unit.id)).toEqual(unit)
      })

      it.each([
        ['first_observed', { first_observed: '2026-03-01T00:00:00Z' }],
        ['last_confirmed', { last_confirmed: '2026-03-01T00:00:00Z' }],
        ['first_observed', { first_observed: '2026-03-01T00:00:00Z', last_confirmed: null }],
      ])('takes %s for both times where it is the only one', async (_name, evidence) => {
        const id = fresh.unitId()
        await the.store.insert({ id, domains: ['times'], insight, evidence })
        expect((await the.store.getAny(id))?.evidence).toMatchObject({
          first_observed: '2026-03-01T00:00:00.000000Z',
          last_confirmed: '2026-03-01T00:00:00.000000Z',
        })
      })

      it('keeps both times where both are given', async () => {
        const id = fresh.unitId()
        const evidence = {
          first_observed: '2026-03-01T01:00:00.5+01:00',
          last_confirmed: '2026-03-02 00:00:00.1234567',
        }
        await the.store.insert({ id, domains: ['times'], insight, evidence })
        expect((await the.store.getAny(id))?.evidence).toMatchObject({
          first_observed: '2026-03-01T00:00:00.500000Z',
          last_confirmed: '2026-03-02T00:00:00.123456Z',
        })
      })

      it('says that a unit was proposed when it was first observed', async () => {
        const observed = fresh.unitId()
        const now = fresh.unitId()
        const evidence = { first_observed: '2026-03-01T01:00:00.5+01:00' }
        await the.store.insert({ id: observed, domains: ['times'], insight, evidence })
        await the.store.insert({ id: now, domains: ['times'], insight })
        const times = (await the.store.recentActivity(everything)).map(
          ({ unit_id, timestamp }) => [unit_id, timestamp] as const,
        )
        expect(new Map(times).get(observed)).toBe('2026-03-01T00:00:00.500000+00:00')
        expect(new Map(times).get(now)).toBe(columnTime(clock.now()))
      })

      it('normalises domains', async () => {
        const domain = fresh.domain()
        const padded = `\u0085\u001c ${domain.toUpperCase()}\t`
        const unit = sample({ domains: [' Zebra ', padded, '', ' ', domain, 'zebra', '\ufeffbom'] })
        await insertApproved(the.store, unit)
        const stored = { ...unit, domains: ['zebra', domain, '\ufeffbom'] }
        expect(await the.store.get(unit.id)).toEqual(stored)
        expect(await the.store.query([domain])).toEqual([stored])
        expect(await the.store.query([padded])).toEqual([stored])
      })

      it('leaves what it was handed as it was', async () => {
        const unit = sample({ domains: [' Padded '] })
        for (const part of [unit.domains, unit.insight, unit.evidence, unit]) Object.freeze(part)
        await the.store.insert(unit)
        expect(unit.domains).toEqual([' Padded '])
      })

      it('takes the unit as it is when the call is made', async () => {
        const unit = sample()
        const expected = structuredClone(unit)
        const inserted = the.store.insert(unit)
        unit.domains.push('late')
        unit.insight.summary = 'late'
        await inserted
        expect(await the.store.getAny(unit.id)).toEqual(expected)
      })

      it('refuses an id that is taken, and leaves the unit that has it alone', async () => {
        for (const status of ['pending', 'approved', 'rejected'] as const) {
          const [domain, other] = [fresh.domain(), fresh.domain()]
          const unit = sample({ domains: [domain] })
          await the.store.insert(unit)
          await the.store.setReviewStatus(unit.id, status, 'reviewer')
          const double = { ...unit, domains: [other], tier: 'public' as const }
          expect(await failure('conflict', the.store.insert(double))).toContain(unit.id)
          await failure('conflict', the.store.insert(unit))
          expect(await the.store.getAny(unit.id)).toEqual(unit)
          expect((await the.store.getReviewStatus(unit.id))?.status).toBe(status)
          expect(await the.store.listUnits({ domain: other })).toEqual([])
          expect(await the.store.listUnits({ domain })).toHaveLength(1)
        }
      })

      it.each(forbiddenParts)('refuses a unit with %s', async (_name, parts) => {
        const id = fresh.unitId()
        const unit = { id, domains: ['refused'], insight, ...parts } as KnowledgeUnitInput
        await failure('invalid', the.store.insert(unit))
        expect(await the.store.getAny(id)).toBeNull()
      })

      it.each(forbiddenIds)('refuses the id %j', async (id) => {
        await failure('invalid', the.store.insert({ id, domains: ['refused'], insight }))
        expect(await the.store.listUnits({ domain: 'refused' })).toEqual([])
      })
    })

    describe('insertMany', () => {
      it('adds all units, pending', async () => {
        const units = Array.from({ length: 300 }, () => sample())
        expect(await the.store.insertMany(units)).toBeUndefined()
        expect(await Promise.all(units.map(({ id }) => the.store.getAny(id)))).toEqual(units)
        const reviews = await Promise.all(units.map(({ id }) => the.store.getReviewStatus(id)))
        expect(reviews).toEqual(units.map(() => pendingReview))
      })

      it('takes an empty list', async () => {
        expect(await the.store.insertMany([])).toBeUndefined()
      })

      it('fills in and normalises as insert does', async () => {
        const [one, other] = fresh.unitIds(2) as [string, string]
        await the.store.insertMany([
          { id: one, domains: [' ONE '], insight },
          { id: other, domains: ['other'], insight, evidence: { confidence: 0.9 } },
        ])
        expect(await the.store.getAny(one)).toEqual(
          sampleUnit(one, clock.now(), { domains: ['one'], insight }),
        )
        expect(await the.store.getAny(other)).toEqual(
          sampleUnit(other, clock.now(), {
            domains: ['other'],
            insight,
            evidence: { confidence: 0.9 },
          }),
        )
      })

      it('adds none where one of them is there already', async () => {
        const domain = fresh.domain()
        const known = sample()
        await the.store.insert(known)
        const others = [sample({ domains: [domain] }), sample({ domains: [domain] })] as const
        const call = the.store.insertMany([others[0], { ...known, domains: [domain] }, others[1]])
        expect(await failure('conflict', call)).toContain(known.id)
        expect(await the.store.listUnits({ domain })).toEqual([])
        for (const { id } of others) expect(await the.store.getAny(id)).toBeNull()
        expect(await the.store.getAny(known.id)).toEqual(known)
      })

      it('adds none where two of them share an id', async () => {
        const [unit, other] = [sample(), sample()]
        expect(await failure('conflict', the.store.insertMany([unit, other, unit]))).toContain(
          unit.id,
        )
        expect(await the.store.getAny(unit.id)).toBeNull()
        expect(await the.store.getAny(other.id)).toBeNull()
      })

      it('adds none where one of them is invalid', async () => {
        const [unit, other] = [sample(), sample()]
        await failure('invalid', the.store.insertMany([unit, { ...other, domains: [' '] }]))
        expect(await the.store.getAny(unit.id)).toBeNull()
      })
    })

    describe('get and getAny', () => {
      it('answer null for an unknown id', async () => {
        for (const id of [
          fresh.unitId(),
          '',
          'no id at all',
          "'; drop table knowledge_units; --",
        ]) {
          expect(await the.store.get(id)).toBeNull()
          expect(await the.store.getAny(id)).toBeNull()
        }
      })

      it('answer a unit by its status: get the approved one, getAny every one', async () => {
        const unit = sampleUnit(fresh.unitId(), clock.now())
        await the.store.insert(unit)
        for (const status of ['pending', 'approved', 'rejected', 'approved', 'pending'] as const) {
          await the.store.setReviewStatus(unit.id, status, 'reviewer')
          expect(await the.store.getAny(unit.id)).toEqual(unit)
          expect(await the.store.get(unit.id)).toEqual(status === 'approved' ? unit : null)
        }
      })
    })

    describe('update', () => {
      it('replaces the whole document', async () => {
        const unit = sample({ ...largestParts, domains: ['before'] })
        await insertApproved(the.store, unit)
        const replaced = sampleUnit(unit.id, new Date('2026-11-23T00:00:00.000Z'), {
          domains: ['after'],
          insight: { summary: 'Another' },
          tier: 'local',
        })
        expect(await the.store.update(replaced)).toBeUndefined()
        expect(await the.store.getAny(unit.id)).toEqual(replaced)
        expect(await the.store.get(unit.id)).toEqual(replaced)
      })

      it('fills in what is left out, so that it is gone', async () => {
        const unit = sample({ ...largestParts, domains: ['before'] })
        await the.store.insert(unit)
        await the.store.update({ id: unit.id, domains: [' AFTER '], insight })
        expect(await the.store.getAny(unit.id)).toEqual(
          sampleUnit(unit.id, clock.now(), { domains: ['after'], insight }),
        )
      })

      it('replaces the domains: the former ones no longer match', async () => {
        const [former, kept, added] = [fresh.domain(), fresh.domain(), fresh.domain()]
        const unit = sample({ domains: [former, kept] })
        await insertApproved(the.store, unit)
        const updated = { ...unit, domains: [added, kept] }
        await the.store.update(updated)
        expect(await the.store.query([former])).toEqual([])
        expect(await the.store.listUnits({ domain: former })).toEqual([])
        for (const domain of [kept, added]) {
          expect(await the.store.query([domain])).toEqual([updated])
          expect(await the.store.listUnits({ domain })).toHaveLength(1)
        }
        const counts = await the.store.domainCounts()
        expect(Object.keys(counts)).not.toContain(former)
        expect(counts).toMatchObject({ [kept]: 1, [added]: 1 })
      })

      it('replaces the tier', async () => {
        const unit = sample({ tier: 'public' })
        await insertApproved(the.store, unit)
        const before = await the.store.countsByTier()
        await the.store.update({ ...unit, tier: 'local' })
        const after = await the.store.countsByTier()
        expect(after.local ?? 0).toBe((before.local ?? 0) + 1)
        expect(after.public ?? 0).toBe((before.public ?? 0) - 1)
      })

      it('leaves the review status as it is', async () => {
        const unit = sample()
        await the.store.insert(unit)
        for (const status of ['pending', 'approved', 'rejected'] as const) {
          await the.store.setReviewStatus(unit.id, status, `${status} by me`)
          const review = await the.store.getReviewStatus(unit.id)
          clock.advance(1000)
          await the.store.update({ ...unit, insight: { ...unit.insight, summary: status } })
          expect(await the.store.getReviewStatus(unit.id)).toEqual(review)
        }
      })

      it('leaves the time of the proposal as it is', async () => {
        const [older, newer] = fresh.unitIds(2) as [string, string]
        const domains = [fresh.domain()]
        await the.store.insert(sampleUnit(older, new Date('2026-01-01T00:00:00Z'), { domains }))
        await the.store.insert(sampleUnit(newer, new Date('2026-01-02T00:00:00Z'), { domains }))
        await the.store.update(sampleUnit(older, new Date('2026-01-03T00:00:00Z'), { domains }))
        const listed = await the.store.listUnits({ domain: domains[0] as string })
        expect(listed.map(({ knowledge_unit }) => knowledge_unit.id)).toEqual([newer, older])
        const activity = await the.store.recentActivity(everything)
        expect(activity.find(({ unit_id }) => unit_id === older)?.timestamp).toBe(
          '2026-01-01T00:00:00.000000+00:00',
        )
      })

      it('refuses an unknown unit, and adds nothing', async () => {
        const unit = sample({ domains: [fresh.domain()] })
        expect(await failure('not_found', the.store.update(unit))).toContain(unit.id)
        expect(await the.store.getAny(unit.id)).toBeNull()
        expect(await the.store.listUnits({ domain: unit.domains[0] as string })).toEqual([])
      })

      it('refuses what insert refuses, and changes nothing', async () => {
        const unit = sample({ domains: [fresh.domain()] })
        await insertApproved(the.store, unit)
        const wrong = { id: unit.id, domains: ['refused'], insight: { ...insight, summary: 1 } }
        await failure('invalid', the.store.update(wrong as unknown as KnowledgeUnitInput))
        expect(await the.store.query(unit.domains)).toEqual([unit])
      })
    })

    describe('query', () => {
      /** Approved units of these parts, their ids ascending. */
      const approved = async (...parts: SampleParts[]): Promise<KnowledgeUnit[]> => {
        const units = parts.map((part) => sampleUnit(fresh.unitId(), clock.now(), part))
        await insertApproved(the.store, ...units)
        return units
      }
      /** Two units that differ in context only; the second, of the higher id, wins a tie. */
      const twins = async (contexts: [SampleParts['context'], SampleParts['context']]) => {
        const domain = fresh.domain()
        const [lower, higher] = await approved(
          ...contexts.map((context) => ({ domains: [domain], ...(context && { context }) })),
        )
        return { domain, lower: lower?.id as string, higher: higher?.id as string }
      }

      it('puts units first whose domains overlap more', async () => {
        const [one, two, three, four] = Array.from({ length: 4 }, () => fresh.domain()) as [
          string,
          string,
          string,
          string,
        ]
        const [half, all, more, none, third] = await approved(
          { domains: [one] },
          { domains: [two, one] },
          { domains: [one, two, three] },
          { domains: [four] },
          { domains: [three, two] },
        )
        const found = await the.store.query([one, two])
        expect(found).toEqual([all, more, half, third])
        expect(found).not.toContainEqual(none)
      })

      it('weighs the overlap with the confidence', async () => {
        const [one, two] = [fresh.domain(), fresh.domain()]
        const [doubtful, certain] = await approved(
          { domains: [one, two], evidence: { confidence: 0.3 } },
          { domains: [one], evidence: { confidence: 0.9 } },
        )
        expect(await the.store.query([one, two])).toEqual([certain, doubtful])
      })

      it('finds units of no confidence, last', async () => {
        const domain = fresh.domain()
        const [none, little] = await approved(
          { domains: [domain], evidence: { confidence: 0 } },
          { domains: [domain], evidence: { confidence: 0.01 } },
        )
        expect(await the.store.query([domain])).toEqual([little, none])
      })

      it('breaks ties by id, descending', async () => {
        const domain = fresh.domain()
        const units = await approved(...Array.from({ length: 4 }, () => ({ domains: [domain] })))
        expect(ids(await the.store.query([domain]))).toEqual(ids(units).reverse())
      })

      it('finds a unit once, however many domains it shares', async () => {
        const domains = [fresh.domain(), fresh.domain(), fresh.domain()]
        const units = await approved({ domains })
        expect(await the.store.query(domains)).toEqual(units)
      })

      it('normalises the domains that it is asked for, and counts each once', async () => {
        const [one, other] = [fresh.domain(), fresh.domain()]
        const [single, double] = await approved({ domains: [one] }, { domains: [one, other] })
        const padded = ['', ` ${one.toUpperCase()}`, one, `${one}\n`, '\u0085']
        expect(await the.store.query(padded)).toEqual([single, double])
        expect(await the.store.query([one])).toEqual([single, double])
      })

      it.each([
        ['language', { languages: ['go', 'ts'] }, { languages: ['ts', 'js'] }],
        ['framework', { frameworks: ['vue', 'react'] }, { frameworks: ['react'] }],
        ['pattern', { pattern: 'Retry-Storm' }, { pattern: 'retry-storm' }],
      ])('puts the unit first whose %s fits', async (_name, context, options) => {
        const { domain, lower, higher } = await twins([context, undefined])
        expect(ids(await the.store.query([domain]))).toEqual([higher, lower])
        expect(ids(await the.store.query([domain], options))).toEqual([lower, higher])
      })

      it.each([
        [
          'languages that differ in case',
          { languages: ['TypeScript'] },
          { languages: ['typescript'] },
        ],
        ['frameworks that differ in case', { frameworks: ['React'] }, { frameworks: ['react'] }],
        ['languages that begin alike', { languages: ['java'] }, { languages: ['javascript'] }],
        ['a pattern that is part of another', { pattern: 'retry' }, { pattern: 'retry-storm' }],
        ['no pattern asked for', { pattern: 'retry' }, { pattern: '' }],
        [
          'blank lists',
          { languages: ['ts'], frameworks: ['vue'] },
          { languages: [], frameworks: [] },
        ],
      ])('is not moved by %s', async (_name, context, options) => {
        const { domain, lower, higher } = await twins([context, undefined])
        expect(ids(await the.store.query([domain], options))).toEqual([higher, lower])
      })

      it('boosts once, however many languages fit', async () => {
        const { domain, lower, higher } = await twins([
          { languages: ['a', 'b', 'c'] },
          { languages: ['a'] },
        ])
        const found = await the.store.query([domain], { languages: ['a', 'b', 'c'] })
        expect(ids(found)).toEqual([higher, lower])
      })

      it('does not take two absent patterns for the same one', async () => {
        const { domain, lower, higher } = await twins([undefined, { pattern: 'other' }])
        expect(ids(await the.store.query([domain], { pattern: '' }))).toEqual([higher, lower])
      })

      it('adds up boosts', async () => {
        const domain = fresh.domain()
        const context = { languages: ['ts'], frameworks: ['vue'], pattern: 'cache' }
        const units = await approved(
          { domains: [domain], context },
          { domains: [domain], context: { ...context, pattern: '' } },
          { domains: [domain], context: { languages: ['ts'] } },
          { domains: [domain] },
        )
        expect(await the.store.query([domain], context)).toEqual(units)
      })

      it('never filters by context: units that do not fit are found, those of other domains are not', async () => {
        const [domain, other] = [fresh.domain(), fresh.domain()]
        const context = { languages: ['ts'], frameworks: ['vue'], pattern: 'cache' }
        const [unfit] = await approved({ domains: [domain] }, { domains: [other], context })
        expect(await the.store.query([domain], context)).toEqual([unfit])
      })

      it('never finds pending and rejected units', async () => {
        const domain = fresh.domain()
        const unit = sampleUnit(fresh.unitId(), clock.now(), { domains: [domain] })
        await the.store.insert(unit)
        expect(await the.store.query([domain])).toEqual([])
        for (const status of ['approved', 'rejected', 'approved', 'pending'] as const) {
          await the.store.setReviewStatus(unit.id, status, 'reviewer')
          expect(await the.store.query([domain])).toEqual(status === 'approved' ? [unit] : [])
        }
      })

      it('finds nothing without a domain', async () => {
        await approved({ domains: ['some'] })
        for (const domains of [[], [''], [' ', '\t\n', '\u0085', '\u001c']])
          expect(await the.store.query(domains)).toEqual([])
        expect(await the.store.query([fresh.domain()])).toEqual([])
      })

      it('finds the best five, unless it is told how many', async () => {
        const domain = fresh.domain()
        const units = await approved(
          ...Array.from({ length: 8 }, (_, index) => ({
            domains: [domain],
            // Neither in the order of insertion nor of ids.
            evidence: { confidence: ((index * 3) % 8) / 10 },
          })),
        )
        const best = units.toSorted((a, b) => b.evidence.confidence - a.evidence.confidence)
        expect(await the.store.query([domain])).toEqual(best.slice(0, 5))
        expect(await the.store.query([domain], {})).toEqual(best.slice(0, 5))
        for (const limit of [1, 3, 7, 8, 9, Number.MAX_SAFE_INTEGER])
          expect(await the.store.query([domain], { limit })).toEqual(best.slice(0, limit))
      })

      it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null])(
        'refuses the limit %j',
        async (limit) => {
          await failure('invalid', the.store.query(['some'], { limit: limit as number }))
          await failure('invalid', the.store.query([], { limit: limit as number }))
        },
      )

      it('ranks as the formula says, whatever is stored and asked', async () => {
        const domains = Array.from({ length: 8 }, () => fresh.domain())
        const tags = fc.subarray(['ts', 'go', 'vue'])
        const pattern = fc.constantFrom('', 'cache', 'Cache', 'retry')
        const parts = fc.record({
          domains: fc.subarray(domains, { minLength: 1 }),
          context: fc.record({ languages: tags, frameworks: tags, pattern }),
          evidence: fc.record({ confidence: fc.constantFrom(0, 0.3, 0.5, 0.7999999999999999, 1) }),
        })
        const units = fc.sample(parts, { numRuns: 400, seed: 20261122 }).map(sample)
        const model = new StoreModel(clock.now)
        const fill = (store: Store | StoreModel): unknown[] => [
          store.insertMany(units),
          ...units.map(({ id }, index) =>
            store.setReviewStatus(id, index % 10 === 0 ? 'rejected' : 'approved', 'reviewer'),
          ),
          ...units.flatMap<unknown>((unit, index) => {
            if (index % 10 === 1) return [store.setReviewStatus(unit.id, 'pending', 'reviewer')]
            if (index % 10 === 2) return [store.confirm(unit.id), store.confirm(unit.id)]
            if (index % 10 === 3) return [store.flag(unit.id, { reason: 'stale' })]
            if (index % 10 === 4)
              return [store.update({ ...unit, ...units[index - 1], id: unit.id })]
            return []
          }),
        ]
        await Promise.all(fill(the.store))
        fill(model)

        const options = fc.record(
          {
            languages: tags,
            frameworks: tags,
            pattern,
            limit: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(64, 1000)),
          },
          { requiredKeys: [] },
        )
        await fc.assert(
          fc.asyncProperty(fc.subarray(domains), options, async (asked, options) => {
            const found = await the.store.query(asked, options)
            const expected = model.query(asked, options)
            expect(ids(found)).toEqual(ids(expected))
            expect(found).toEqual(expected)
          }),
          { numRuns: 150, seed: 20261122 },
        )
      })

      it('takes its arguments as they are when the call is made', async () => {
        const { domain, lower, higher } = await twins([
          { languages: ['ts'] },
          { frameworks: ['vue'] },
        ])
        const [domains, languages, frameworks] = [[domain], ['ts'], ['other']]
        const found = the.store.query(domains, { languages, frameworks })
        domains.pop()
        languages.pop()
        frameworks[0] = 'vue'
        expect(ids(await found)).toEqual([lower, higher])
      })
    })

    describe('confirm and flag', () => {
      const approved = async (parts: SampleParts = {}): Promise<KnowledgeUnit> => {
        const unit = sampleUnit(fresh.unitId(), new Date('2026-11-01T00:00:00.000Z'), parts)
        await insertApproved(the.store, unit)
        return unit
      }

      it('confirm adds one confirmation and a tenth of confidence, now', async () => {
        const unit = await approved({ ...largestParts, evidence: { confidence: 0.3 } })
        clock.advance(1234)
        const confirmed = {
          ...unit,
          evidence: {
            ...unit.evidence,
            confidence: 0.4,
            confirmations: 2,
            last_confirmed: documentTime(clock.now()),
          },
        }
        expect(await the.store.confirm(unit.id)).toEqual(confirmed)
        expect(await the.store.get(unit.id)).toEqual(confirmed)
      })

      it('confirm never passes 1, and goes on counting', async () => {
        const unit = await approved({ evidence: { confidence: 0.95 } })
        for (const confirmations of [2, 3, 4]) {
          const { evidence } = await the.store.confirm(unit.id)
          expect(evidence).toMatchObject({ confidence: 1, confirmations })
        }
      })

      it('confirm keeps the confidence as the sum is, unrounded', async () => {
        const unit = await approved()
        const confidences: number[] = []
        for (let round = 0; round < 6; round++)
          confidences.push((await the.store.confirm(unit.id)).evidence.confidence)
        expect(confidences).toEqual([
          0.6, 0.7, 0.7999999999999999, 0.8999999999999999, 0.9999999999999999, 1,
        ])
      })

      it('flag appends a flag with its time and takes 0.15 of confidence', async () => {
        const unit = await approved({ ...largestParts, evidence: { confidence: 0.5 } })
        clock.advance(1234)
        const timestamp = documentTime(clock.now())
        const detail = 'It says 3.50, which is "old"'
        const first = { reason: 'stale', timestamp, detail, duplicate_of: null } as const
        const flagged = {
          ...unit,
          evidence: { ...unit.evidence, confidence: 0.35 },
          flags: [...unit.flags, first],
        }
        expect(await the.store.flag(unit.id, { reason: 'stale', detail })).toEqual(flagged)
        expect(await the.store.get(unit.id)).toEqual(flagged)

        clock.advance(1000)
        const duplicateOf = fresh.unitId()
        const second = await the.store.flag(unit.id, {
          reason: 'duplicate',
          duplicate_of: duplicateOf,
          detail: null,
        })
        expect(second).toEqual({
          ...unit,
          evidence: { ...unit.evidence, confidence: 0.35 - 0.15 },
          flags: [
            ...unit.flags,
            first,
            {
              reason: 'duplicate',
              timestamp: documentTime(clock.now()),
              detail: null,
              duplicate_of: duplicateOf,
            },
          ],
        })
      })

      it.each(['stale', 'incorrect'] as const)('flag takes %s alone', async (reason) => {
        const { id } = await approved()
        const { flags } = await the.store.flag(id, { reason })
        const timestamp = documentTime(clock.now())
        expect(flags).toEqual([{ reason, timestamp, detail: null, duplicate_of: null }])
      })

      it('flag never goes below 0, and goes on noting', async () => {
        const { id } = await approved({ evidence: { confidence: 0.2 } })
        const confidences: number[] = []
        for (let round = 0; round < 3; round++)
          confidences.push((await the.store.flag(id, { reason: 'stale' })).evidence.confidence)
        expect(confidences).toEqual([0.2 - 0.15, 0, 0])
        expect((await the.store.get(id))?.flags).toHaveLength(3)
      })

      it('flag keeps the confidence as the difference is, unrounded', async () => {
        const { id } = await approved()
        const confidences: number[] = []
        for (let round = 0; round < 3; round++)
          confidences.push((await the.store.flag(id, { reason: 'stale' })).evidence.confidence)
        expect(confidences).toEqual([0.35, 0.19999999999999998, 0.04999999999999999])
      })

      it('change the order of what is found', async () => {
        const domains = [fresh.domain()]
        const [lower, higher] = [await approved({ domains }), await approved({ domains })]
        expect(ids(await the.store.query(domains))).toEqual([higher.id, lower.id])
        await the.store.confirm(lower.id)
        expect(ids(await the.store.query(domains))).toEqual([lower.id, higher.id])
        await the.store.flag(lower.id, { reason: 'incorrect' })
        expect(ids(await the.store.query(domains))).toEqual([higher.id, lower.id])
      })

      it('leave the review status and the time of the proposal as they are', async () => {
        const { id } = await approved()
        const review = await the.store.getReviewStatus(id)
        const activity = (await the.store.recentActivity(everything)).find(
          ({ unit_id }) => unit_id === id,
        )
        clock.advance(60_000)
        await the.store.confirm(id)
        await the.store.flag(id, { reason: 'stale' })
        expect(await the.store.getReviewStatus(id)).toEqual(review)
        expect(await the.store.recentActivity(everything)).toContainEqual(activity)
      })

      it('refuse an unknown unit', async () => {
        const id = fresh.unitId()
        expect(await failure('not_found', the.store.confirm(id))).toContain(id)
        expect(await failure('not_found', the.store.flag(id, { reason: 'stale' }))).toContain(id)
      })

      it.each(['pending', 'rejected'] as const)(
        'refuse a %s unit, and leave it',
        async (status) => {
          const unit = await approved()
          await the.store.setReviewStatus(unit.id, status, 'reviewer')
          await failure('not_found', the.store.confirm(unit.id))
          await failure('not_found', the.store.flag(unit.id, { reason: 'stale' }))
          expect(await the.store.getAny(unit.id)).toEqual(unit)
        },
      )

      it.each([
        ['an unknown reason', { reason: 'boring' }],
        ['no reason', { detail: 'because' }],
        ['too long a detail', { reason: 'stale', detail: text(1001) }],
        ['no unit that it is a duplicate of', { reason: 'duplicate' }],
        ['null for a duplicate_of', { reason: 'duplicate', duplicate_of: null }],
        ['a blank duplicate_of', { reason: 'duplicate', duplicate_of: '' }],
        ['a duplicate_of that is no id', { reason: 'duplicate', duplicate_of: 'ku_1' }],
        [
          'a duplicate_of that is no id, though no duplicate',
          { reason: 'stale', duplicate_of: 'x' },
        ],
        ['NUL in its detail', { reason: 'stale', detail: 'a\0b' }],
        ['a lone surrogate in its detail', { reason: 'stale', detail: '\ud83d' }],
        ['a number for a detail', { reason: 'stale', detail: 5 }],
      ])('flag refuses a flag with %s, and leaves the unit', async (_name, wrong) => {
        const unit = await approved()
        await failure('invalid', the.store.flag(unit.id, wrong as { reason: 'stale' }))
        expect(await the.store.get(unit.id)).toEqual(unit)
      })

      it('flag refuses a unit as a duplicate of itself', async () => {
        const unit = await approved()
        const flag = { reason: 'duplicate', duplicate_of: unit.id } as const
        expect(await failure('invalid', the.store.flag(unit.id, flag))).toContain('another unit')
        const timestamp = unit.evidence.first_observed
        const flagged = { ...unit, flags: [{ ...flag, detail: null, timestamp }] }
        await failure('invalid', the.store.update(flagged))
        await failure('invalid', the.store.importUnits([{ knowledge_unit: flagged }]))
        expect(await the.store.get(unit.id)).toEqual(unit)
      })

      it('flag takes a flag up to the limits', async () => {
        const { id } = await approved()
        const details = { detail: '😀'.repeat(1000), duplicate_of: fresh.unitId() }
        const { flags } = await the.store.flag(id, { reason: 'duplicate', ...details })
        expect(flags[0]).toMatchObject(details)
      })
    })

    describe('documents of units', () => {
      // Texts that look like parts of a stored document must not be taken for them.
      const misleading = [
        '"flags":[]',
        '","flags":[],"extensions":null,"created_by":"x',
        '\\"flags\\":[]',
        '{"evidence":{"confidence":1}}',
        '"tier":"local","flags":[]}',
        '}',
        '\\',
        '"',
      ]
      let units: KnowledgeUnit[]

      beforeAll(async () => {
        const observed = new Date('2026-11-01T00:00:00.000Z')
        units = misleading.flatMap((summary) => [
          sampleUnit(fresh.unitId(), observed, { insight: { summary } }),
          sampleUnit(fresh.unitId(), observed, { created_by: summary }),
          sampleUnit(fresh.unitId(), observed, {
            insight: { summary },
            flags: [
              {
                reason: 'stale',
                timestamp: documentTime(observed),
                detail: summary,
                duplicate_of: null,
              },
            ],
          }),
          sampleUnit(fresh.unitId(), observed, {
            extensions: { 'vendor:key': { [summary]: summary } },
          }),
          sampleUnit(fresh.unitId(), observed, {
            extensions: { 'vendor:key': { [summary]: [], tier: 'local', flags: [] } },
          }),
          sampleUnit(fresh.unitId(), observed, {
            extensions: {},
            superseded_by: unitId(0),
            created_by: summary,
          }),
        ])
        await insertApproved(the.store, ...units)
      })

      it('come back whole, whatever their texts look like', async () => {
        for (const unit of units) {
          expect(await the.store.get(unit.id)).toEqual(unit)
          expect(await the.store.getAny(unit.id)).toEqual(unit)
        }
      })

      it('come back whole after a change', async () => {
        for (const unit of units) {
          const { evidence, ...rest } = await the.store.confirm(unit.id)
          expect({ ...rest, evidence: unit.evidence }).toEqual(unit)
          expect(evidence.confidence).toBe(0.6)
        }
      })
    })
  })
}
