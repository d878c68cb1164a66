import { describe, expect, it } from 'vitest'
import type { KnowledgeUnit, ReviewItem, Store } from '../../../src/index.ts'
import { figuresOf } from '../model.ts'
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
          role: null,
        })
        const page = await the.store.listUsers({ after: first, limit: 1 })
        expect(page.map(({ username }) => username)).toEqual([second])
        const rest = await the.store.listUsers({ after: second as string })
        expect(rest.map(({ username }) => username)).toEqual([third])
      })

      it('goes by code points, whatever the language', async () => {
        const start = `${fresh.username()} `
        const names = ['B', '_x', 'a', 'é', '😀'].map((name) => start + name)
        for (const name of names.toReversed()) await the.store.createUser(name, passwordHash)
        for (const [place, after] of [start, ...names].entries()) {
          const page = await the.store.listUsers({ after, limit: 5 })
          const found = page
            .map(({ username }) => username)
            .filter((name) => name.startsWith(start))
          expect(found).toEqual(names.slice(place))
        }
        expect(await the.store.getUser(`${start}b`)).toBeNull()
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

    describe('removeUnit', () => {
      it.each(['pending', 'approved', 'rejected'] as const)(
        'removes a unit that is %s from all that tells of units, and leaves every other one',
        async (status) => {
          const [gone, left] = [unitOf(fresh.unitId()), unitOf(fresh.unitId())]
          const domains = [...gone.domains, ...left.domains]
          await the.store.insert(left)
          await the.store.setReviewStatus(left.id, 'approved', 'carol')
          const before = await figuresOf(the.store)
          const queue = await the.store.pendingCount()
          await the.store.insert({ ...gone, domains })
          if (status !== 'pending') await the.store.decide(gone.id, status, 'carol')
          expect(await the.store.removeUnit(gone.id)).toBe(true)
          expect(await the.store.removeUnit(gone.id)).toBe(false)

          expect(await the.store.get(gone.id)).toBeNull()
          expect(await the.store.getAny(gone.id)).toBeNull()
          expect(await the.store.reviewItem(gone.id)).toBeNull()
          expect(await the.store.getReviewStatus(gone.id)).toBeNull()
          expect(await the.store.query(domains, { limit: 100 })).toEqual([left])
          expect(await the.store.listUnits({ domain: gone.domains[0] as string })).toEqual([])
          expect(await the.store.pendingCount()).toBe(queue)
          expect(await figuresOf(the.store)).toEqual(before)
          const activity = await the.store.recentActivity(1000)
          expect(activity.map(({ unit_id }) => unit_id)).not.toContain(gone.id)
          const exported = await the.store.exportUnits({ limit: 10_000 })
          const ids = exported.map(({ knowledge_unit }) => knowledge_unit.id)
          expect(ids).toContain(left.id)
          expect(ids).not.toContain(gone.id)
        },
      )

      it('leaves what other units say of it, and its id may be used again', async () => {
        const gone = unitOf(fresh.unitId())
        const heir = { ...unitOf(fresh.unitId()), superseded_by: gone.id }
        await the.store.insertMany([gone, heir])
        await the.store.decide(heir.id, 'approved', 'carol')
        await the.store.flag(heir.id, { reason: 'duplicate', duplicate_of: gone.id })
        await the.store.removeUnit(gone.id)
        expect(await the.store.get(heir.id)).toMatchObject({
          superseded_by: gone.id,
          flags: [{ duplicate_of: gone.id }],
        })
        await the.store.insert(gone)
        expect(await the.store.reviewItem(gone.id)).toMatchObject({ status: 'pending' })
      })

      it('is one of two, where two remove the same unit at once', async () => {
        const unit = unitOf(fresh.unitId())
        await the.store.insert(unit)
        const removals = [the.store.removeUnit(unit.id), the.store.removeUnit(unit.id)]
        expect((await Promise.all(removals)).toSorted()).toEqual([false, true])
      })
    })

    describe('units', () => {
      const itemsOf = async (options?: Parameters<Store['units']>[0]) => {
        const items: ReviewItem[] = []
        for await (const item of the.store.units(options)) items.push(item)
        return items
      }
      const idsOf = async (options?: Parameters<Store['units']>[0]) =>
        (await itemsOf(options)).map(({ knowledge_unit }) => knowledge_unit.id)

      it('goes through all units by id, whatever their status and the size of its pages', async () => {
        const units = fresh.unitIds(5).map((id) => unitOf(id))
        await the.store.insertMany(units.toReversed())
        await the.store.decide(units[1]?.id as string, 'approved', 'carol')
        await the.store.decide(units[2]?.id as string, 'rejected', 'carol')
        const items = await the.store.exportUnits({ limit: 10_000 })
        const all = items.map(({ knowledge_unit }) => knowledge_unit.id)
        expect(all).toEqual(expect.arrayContaining(units.map(({ id }) => id)))
        for (const pageSize of [1, 2, all.length - 1, all.length, all.length + 1])
          expect(await idsOf({ pageSize })).toEqual(all)
        expect(await itemsOf()).toEqual(items)
        const [first = '', ...others] = all
        expect(await idsOf({ after: first, pageSize: 3 })).toEqual(others)
        expect(await idsOf({ after: all.at(-1) as string })).toEqual([])
      })

      it('tells what is added or removed meanwhile, or not, and every other unit once', async () => {
        const after = fresh.unitId()
        const [one, two, three, four, five] = fresh.unitIds(5).map((id) => unitOf(id))
        const there = [one, two, four] as KnowledgeUnit[]
        await the.store.insertMany(there)
        const found: string[] = []
        for await (const { knowledge_unit } of the.store.units({ after, pageSize: 1 })) {
          found.push(knowledge_unit.id)
          if (knowledge_unit.id !== one?.id) continue
          await the.store.removeUnit(two?.id as string)
          await the.store.insertMany([three, five] as KnowledgeUnit[])
        }
        expect(found).toEqual([one, three, four, five].map((unit) => unit?.id))
      })

      it('ends where its user stops, and can be begun again', async () => {
        await the.store.insertMany(fresh.unitIds(3).map((id) => unitOf(id)))
        const [first] = await idsOf()
        for await (const { knowledge_unit } of the.store.units({ pageSize: 1 })) {
          expect(knowledge_unit.id).toBe(first)
          break
        }
        expect((await idsOf())[0]).toBe(first)
      })

      it('rejects where a page cannot be read, also the second one', async () => {
        const store = await openStore({ now: clock.now })
        await store.insertMany(fresh.unitIds(3).map((id) => unitOf(id)))
        const units = store.units({ pageSize: 2 })[Symbol.asyncIterator]()
        expect((await units.next()).done).toBe(false)
        expect((await units.next()).done).toBe(false)
        await store.close()
        expect(await failure('closed', units.next())).toContain('closed')
        expect((await units.next()).done).toBe(true)
        const late = store.units()[Symbol.asyncIterator]()
        expect(await failure('closed', late.next())).toContain('units was not done')
      })

      it.each([
        null,
        5,
        [],
        { pageSize: 0 },
        { pageSize: 1.5 },
        { pageSize: '1' },
        { after: 5 },
        { after: '\ud83d' },
      ])('refuses the options %j', async (options) => {
        const units = the.store.units(options as never)[Symbol.asyncIterator]()
        await failure('invalid', units.next())
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
