import { beforeAll, describe, expect, it } from 'vitest'
import type { KnowledgeUnit } from '../../../src/index.ts'
import { keyId, passwordHash, sampleKey, sampleUnit, TestClock, unitId } from '../samples.ts'
import { outcome } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const noon = '2026-11-22T12:00:00.000Z'
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index))

export function describeConcurrency(openStore: OpenStore): void {
  describe('calls at the same time', () => {
    const clock = new TestClock(noon)
    const the = shareStore(openStore, clock.now)
    const fresh = new FreshNames()
    const sample = (domains: string[] = ['sample']) =>
      sampleUnit(fresh.unitId(), clock.now(), { domains })
    const approved = async (): Promise<KnowledgeUnit> => {
      const unit = sample()
      await the.store.insert(unit)
      await the.store.decide(unit.id, 'approved', 'reviewer')
      return unit
    }

    it('see every write that was acknowledged before they were made', async () => {
      const story = async (unit: KnowledgeUnit) => {
        const [domain] = unit.domains as [string]
        await the.store.insert(unit)
        // Several, so that every reader is asked.
        expect(await Promise.all(times(4, () => the.store.getAny(unit.id)))).toEqual(
          times(4, () => unit),
        )
        expect((await the.store.listUnits({ domain })).length).toBe(1)
        const review = await the.store.decide(unit.id, 'approved', 'reviewer')
        expect(await the.store.getReviewStatus(unit.id)).toEqual(review)
        expect(await the.store.get(unit.id)).toEqual(unit)
        expect(await the.store.query([domain])).toEqual([unit])
        const confirmed = await the.store.confirm(unit.id)
        expect(await the.store.query([domain])).toEqual([confirmed])
        const flagged = await the.store.flag(unit.id, { reason: 'stale' })
        expect(await Promise.all(times(4, () => the.store.get(unit.id)))).toEqual(
          times(4, () => flagged),
        )
        await the.store.setReviewStatus(unit.id, 'rejected', 'reviewer')
        expect(await the.store.query([domain])).toEqual([])
        expect(await the.store.get(unit.id)).toBeNull()
      }
      await Promise.all(times(30, () => story(sample([fresh.domain()]))))
    })

    it('see accounts as they were last acknowledged', async () => {
      const story = async (username: string, key: string) => {
        await the.store.createUser(username, passwordHash)
        const user = (await the.store.getUser(username)) ?? expect.fail()
        const made = await the.store.createApiKey(
          sampleKey(key, user.id, new Date('2027-01-01T00:00:00.000Z')),
        )
        expect(await the.store.getActiveApiKeyById(key)).toEqual({ ...made, username })
        expect(await the.store.countActiveApiKeysForUser(user.id)).toBe(1)
        expect(await the.store.revokeApiKey({ userId: user.id, keyId: key })).toBe(true)
        expect(await the.store.getActiveApiKeyById(key)).toBeNull()
      }
      await Promise.all(times(30, () => story(fresh.username(), fresh.keyId())))
    })

    it('take effect in the order in which they are made, however many they are', async () => {
      const names = times(1000, () => fresh.username())
      await Promise.all(names.map((name) => the.store.createUser(name, passwordHash)))
      const users = await Promise.all(names.map((name) => the.store.getUser(name)))
      const userIds = users.map((user) => user?.id ?? expect.fail())
      expect(userIds).toEqual(userIds.toSorted((a, b) => a - b))
      expect(new Set(userIds).size).toBe(names.length)
    })

    it('lose no confirmation: 200 of them are 200 more', async () => {
      const { id } = await approved()
      const answers = await Promise.all(times(200, () => the.store.confirm(id)))
      expect(answers.map(({ evidence }) => evidence.confirmations)).toEqual(
        times(200, (index) => index + 2),
      )
      expect((await the.store.get(id))?.evidence.confirmations).toBe(201)
      expect(await the.store.get(id)).toEqual(answers.at(-1))
    })

    it('lose neither confirmation nor flag where both come together', async () => {
      const { id } = await approved()
      const answers = await Promise.all(
        times(100, (index) =>
          index % 2 === 0
            ? the.store.confirm(id)
            : the.store.flag(id, { reason: 'stale', detail: `${index}` }),
        ),
      )
      const unit = await the.store.get(id)
      expect(unit).toEqual(answers.at(-1))
      expect(unit?.evidence.confirmations).toBe(51)
      expect(unit?.flags.map(({ detail }) => detail)).toEqual(
        times(50, (index) => `${2 * index + 1}`),
      )
    })

    it.each(['approved', 'rejected'] as const)(
      'decide a unit once: the first, who says %s, wins and all others are told',
      async (decision) => {
        const unit = sample()
        await the.store.insert(unit)
        const other = decision === 'approved' ? 'rejected' : 'approved'
        const [first, ...others] = await Promise.allSettled(
          times(20, (index) =>
            the.store.decide(unit.id, index % 2 === 0 ? decision : other, `reviewer ${index}`),
          ),
        )
        const review = await the.store.getReviewStatus(unit.id)
        expect(review).toMatchObject({ status: decision, reviewed_by: 'reviewer 0' })
        expect(first).toEqual({ status: 'fulfilled', value: review })
        for (const loser of others)
          expect(loser).toMatchObject({
            status: 'rejected',
            reason: { code: 'conflict', message: expect.stringContaining(decision) },
          })
      },
    )

    it('make no more API keys than the limit: of 60 under a limit of 20, 20', async () => {
      const username = fresh.username()
      await the.store.createUser(username, passwordHash)
      const { id: userId } = (await the.store.getUser(username)) ?? expect.fail()
      const keys = times(60, () =>
        sampleKey(fresh.keyId(), userId, new Date('2027-01-01T00:00:00.000Z'), { activeLimit: 20 }),
      )
      const outcomes = await Promise.all(keys.map((key) => outcome(the.store.createApiKey(key))))
      expect(outcomes.filter((one) => 'value' in one)).toHaveLength(20)
      expect(outcomes.filter((one) => 'code' in one)).toEqual(
        times(40, () => ({ code: 'limit_reached' })),
      )
      expect(await the.store.countActiveApiKeysForUser(userId)).toBe(20)
      expect(await the.store.listApiKeysForUser(userId)).toHaveLength(20)
    })

    it('revoke an API key once', async () => {
      const username = fresh.username()
      await the.store.createUser(username, passwordHash)
      const { id: userId } = (await the.store.getUser(username)) ?? expect.fail()
      const key = sampleKey(keyId(999_999), userId, new Date('2027-01-01T00:00:00.000Z'))
      await the.store.createApiKey(key)
      const revoked = await Promise.all(
        times(20, () => the.store.revokeApiKey({ userId, keyId: key.keyId })),
      )
      expect(revoked).toEqual(times(20, (index) => index === 0))
    })

    it('make one record of several of the same name: the first', async () => {
      const id = fresh.unitId()
      const units = times(20, (index) =>
        sampleUnit(id, clock.now(), { insight: { summary: `${index}` } }),
      )
      const name = fresh.username()
      const outcomes = await Promise.all([
        ...units.map((unit) => outcome(the.store.insert(unit))),
        ...units.map((_, index) => outcome(the.store.createUser(name, `hash ${index}`))),
      ])
      const one = [{ value: undefined }, ...times(19, () => ({ code: 'conflict' }))]
      expect(outcomes).toEqual([...one, ...one])
      expect(await the.store.getAny(id)).toEqual(units[0])
      expect((await the.store.getUser(name))?.password_hash).toBe('hash 0')
    })

    it('fail alone: what is wrong with one is no matter to those beside it', async () => {
      const known = sample()
      await the.store.insert(known)
      const good = times(50, () => sample())
      const unknown = fresh.unitId()
      const calls = good.flatMap((unit) => [
        outcome(the.store.insert(unit)),
        outcome(the.store.insert(known)),
        outcome(the.store.insertMany([sample(), known])),
        outcome(the.store.confirm(unknown)),
        outcome(the.store.update({ ...known, domains: [' '] })),
      ])
      expect(await Promise.all(calls)).toEqual(
        good.flatMap(() => [
          { value: undefined },
          { code: 'conflict' },
          { code: 'conflict' },
          { code: 'not_found' },
          { code: 'invalid' },
        ]),
      )
      expect(await Promise.all(good.map(({ id }) => the.store.getAny(id)))).toEqual(good)
    })
  })

  describe('answers that hold several figures', () => {
    const the = shareStore(openStore)
    const ids = times(200, unitId)

    beforeAll(() => the.store.insertMany(ids.map((id) => sampleUnit(id, new Date(noon)))))

    it('are of one moment, while units are decided', async () => {
      const sum = (counts: Record<string, number>) =>
        Object.values(counts).reduce((total, count) => total + count, 0)
      let undecided = ids.length
      const decideAll = async () => {
        // One after the other, so that each is a commit that a read may meet.
        for (const id of ids) {
          await the.store.decide(id, 'approved', 'reviewer')
          undecided--
        }
      }
      const decided = decideAll()
      do {
        const [queue, stats, review] = await Promise.all([
          the.store.reviewQueue({ limit: 1000 }),
          the.store.stats(),
          the.store.reviewStats(),
        ])
        expect(queue.items).toHaveLength(queue.total)
        const approved = stats.tier_counts.private ?? 0
        expect(stats.domain_counts.sample ?? 0).toBe(approved)
        expect(sum(stats.confidence_distribution)).toBe(approved)
        expect(stats.total_count).toBe(ids.length)
        expect(sum(review.counts)).toBe(ids.length)
        expect(review.domains.sample ?? 0).toBe(review.counts.approved)
        expect(sum(review.confidence_distribution)).toBe(review.counts.approved)
        const daily = review.trends.daily.map(({ date, approved }) => [date, approved])
        expect(sum(Object.fromEntries(daily))).toBe(review.counts.approved)
      } while (undecided > 0)
      await decided
    })
  })
}
