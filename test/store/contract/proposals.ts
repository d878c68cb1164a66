import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KnowledgeUnit } from '../../../src/index.ts'
import { type SampleParts, sampleUnit, TestClock } from '../samples.ts'
import { failure } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const hour = 60 * 60 * 1_000

export function describeProposals(openStore: OpenStore): void {
  describe('propose', () => {
    const clock = new TestClock('2026-11-22T12:00:00.123Z')
    const fresh = new FreshNames()
    const the = shareStore(openStore, clock.now)
    let numbers = 0
    /** A proposal that nobody has made, under a new id each time. */
    const newProposal = (parts: SampleParts = {}) => {
      const summary = `Proposal ${numbers++}`
      return (changes: SampleParts = {}): KnowledgeUnit =>
        sampleUnit(fresh.unitId(), clock.now(), {
          created_by: 'ann',
          insight: { summary },
          ...parts,
          ...changes,
        })
    }

    it('adds a unit to the review queue', async () => {
      const unit = newProposal()()
      expect(await the.store.propose(unit)).toBeNull()
      expect(await the.store.reviewItem(unit.id)).toMatchObject({
        knowledge_unit: unit,
        status: 'pending',
      })
    })

    it('recognises the same text by the same proposer for 24 hours', async () => {
      const proposal = newProposal()
      const [first, second, third] = [proposal(), proposal(), proposal()]
      expect(await the.store.propose(first)).toBeNull()
      clock.advance(24 * hour - 1)
      expect(await the.store.propose(second)).toEqual(first)
      expect(await the.store.getAny(second.id)).toBeNull()
      clock.advance(1)
      expect(await the.store.propose(third)).toBeNull()
      expect(await the.store.propose(proposal())).toEqual(third)
    })

    it('takes another proposer, domain or text for another proposal', async () => {
      const proposal = newProposal({ domains: ['one', 'two'] })
      const { insight } = proposal()
      await the.store.propose(proposal())
      for (const changes of [
        { created_by: 'bob' },
        { created_by: null },
        { domains: ['one'] },
        { insight: { ...insight, detail: 'Another' } },
        { insight: { ...insight, action: `${insight.detail} ${insight.action}`, detail: '' } },
      ])
        expect(await the.store.propose(proposal(changes))).toBeNull()
    })

    it('answers the unit as it is now', async () => {
      const proposal = newProposal()
      const { id } = proposal()
      const first = { ...proposal(), id }
      await the.store.propose(first)
      await the.store.decide(id, 'approved', 'carol')
      const confirmed = await the.store.confirm(id)
      expect(await the.store.propose(proposal())).toEqual(confirmed)
      await the.store.setReviewStatus(id, 'rejected', 'carol')
      expect(await the.store.propose(proposal())).toEqual(confirmed)
    })

    it('adds a unit again that was removed', async () => {
      const proposal = newProposal()
      const [first, second] = [proposal(), proposal()]
      await the.store.propose(first)
      await the.store.removeUnit(first.id)
      expect(await the.store.propose(second)).toBeNull()
      expect(await the.store.propose(proposal())).toEqual(second)
    })

    it('recognises a key for 24 hours, and no text beside it', async () => {
      const proposal = newProposal()
      const [first, second, third] = [proposal(), proposal(), proposal()]
      const idempotencyKey = fresh.unitId()
      expect(await the.store.propose(first, { idempotencyKey })).toBeNull()
      expect(await the.store.propose(proposal(), { idempotencyKey })).toEqual(first)
      expect(await the.store.propose(second, { idempotencyKey: `${idempotencyKey} 2` })).toBeNull()
      expect(
        await the.store.propose(proposal({ created_by: 'bob' }), { idempotencyKey }),
      ).toBeNull()
      clock.advance(24 * hour)
      expect(await the.store.propose(third, { idempotencyKey })).toBeNull()
      expect(await the.store.propose(proposal(), { idempotencyKey })).toEqual(third)
    })

    it('refuses another proposal under a key that was used, and keeps the first', async () => {
      const idempotencyKey = fresh.unitId()
      const [first, other] = [newProposal()(), newProposal()()]
      await the.store.propose(first, { idempotencyKey })
      const why = await failure('conflict', the.store.propose(other, { idempotencyKey }))
      expect(why).toMatch(/key was used for another proposal.*make a new key/)
      expect(await the.store.getAny(other.id)).toBeNull()
      expect(await the.store.propose({ ...first, id: fresh.unitId() }, { idempotencyKey })).toEqual(
        first,
      )
    })

    it('makes one unit of proposals that are made at once', async () => {
      const proposal = newProposal()
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => the.store.propose(proposal())),
      )
      const [unit] = answers.filter((answer) => answer !== null)
      expect(answers.filter((answer) => answer === null)).toHaveLength(1)
      expect(new Set(answers.map((answer) => answer?.id ?? unit?.id)).size).toBe(1)
    })

    it('leaves alone what is proposed along with others', async () => {
      const proposal = newProposal()
      const idempotencyKey = fresh.unitId()
      const [first, other] = [newProposal()(), newProposal()()]
      const answers = await Promise.allSettled([
        the.store.propose(first, { idempotencyKey }),
        the.store.propose(other, { idempotencyKey }),
        the.store.propose(proposal()),
        the.store.propose({ ...proposal(), domains: [' '] }),
        the.store.propose(proposal()),
      ])
      expect(answers.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ])
      expect(await the.store.getAny(first.id)).toEqual(first)
    })

    it('does not mind white space, letter case, composition or the order of domains', async () => {
      const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      const cases = fc.record({
        text,
        number: fc.nat(),
        blanks: fc.constantFrom(' ', '\n', ' \t '),
      })
      await fc.assert(
        fc.asyncProperty(cases, async ({ text, number, blanks }) => {
          if (!text.isWellFormed() || text.includes('\0')) return
          const proposal = newProposal({ domains: ['a', 'b', `${number}`] })
          const first = proposal({ insight: { summary: `x ${text} y ${numbers}` } })
          await the.store.propose(first)
          const summary = `${blanks}X ${text.normalize('NFD')}${blanks} y ${numbers}${blanks}`
          const again = proposal({ domains: ['B', `${number}`, 'a ', 'b'], insight: { summary } })
          expect((await the.store.propose(again))?.id).toBe(first.id)
        }),
        { numRuns: 30 },
      )
    })
  })
}
