import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { KnowledgeUnit } from '../../../src/index.ts'
import { type SampleParts, sampleUnit, TestClock, unitId } from '../samples.ts'
import { failure } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

export function describeSearch(openStore: OpenStore): void {
  const clock = new TestClock('2026-11-22T12:00:00.123Z')

  describe('search', () => {
    const the = shareStore(openStore, clock.now)
    const parts = {
      pool: {
        domains: ['node', 'sqlite-pool'],
        insight: {
          summary: 'Readers wait while a writer holds the connection',
          detail:
            'Every query of the pool is queued behind one connection. Café crèmes do not help.',
          action: 'Open several connections for reading',
        },
      },
      wal: {
        domains: ['sqlite'],
        insight: {
          summary: 'The write-ahead log grows without bound',
          detail: 'A reader that never ends keeps checkpoints from restarting it.',
          action: 'End readers; connections are cheap',
        },
        context: { languages: ['rust'], frameworks: [], pattern: '' },
      },
      typed: {
        domains: ['typescript'],
        insight: {
          summary: 'Types of rows are wrong after a migration',
          detail: 'The generator caches snake_case_names and Node.js versions such as v24.1.',
          action: 'Generate them anew',
        },
      },
    } satisfies Record<string, SampleParts>
    const units = {} as Record<keyof typeof parts, KnowledgeUnit>
    const named = (id: string) => Object.entries(units).find(([, unit]) => unit.id === id)?.[0]
    const found = async (text: string, options?: Parameters<typeof the.store.search>[1]) =>
      (await the.store.search(text, options)).map((hit) => named(hit.knowledge_unit.id))

    beforeAll(async () => {
      for (const [number, [name, part]] of Object.entries(parts).entries()) {
        const unit = sampleUnit(unitId(number), clock.now(), part)
        units[name as keyof typeof parts] = unit
        await the.store.insert(unit)
        await the.store.decide(unit.id, 'approved', 'ann')
      }
    })

    it.each([
      ['in the summary', 'holds', ['pool']],
      ['in the detail', 'checkpoints', ['wal']],
      ['in the action', 'cheap', ['wal']],
      ['in the domains', 'typescript', ['typed']],
      ['in part of a domain', 'pool', ['pool']],
      ['by their stems', 'connecting writers', ['pool']],
      ['in any letter case', 'WRITE-AHEAD LOG', ['wal']],
      ['without accents', 'cafe creme', ['pool']],
      ['with other accents', 'cäfè', ['pool']],
      ['between underscores and points', 'case node', ['typed']],
      ['with digits', 'v24', ['typed']],
      ['as far as the last is typed', 'generator snak', ['typed']],
      ['and ignores fillers', 'how do I get the types for this', ['typed']],
      ['all of which a unit has, if there is one', 'sqlite checkpoints', ['wal']],
    ])('finds words %s', async (_, text, names) => {
      expect(await found(text)).toEqual(names)
    })

    it('finds units that have any of the words, where none has all', async () => {
      expect((await found('checkpoints generator')).toSorted()).toEqual(['typed', 'wal'])
    })

    it('puts first what has the words where they say more', async () => {
      expect(await found('sqlite')).toEqual(['wal', 'pool'])
    })

    it('puts first what fits domains and context better', async () => {
      expect((await found('connections', { domains: ['sqlite'], languages: ['rust'] }))[0]).toBe(
        'wal',
      )
      expect((await found('connections', { domains: ['node', 'sqlite-pool'] }))[0]).toBe('pool')
    })

    it('tells where the words stand', async () => {
      const [hit] = await the.store.search('checkpoint restarts')
      expect(hit?.snippet).toEqual({
        field: 'detail',
        text: units.wal.insight.detail,
        matches: [
          [31, 42],
          [48, 58],
        ],
      })
      expect(hit?.knowledge_unit).toEqual(units.wal)
      expect(hit?.rank).toBeGreaterThan(0)
    })

    it.each([
      ['an empty text', ''],
      ['blanks', ' \n\t '],
      ['punctuation', `"'*(){}[]^:-+~&|!<>\\;%_`],
      ['a word that nobody wrote', 'xyzzy'],
    ])('finds nothing for %s', async (_, text) => {
      expect(await the.store.search(text)).toEqual([])
    })

    it.each([
      'checkpoints" OR "x',
      "checkpoints' & 'x",
      'checkpoints) OR (x',
      'checkpoints AND',
      'NOT checkpoints',
      'NEAR(checkpoints, 2)',
      'summary : checkpoints',
      'detail:checkpoints*',
      '{detail}: ^checkpoints',
      'checkpoints:*',
      'checkpoints\\',
      `checkpoints ${'"'.repeat(9_000)}`,
    ])('takes %j for words', async (text) => {
      expect(await found(text.slice(0, 10_000))).toContain('wal')
    })

    it('answers any text', async () => {
      const text = fc.string({ unit: 'grapheme', maxLength: 200 })
      await fc.assert(
        fc.asyncProperty(text, async (words) => {
          if (!words.isWellFormed() || words.includes('\0')) return
          expect(Array.isArray(await the.store.search(words))).toBe(true)
        }),
        { numRuns: 50 },
      )
      await the.store.search('many different words '.repeat(470))
      await the.store.search('x'.repeat(10_000))
    })

    it('finds by words what a query by domains does not', async () => {
      const query = async (domains: string[], options: object) =>
        (await the.store.query(domains, options)).map(({ id }) => named(id))
      expect(await query(['unknown'], { text: 'checkpoints' })).toEqual(['wal'])
      expect(await query([], { text: 'checkpoints' })).toEqual(['wal'])
      expect(await query(['typescript'], { text: 'checkpoints' })).toEqual(['wal', 'typed'])
      expect(await query(['sqlite'], { text: 'checkpoints' })).toEqual(['wal'])
      expect(await query(['sqlite'], { text: ' ?! ' })).toEqual(['wal'])
      expect(await query([], { text: ' ?! ' })).toEqual([])
      expect(await query(['typescript'], { text: 'checkpoints', limit: 1 })).toEqual(['wal'])
    })

    it('suggests domains that are spelled alike, or share a word', async () => {
      const { store } = the
      expect(await store.suggestDomains(['sqllite'])).toEqual(['sqlite', 'sqlite-pool'])
      expect((await store.suggestDomains(['typescritp']))[0]).toBe('typescript')
      expect((await store.suggestDomains(['connection pool']))[0]).toBe('sqlite-pool')
      expect(await store.suggestDomains(['checkpoints'])).toEqual(['sqlite'])
      expect(await store.suggestDomains(['xyzzy'])).toEqual([])
      expect(await store.suggestDomains([])).toEqual([])
      expect(await store.suggestDomains(['sqllite'], 1)).toEqual(['sqlite'])
    })
  })

  describe('what is searched', () => {
    const the = shareStore(openStore, clock.now)
    const fresh = new FreshNames()
    let numbers = 0
    /** A word that nobody else uses. */
    const newWord = () => `zebra${'abcdefghij'.charAt(numbers % 10)}${numbers++}`
    const add = async (word: string, parts: SampleParts = {}) => {
      const unit = sampleUnit(fresh.unitId(), clock.now(), { insight: { detail: word }, ...parts })
      await the.store.insert(unit)
      return unit
    }
    const ids = async (word: string) =>
      (await the.store.search(word)).map((hit) => hit.knowledge_unit.id)

    it('is what is approved, from then on', async () => {
      const word = newWord()
      const { id } = await add(word)
      expect(await ids(word)).toEqual([])
      await the.store.decide(id, 'approved', 'ann')
      expect(await ids(word)).toEqual([id])
      await the.store.setReviewStatus(id, 'rejected', 'ann')
      expect(await ids(word)).toEqual([])
      await the.store.decideMany([id], {
        decision: 'approved',
        from: 'rejected',
        reviewedBy: 'ann',
      })
      expect(await ids(word)).toEqual([id])
    })

    it('is the text as it was edited last', async () => {
      const [before, after, later] = [newWord(), newWord(), newWord()]
      const unit = await add(before)
      await the.store.decide(unit.id, 'approved', 'ann')
      expect(await ids(before)).toEqual([unit.id])
      await the.store.editUnit(unit.id, { insight: { detail: after } }, { editedBy: 'ann' })
      expect(await ids(before)).toEqual([])
      expect(await ids(after)).toEqual([unit.id])
      await the.store.update({ ...unit, insight: { ...unit.insight, action: later } })
      expect(await ids(after)).toEqual([])
      expect(await ids(later)).toEqual([unit.id])
    })

    it('stays as it is when a unit is confirmed or flagged, which changes its rank', async () => {
      const word = newWord()
      const [one, other] = [await add(word), await add(word)]
      for (const { id } of [one, other]) await the.store.decide(id, 'approved', 'ann')
      expect(await ids(word)).toEqual([other.id, one.id].toSorted().toReversed())
      await the.store.flag(other.id, { reason: 'stale' })
      await the.store.confirm(one.id)
      expect(await ids(word)).toEqual([one.id, other.id])
      const [hit] = await the.store.search(word)
      expect(hit?.knowledge_unit.evidence.confirmations).toBe(2)
    })

    it('ends with the unit', async () => {
      const word = newWord()
      const { id } = await add(word)
      await the.store.decide(id, 'approved', 'ann')
      expect(await ids(word)).toEqual([id])
      await the.store.removeUnit(id)
      expect(await ids(word)).toEqual([])
    })

    it('includes what is imported, at once and all of it', async () => {
      const word = newWord()
      const items = Array.from({ length: 250 }, () => ({
        knowledge_unit: sampleUnit(fresh.unitId(), clock.now(), { insight: { action: word } }),
        status: 'approved' as const,
      }))
      await the.store.importUnits(items)
      const expected = items
        .map((item) => item.knowledge_unit.id)
        .toSorted()
        .toReversed()
      expect(await the.store.search(word, { limit: 50 })).toHaveLength(50)
      expect(await the.store.query([], { text: word, limit: 50 })).toHaveLength(50)
      expect(expected).toEqual(expect.arrayContaining(await ids(word)))
    })

    it('is indexed portion by portion, which changes no answer', async () => {
      const word = newWord()
      const { id } = await add(word)
      await the.store.decide(id, 'approved', 'ann')
      while ((await the.store.indexTexts()) > 0);
      expect(await the.store.unindexedTexts()).toBe(0)
      expect(await ids(word)).toEqual([id])
    })

    it('has similar units for a proposal, pending ones too', async () => {
      const domains = ['similarity']
      const insight = {
        summary: 'The cache of compiled templates is never emptied',
        detail: 'Memory grows',
        action: 'Bound the cache by the number of templates',
      }
      const similar = await add('x', { domains, insight })
      const pending = await add('x', {
        domains,
        insight: {
          ...insight,
          summary: 'Compiled templates stay in a cache that is never emptied',
        },
      })
      await add('x', { domains, insight: { summary: 'Quite another thing', action: 'None' } })
      await the.store.decide(similar.id, 'approved', 'ann')
      const found = await the.store.similarUnits({ domains, insight })
      expect(found).toMatchObject([
        {
          unit_id: similar.id,
          status: 'approved',
          summary: insight.summary,
          domains,
          similarity: 1,
        },
        { unit_id: pending.id, status: 'pending' },
      ])
      expect(found[1]?.similarity).toBeLessThan(1)
      expect(await the.store.similarUnits({ domains, insight }, { except: similar.id })).toEqual(
        found.slice(1),
      )
      expect(await the.store.similarUnits({ domains, insight }, { limit: 1 })).toEqual(
        found.slice(0, 1),
      )
      const nothing = { summary: '', detail: '', action: '' }
      expect(await the.store.similarUnits({ domains, insight: nothing })).toEqual([])
    })

    it('refuses longer texts, and says how long they may be', async () => {
      const why = await failure('invalid', the.store.search('x'.repeat(10_001)))
      expect(why).toBe('text must be at most 10000 characters, got 10001')
    })
  })
}
