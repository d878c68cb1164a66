import { describe, expect, it } from 'vitest'
import type { KnowledgeUnit } from '../../../src/index.ts'
import { columnTime, sampleUnit, TestClock } from '../samples.ts'
import { failure } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

export function describeCuration(openStore: OpenStore): void {
  const clock = new TestClock('2026-11-22T12:00:00.123Z')
  const fresh = new FreshNames()
  const the = shareStore(openStore, clock.now)
  const add = async (parts: Partial<KnowledgeUnit> = {}): Promise<KnowledgeUnit> => {
    const unit = sampleUnit(fresh.unitId(), clock.now(), parts)
    await the.store.insert(unit)
    return unit
  }
  const decidedNow = (by: string) => ({ reviewed_by: by, reviewed_at: columnTime(clock.now()) })
  const undecided = { reviewed_by: null, reviewed_at: null }

  describe('decideMany', () => {
    it('decides each for itself, and tells what became of each, in order', async () => {
      const [one, other, third] = [await add(), await add(), await add()]
      await the.store.decide(other.id, 'rejected', 'bob')
      const bobs = decidedNow('bob')
      clock.advance(1_000)
      const missing = fresh.unitId()
      const ids = [third.id, other.id, missing, one.id, one.id]
      const outcomes = await the.store.decideMany(ids, { decision: 'approved', reviewedBy: 'ann' })
      const anns = { status: 'approved', ...decidedNow('ann') }
      expect(outcomes).toEqual([
        { unit_id: third.id, outcome: 'decided', ...anns },
        { unit_id: other.id, outcome: 'conflict', status: 'rejected', ...bobs },
        { unit_id: missing, outcome: 'not_found', status: null, ...undecided },
        { unit_id: one.id, outcome: 'decided', ...anns },
        { unit_id: one.id, outcome: 'conflict', ...anns },
      ])
      expect(await the.store.getReviewStatus(one.id)).toEqual(anns)
      expect(await the.store.get(third.id)).toEqual(third)
    })

    it('opens decided units again, which are then pending as before', async () => {
      const unit = await add()
      const before = await the.store.reviewItem(unit.id)
      await the.store.decide(unit.id, 'approved', 'ann')
      const reopen = { decision: 'pending', from: 'approved', reviewedBy: 'bob' } as const
      expect(await the.store.decideMany([unit.id], reopen)).toEqual([
        { unit_id: unit.id, outcome: 'decided', status: 'pending', ...undecided },
      ])
      expect(await the.store.reviewItem(unit.id)).toEqual(before)
      expect(await the.store.get(unit.id)).toBeNull()
      expect(await the.store.query(unit.domains, { limit: 1_000 })).not.toContainEqual(unit)
      expect((await the.store.decideMany([unit.id], reopen))[0]?.outcome).toBe('conflict')
      await the.store.decide(unit.id, 'rejected', 'carol')
    })

    it('replaces one decision by another, and the history tells the one before', async () => {
      const unit = await add()
      await the.store.decide(unit.id, 'rejected', 'ann')
      expect(await the.store.unitHistory(unit.id)).toEqual([])
      const rejected = columnTime(clock.now())
      clock.advance(1_000)
      await the.store.decideMany([unit.id], {
        decision: 'approved',
        from: 'rejected',
        reviewedBy: 'bob',
      })
      expect(await the.store.get(unit.id)).toEqual(unit)
      const revised = {
        at: columnTime(clock.now()),
        actor: 'bob',
        action: 'revised',
        detail: `rejected by ann at ${rejected} before`,
      }
      expect(await the.store.unitHistory(unit.id)).toEqual([revised])
      clock.advance(1_000)
      const reopen = { decision: 'pending', from: 'approved', reviewedBy: 'carol' } as const
      await the.store.decideMany([unit.id], reopen)
      expect(await the.store.unitHistory(unit.id)).toEqual([
        {
          at: columnTime(clock.now()),
          actor: 'carol',
          action: 'reopened',
          detail: `approved by bob at ${revised.at} before`,
        },
        revised,
      ])
    })

    it('leaves what the reviewer proposed to others, if it is told so', async () => {
      const [own, other] = [await add({ created_by: 'ann' }), await add({ created_by: 'bob' })]
      const input = { decision: 'approved', reviewedBy: 'ann', ownProposals: false } as const
      const outcomes = await the.store.decideMany([own.id, other.id], input)
      expect(outcomes.map(({ outcome, status }) => [outcome, status])).toEqual([
        ['forbidden', 'pending'],
        ['decided', 'approved'],
      ])
      expect((await the.store.getReviewStatus(own.id))?.status).toBe('pending')
    })

    it('decides a unit only once, whoever is at it at the same time', async () => {
      const unit = await add()
      const reviewers = Array.from({ length: 10 }, (_, number) => `reviewer ${number}`)
      const all = await Promise.all(
        reviewers.map((reviewedBy) =>
          the.store.decideMany([unit.id], { decision: 'approved', reviewedBy }),
        ),
      )
      const winners = all.flat().filter(({ outcome }) => outcome === 'decided')
      expect(winners).toHaveLength(1)
      const { reviewed_by } = winners[0] ?? {}
      expect(all.flat().map((one) => one.reviewed_by)).toEqual(reviewers.map(() => reviewed_by))
    })

    it('counts statistics right when units are opened again', async () => {
      await using own = await openStore({ now: clock.now })
      const unit = sampleUnit(fresh.unitId(), clock.now())
      await own.insert(unit)
      await own.decide(unit.id, 'approved', 'ann')
      await own.decideMany([unit.id], { decision: 'pending', from: 'approved', reviewedBy: 'ann' })
      expect(await own.countsByStatus()).toEqual({ pending: 1 })
      expect(await own.dailyCounts()).toEqual([
        { date: '2026-11-22', proposed: 1, approved: 0, rejected: 0 },
      ])
      expect(await own.pendingQueue()).toHaveLength(1)
    })
  })

  describe('editUnit', () => {
    it('changes what it is given, leaves the rest, and notes who did it', async () => {
      const unit = await add({ domains: ['before', 'kept'] })
      await the.store.decide(unit.id, 'approved', 'ann')
      await the.store.confirm(unit.id)
      const item = await the.store.reviewItem(unit.id)
      const edit = { domains: [' After ', 'kept', 'KEPT'], insight: { action: 'Act differently.' } }
      const edited = await the.store.editUnit(unit.id, edit, { editedBy: 'bob' })
      const whole = item?.knowledge_unit as KnowledgeUnit
      const expected = {
        ...item,
        knowledge_unit: {
          ...whole,
          domains: ['after', 'kept'],
          insight: { ...whole.insight, action: 'Act differently.' },
        },
      }
      expect(edited).toEqual(expected)
      expect(await the.store.reviewItem(unit.id)).toEqual(expected)
      expect(await the.store.query(['after'])).toEqual([expected.knowledge_unit])
      expect(await the.store.query(['before'])).toEqual([])
      expect(await the.store.unitHistory(unit.id)).toEqual([
        { at: columnTime(clock.now()), actor: 'bob', action: 'edited', detail: 'domains, action' },
      ])
    })

    it('notes nothing where nothing changes', async () => {
      const { id, domains, insight } = await add()
      await the.store.editUnit(id, { domains, insight }, { editedBy: 'bob' })
      await the.store.editUnit(id, {}, { editedBy: 'bob' })
      expect(await the.store.unitHistory(id)).toEqual([])
    })

    it('leaves a unit that is no longer as the reviewer saw it', async () => {
      const { id, domains, insight } = await add()
      const seen = { domains, insight }
      const first = { insight: { summary: 'first' } }
      await the.store.editUnit(id, first, { editedBy: 'ann', seen })
      const second = the.store.editUnit(
        id,
        { insight: { summary: 'second' } },
        { editedBy: 'bob', seen },
      )
      expect(await failure('conflict', second)).toBe(`${id} was changed meanwhile`)
      expect((await the.store.getAny(id))?.insight.summary).toBe('first')
    })

    it('refuses what no unit may be, and changes nothing', async () => {
      const { id } = await add()
      const before = await the.store.reviewItem(id)
      const options = { editedBy: 'ann' }
      for (const edit of [
        { domains: [] },
        { domains: [' '] },
        { insight: { summary: 'x'.repeat(501) } },
        { insight: { detail: 'x'.repeat(8_001) } },
      ])
        await failure('invalid', the.store.editUnit(id, edit, options))
      expect(await the.store.reviewItem(id)).toEqual(before)
      await failure('not_found', the.store.editUnit(fresh.unitId(), {}, options))
    })

    it('leaves what the reviewer proposed to others, if it is told so', async () => {
      const { id } = await add({ created_by: 'ann' })
      const edit = { insight: { summary: 'better' } }
      const options = { editedBy: 'ann', ownProposals: false }
      await failure('conflict', the.store.editUnit(id, edit, options))
      await the.store.editUnit(id, edit, { ...options, editedBy: 'bob' })
    })

    it('loses no confirmation that comes at the same time', async () => {
      const { id } = await add()
      await the.store.decide(id, 'approved', 'ann')
      await Promise.all(
        Array.from({ length: 10 }, (_, number) => [
          the.store.confirm(id),
          the.store.editUnit(id, { insight: { summary: `${number}` } }, { editedBy: 'ann' }),
        ]).flat(),
      )
      const unit = await the.store.get(id)
      expect(unit?.evidence.confirmations).toBe(11)
      expect(await the.store.unitHistory(id)).toHaveLength(10)
    })
  })

  describe('unitHistory', () => {
    it('is gone with the unit', async () => {
      const { id } = await add()
      await the.store.editUnit(id, { insight: { summary: 'x' } }, { editedBy: 'ann' })
      expect(await the.store.unitHistory(id)).toHaveLength(1)
      await the.store.removeUnit(id)
      expect(await the.store.unitHistory(id)).toEqual([])
    })
  })

  describe('insights', () => {
    it('name flagged, most confirmed and stale units among those that are approved', async () => {
      await using own = await openStore({ now: clock.now })
      const at = (minutes: number) =>
        new Date(Date.parse('2026-11-01T00:00:00Z') + minutes * 60_000)
      const some = Array.from({ length: 5 }, (_, number) => sampleUnit(fresh.unitId(), at(number)))
      await own.insertMany(some)
      const ids = some.map(({ id }) => id)
      const [one = '', two = '', three = '', four = '', pending] = ids
      await own.decideMany([one, two, three, four], { decision: 'approved', reviewedBy: 'ann' })
      await own.flag(two, { reason: 'stale' })
      await own.flag(three, { reason: 'incorrect' })
      await own.flag(three, { reason: 'stale' })
      for (const id of [four, four, one]) await own.confirm(id)
      const { flagged, most_confirmed, stale } = await own.insights()
      const idsOf = (list: readonly { unit_id: string }[]) => list.map(({ unit_id }) => unit_id)
      expect(idsOf(flagged)).toEqual([three, two])
      expect(idsOf(most_confirmed)).toEqual([four, one])
      expect(idsOf(stale).slice(0, 2)).toEqual([two, three])
      expect(idsOf(stale)).not.toContain(pending)
      const unit = await own.get(three)
      expect(flagged[0]).toEqual({
        unit_id: three,
        summary: unit?.insight.summary,
        domains: unit?.domains,
        confidence: unit?.evidence.confidence,
        confirmations: 1,
        flags: 2,
        last_confirmed: unit?.evidence.last_confirmed,
      })
      expect(idsOf((await own.insights(1)).stale)).toEqual([two])
      await own.removeUnit(three)
      expect(idsOf((await own.insights()).flagged)).toEqual([two])
    })
  })

  describe('roleOf and setRole', () => {
    it('everybody is an admin until somebody has a role, and then a member', async () => {
      await using own = await openStore({ now: clock.now })
      const [ann, bob, zoe] = [fresh.username(), fresh.username(), fresh.username()]
      for (const name of [ann, bob]) await own.createUser(name, 'hash')
      const rolesNow = () => Promise.all([ann, bob, zoe].map((name) => own.roleOf(name)))
      expect(await rolesNow()).toEqual(['admin', 'admin', 'admin'])
      await own.setRole(ann, 'reviewer')
      expect(await rolesNow()).toEqual(['reviewer', 'member', 'member'])
      await own.setRole(bob, 'admin')
      await own.setRole(ann, 'member')
      expect(await rolesNow()).toEqual(['member', 'admin', 'member'])
      const users = await own.listUsers()
      expect(users.map(({ role }) => role)).toEqual(['member', 'admin'])
      await own.setRole(ann, null)
      expect((await own.listUsers())[0]?.role).toBeNull()
      await own.removeUser(bob)
      expect(await rolesNow()).toEqual(['admin', 'admin', 'admin'])
      expect(await failure('not_found', own.setRole(zoe, 'admin'))).toBe(`User not found: ${zoe}`)
      await own.setRole(ann, 'member')
      await own.createUser(bob, 'hash')
      expect(await own.roleOf(bob)).toBe('member')
    })
  })
}
