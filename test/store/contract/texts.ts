import { beforeAll, describe, expect, it } from 'vitest'
import type { KnowledgeUnit, Store, TextMethod, UnitView } from '../../../src/index.ts'
import { sampleUnit, TestClock, unitId } from '../samples.ts'
import { callUntyped } from './arguments.ts'
import { failure, outcome } from './failure.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const noon = '2026-11-22T12:00:00.000Z'

/** What each view shows of a unit. */
const shown: Readonly<Record<UnitView, (unit: KnowledgeUnit) => object>> = {
  whole: (unit) => unit,
  review: (unit) => ({ ...unit, created_by: unit.created_by ?? '' }),
  legacy: (unit) => ({ ...shown.review(unit), flags: withoutDetail(unit) }),
  public: ({ created_by: _, ...unit }) => ({ ...unit, flags: withoutDetail(unit) }),
}
const views = Object.keys(shown) as UnitView[]

function withoutDetail({ flags }: Pick<KnowledgeUnit, 'flags'>): KnowledgeUnit['flags'] {
  return flags.map((flag) => ({ ...flag, detail: null }))
}

/** A result, each unit in it as the view shows it. */
function seen(view: UnitView, result: unknown): unknown {
  if (Array.isArray(result)) return result.map((item) => seen(view, item))
  if (typeof result !== 'object' || result === null) return result
  if ('insight' in result) return shown[view](result as KnowledgeUnit)
  return Object.fromEntries(
    Object.entries(result).map(([name, value]) => [name, seen(view, value)]),
  )
}

type Calls = { readonly [M in TextMethod]: readonly Parameters<Store[M]>[] }

/** Ids of units, approved up to the third. */
const ids = Array.from({ length: 5 }, (_, number) => unitId(number))
const [first = '', , , pending = ''] = ids

/** Calls that change nothing. */
const reads: Omit<Calls, 'propose' | 'confirm' | 'flag' | 'editUnit'> = {
  query: [[['sample']], [['sample'], { limit: 1 }], [['nobody knows it']], [[' ']]],
  search: [['summary'], ['sample'], ['nobody wrote this'], ['']],
  reviewItem: [...ids.map((id): [string] => [id]), [unitId(99)]],
  reviewQueue: [[], [{ limit: 1, offset: 1 }], [{ limit: 0 }]],
  listUnits: [[], [{ status: 'approved' }], [{ limit: 0 }]],
  browseUnits: [[], [{ status: 'approved', limit: 2 }], [{ text: 'nobody wrote this' }]],
  exportUnits: [[], [{ after: first, limit: 2 }], [{ after: unitId(99) }]],
  stats: [[]],
  reviewStats: [[]],
}

export function describeTexts(openStore: OpenStore): void {
  describe('asText', () => {
    const clock = new TestClock(noon)
    const the = shareStore(openStore, clock.now)

    beforeAll(async () => {
      const parts = [
        { created_by: 'carol' },
        { extensions: { 'vendor:key': { created_by: 'x', text: '"tier":"' } } },
        { superseded_by: unitId(0) },
        { created_by: '"quoted" \\ \u2028' },
        {},
      ]
      await the.store.insertMany(
        parts.map((part, number) => sampleUnit(unitId(number), clock.now(), part)),
      )
      for (const id of ids.slice(0, 3)) await the.store.decide(id, 'approved', 'ann')
      await the.store.flag(first, { reason: 'stale', detail: 'for reviewers' })
    })

    describe.each(views)('of the view %s', (view) => {
      it.each(Object.keys(reads) as (keyof typeof reads)[])(
        'tells what %s does, its units seen so',
        async (method) => {
          for (const args of reads[method]) {
            const result = await callUntyped(the.store, method, args)
            const text = await callUntyped(the.store, 'asText', [view, method, ...args])
            expect(JSON.parse(text as string)).toEqual(seen(view, result))
          }
        },
      )

      it('tells of a unit that was confirmed or flagged, and does so once', async () => {
        const before = (await the.store.get(first)) ?? expect.fail()
        const confirmed = JSON.parse(await the.store.asText(view, 'confirm', first))
        expect(confirmed).toEqual(seen(view, await the.store.get(first)))
        expect(confirmed.evidence.confirmations).toBe(before.evidence.confirmations + 1)
        const flag = { reason: 'incorrect', detail: 'detail' } as const
        const flagged = JSON.parse(await the.store.asText(view, 'flag', first, flag))
        expect(flagged).toEqual(seen(view, await the.store.get(first)))
        expect(flagged.flags).toHaveLength(before.flags.length + 1)
      })
    })

    it('tells null of what is not there', async () => {
      expect(await the.store.asText('whole', 'reviewItem', unitId(99))).toBe('null')
    })

    it('fails as the method does', async () => {
      for (const id of [pending, unitId(99)]) {
        await failure('not_found', the.store.asText('public', 'confirm', id))
        await failure('not_found', the.store.asText('public', 'flag', id, { reason: 'stale' }))
      }
      await failure('invalid', the.store.asText('public', 'query', ['sample'], { limit: 0 }))
      await failure('invalid', the.store.asText('review', 'reviewQueue', { limit: -1 }))
    })

    it('goes in the order in which calls are made, whichever way they are', async () => {
      const store = await openStore({ now: clock.now })
      try {
        await store.insert(sampleUnit(first, clock.now()))
        await store.decide(first, 'approved', 'ann')
        const calls = Array.from({ length: 4 }, (_, index) =>
          index % 2 ? store.asText('whole', 'confirm', first).then(parse) : store.confirm(first),
        )
        const counts = (await Promise.all(calls)).map(({ evidence }) => evidence.confirmations)
        expect(counts).toEqual([2, 3, 4, 5])
      } finally {
        await store.close()
      }
    })

    it('takes no other methods and views, and does nothing then', async () => {
      const call = (...args: unknown[]) => outcome(callUntyped(the.store, 'asText', args))
      const unit = sampleUnit(unitId(50), clock.now())
      for (const method of [
        'insert',
        'getUser',
        'asText',
        'close',
        'toString',
        '',
        null,
        undefined,
      ])
        expect(await call('whole', method, unit)).toEqual({ code: 'invalid' })
      for (const view of ['', 'Public', 'toString', null, undefined, Symbol('view'), {}])
        expect(await call(view, 'confirm', pending)).toEqual({ code: 'invalid' })
      expect(await the.store.getAny(unit.id)).toBeNull()
    })
  })
}

function parse(text: string): KnowledgeUnit {
  return JSON.parse(text)
}
