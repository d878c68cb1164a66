import { describe, expect, it } from 'vitest'
import type { ReviewItem } from '../../../src/index.ts'
import { columnTime, passwordHash, sampleKey, sampleUnit, TestClock } from '../samples.ts'
import { failure } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

export function describeAdministration(openStore: OpenStore): void {
  describe('administration', () => {
    const clock = new TestClock('2026-11-22T12:00:00.123Z')
    const the = shareStore(openStore, clock.now)
    const fresh = new FreshNames()
    const unitOf = (id: string, created_by: string | null = null) =>
      sampleUnit(id, clock.now(), { domains: [fresh.domain()], created_by })

    describe('listUsers', () => {
      it('tells every user by name, in pages, and no password', async () => {
        const names = [fresh.username(), fresh.username(), fresh.username()]
        for (const name of names.toReversed()) await the.store.createUser(name, passwordHash)
        const [first = '', second, third] = names
        const before = `${first.slice(0, -1)}!`
        const all = await the.store.listUsers({ after: before })
        expect(all.map(({ username }) => username)).toEqual(names)
        expect(all[0]).toEqual({
          id: expect.any(Number),
          username: first,
          created_at: columnTime(clock.now()),
        })
        const page = await the.store.listUsers({ after: first, limit: 1 })
        expect(page.map(({ username }) => username)).toEqual([second])
        const rest = await the.store.listUsers({ after: second as string })
        expect(rest.map(({ username }) => username)).toEqual([third])
      })
    })

    describe('setPassword', () => {
      it('replaces the password and nothing else', async () => {
        const name = fresh.username()
        await the.store.createUser(name, 'old')
        const user = await the.store.getUser(name)
        await the.store.setPassword(name, 'new')
        expect(await the.store.getUser(name)).toEqual({ ...user, password_hash: 'new' })
      })

      it('does not find an unknown user', async () => {
        const name = fresh.username()
        expect(await failure('not_found', the.store.setPassword(name, 'new'))).toContain(name)
        expect(await the.store.getUser(name)).toBeNull()
      })
    })

    describe('removeUser', () => {
      it('removes a user and their keys, and leaves their units and everybody else', async () => {
        const [name, other] = [fresh.username(), fresh.username()]
        await the.store.createUser(name, passwordHash)
        await the.store.createUser(other, passwordHash)
        const expiresAt = new Date(clock.now().getTime() + 1000)
        const keys: string[] = []
        for (const owner of [name, other]) {
          const user = await the.store.getUser(owner)
          const key = sampleKey(fresh.keyId(), user?.id as number, expiresAt)
          await the.store.createApiKey(key)
          keys.push(key.keyId)
        }
        const unit = unitOf(fresh.unitId(), name)
        await the.store.insert(unit)
        expect(await the.store.removeUser(name)).toBe(true)
        expect(await the.store.removeUser(name)).toBe(false)
        expect(await the.store.getUser(name)).toBeNull()
        const [gone = '', left = ''] = keys
        expect(await the.store.getActiveApiKeyById(gone)).toBeNull()
        expect(await the.store.getActiveApiKeyById(left)).toMatchObject({ username: other })
        expect(await the.store.getAny(unit.id)).toEqual(unit)
      })
    })

    describe('importUnits and exportUnits', () => {
      it('give a unit back as it was, with its review', async () => {
        const reviewed_at = '2026-11-01T00:00:00.000001+00:00'
        const items: ReviewItem[] = [
          { status: 'pending', reviewed_by: null, reviewed_at: null },
          { status: 'approved', reviewed_by: 'carol', reviewed_at },
          { status: 'rejected', reviewed_by: null, reviewed_at },
          // As a decision that was taken back, and one of which nobody knows when.
          { status: 'pending', reviewed_by: 'carol', reviewed_at },
          { status: 'approved', reviewed_by: 'carol', reviewed_at: null },
        ].map((review) => ({ knowledge_unit: unitOf(fresh.unitId()), ...review }) as ReviewItem)
        const [pending, approved, rejected] = items
        expect(await the.store.importUnits(items)).toBe(items.length)
        const before = pending?.knowledge_unit.id.slice(0, -1) ?? ''
        const exported = await the.store.exportUnits({ after: before, limit: 1000 })
        const ids = items.map(({ knowledge_unit }) => knowledge_unit.id)
        expect(exported.filter(({ knowledge_unit }) => ids.includes(knowledge_unit.id))).toEqual(
          items,
        )
        expect(await the.store.get(approved?.knowledge_unit.id ?? '')).not.toBeNull()
        expect(await the.store.get(rejected?.knowledge_unit.id ?? '')).toBeNull()
        const domain = approved?.knowledge_unit.domains[0] ?? ''
        expect(await the.store.query([domain])).toContainEqual(approved?.knowledge_unit)
        expect(await the.store.domainCounts()).toMatchObject({ [domain]: 1 })
      })

      it('take what is left out for pending, and what is decided and not dated for decided now', async () => {
        const [one, other] = [unitOf(fresh.unitId()), unitOf(fresh.unitId())]
        const items = [
          { knowledge_unit: one },
          { knowledge_unit: other, status: 'approved' },
        ] as const
        await the.store.importUnits(items)
        const none = { reviewed_by: null, reviewed_at: null }
        expect(await the.store.getReviewStatus(one.id)).toEqual({ status: 'pending', ...none })
        expect(await the.store.getReviewStatus(other.id)).toEqual({
          status: 'approved',
          reviewed_by: null,
          reviewed_at: columnTime(clock.now()),
        })
      })

      it('add all or none', async () => {
        const [taken, free] = [unitOf(fresh.unitId()), unitOf(fresh.unitId())]
        await the.store.insert(taken)
        const items = [{ knowledge_unit: free }, { knowledge_unit: taken }]
        expect(await failure('conflict', the.store.importUnits(items))).toContain(taken.id)
        expect(await the.store.getAny(free.id)).toBeNull()
        expect(await the.store.importUnits(items, { existing: 'skip' })).toBe(1)
        expect(await the.store.getAny(free.id)).toEqual(free)
        expect(await the.store.importUnits(items, { existing: 'skip' })).toBe(0)
        expect(await the.store.importUnits([])).toBe(0)
      })

      it('go through all units by id, in pages', async () => {
        const units = fresh.unitIds(5).map((id) => unitOf(id))
        await the.store.insertMany(units.toReversed())
        const found: string[] = []
        let after = ''
        for (;;) {
          const page = await the.store.exportUnits({ after, limit: 2 })
          found.push(...page.map(({ knowledge_unit }) => knowledge_unit.id))
          const last = page.at(-1)
          if (!last) break
          after = last.knowledge_unit.id
        }
        expect(found).toEqual(found.toSorted())
        expect(found).toHaveLength(await the.store.count())
        expect(found).toEqual(expect.arrayContaining(units.map(({ id }) => id)))
      })
    })
  })
}
