import { describe, expect, it } from 'vitest'
import type { ApiKey, NewApiKey } from '../../../src/index.ts'
import { columnTime, passwordHash, sampleKey, TestClock } from '../samples.ts'
import { failure } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

export function describeAccounts(openStore: OpenStore): void {
  describe('accounts', () => {
    const clock = new TestClock('2026-11-22T12:00:00.123Z')
    const the = shareStore(openStore, clock.now)
    const fresh = new FreshNames()

    describe('createUser and getUser', () => {
      it('keep a user', async () => {
        const username = fresh.username()
        expect(await the.store.createUser(username, passwordHash)).toBeUndefined()
        const user = await the.store.getUser(username)
        expect(user).toEqual({
          id: expect.any(Number),
          username,
          password_hash: passwordHash,
          created_at: columnTime(clock.now()),
        })
        clock.advance(1000)
        expect(await the.store.getUser(username)).toEqual(user)
      })

      it('give every user an id of their own', async () => {
        const names = [fresh.username(), fresh.username(), fresh.username()]
        for (const name of names) await the.store.createUser(name, passwordHash)
        const users = await Promise.all(names.map((name) => the.store.getUser(name)))
        expect(new Set(users.map((user) => user?.id)).size).toBe(3)
      })

      it('keep names as they are given: letter case and spaces matter', async () => {
        const name = fresh.username()
        const spellings = [name, name.toUpperCase(), ` ${name}`, `${name} `, `${name}ß😀`]
        for (const [index, spelling] of spellings.entries())
          await the.store.createUser(spelling, `hash ${index}`)
        for (const [index, username] of spellings.entries())
          expect(await the.store.getUser(username)).toMatchObject({
            username,
            password_hash: `hash ${index}`,
          })
      })

      it('answer null for an unknown name', async () => {
        for (const name of [fresh.username(), '', ' ', '%', "' or '1'='1"])
          expect(await the.store.getUser(name)).toBeNull()
      })

      it('refuse a name that is taken, and leave the user who has it', async () => {
        const name = fresh.username()
        await the.store.createUser(name, passwordHash)
        const user = await the.store.getUser(name)
        clock.advance(1000)
        expect(await failure('conflict', the.store.createUser(name, 'another'))).toContain(name)
        expect(await the.store.getUser(name)).toEqual(user)
      })

      it.each(['', ' ', '\t\n'])('refuse the blank name %j', async (name) => {
        await failure('invalid', the.store.createUser(name, passwordHash))
        expect(await the.store.getUser(name)).toBeNull()
      })

      it.each(['', '  '])('refuse the blank password hash %j', async (hash) => {
        const name = fresh.username()
        await failure('invalid', the.store.createUser(name, hash))
        expect(await the.store.getUser(name)).toBeNull()
      })
    })

    describe('API keys', () => {
      const hour = 3_600_000
      const inAnHour = () => new Date(clock.now().getTime() + hour)

      const newUser = async (): Promise<{ id: number; username: string }> => {
        const username = fresh.username()
        await the.store.createUser(username, passwordHash)
        const user = await the.store.getUser(username)
        return { id: user?.id ?? expect.fail('no user'), username }
      }
      const newKey = (userId: number, parts: Partial<NewApiKey> = {}) =>
        the.store.createApiKey(sampleKey(fresh.keyId(), userId, inAnHour(), parts))
      const withoutHash = ({ key_hash, ...key }: ApiKey) => key
      const withoutOwner = ({ key_hash, user_id, ...key }: ApiKey) => key

      describe('createApiKey', () => {
        it('answers the key that it stored', async () => {
          const { id: userId } = await newUser()
          const keyId = fresh.keyId()
          const key = sampleKey(keyId, userId, inAnHour(), {
            name: ' My key ',
            labels: [' a', '', 'b'],
          })
          expect(await the.store.createApiKey(key)).toEqual({
            id: keyId,
            user_id: userId,
            name: ' My key ',
            labels: [' a', '', 'b'],
            key_prefix: key.keyPrefix,
            key_hash: key.keyHash,
            ttl: '30d',
            expires_at: columnTime(inAnHour()),
            created_at: columnTime(clock.now()),
            last_used_at: null,
            revoked_at: null,
          })
        })

        it('takes a key without labels', async () => {
          const { id: userId } = await newUser()
          const key = await newKey(userId, { labels: [] })
          expect(key.labels).toEqual([])
          expect((await the.store.getActiveApiKeyById(key.id))?.labels).toEqual([])
        })

        it.each([
          ['2027-01-01T00:00:00Z', '2027-01-01T00:00:00.000000+00:00'],
          ['2027-01-01T01:30:00.25+01:30', '2027-01-01T00:00:00.250000+00:00'],
          ['2027-01-01 00:00:00', '2027-01-01T00:00:00.000000+00:00'],
        ])('takes the expiry %s', async (expiresAt, expires_at) => {
          const { id: userId } = await newUser()
          const key = await newKey(userId, { expiresAt })
          expect(key.expires_at).toBe(expires_at)
          expect(await the.store.listApiKeysForUser(userId)).toEqual([withoutOwner(key)])
        })

        it.each(['', 'tomorrow', '2027-02-30T00:00:00Z', '2027-01-01'])(
          'refuses the expiry %j',
          async (expiresAt) => {
            const { id: userId } = await newUser()
            await failure('invalid', newKey(userId, { expiresAt }))
            expect(await the.store.listApiKeysForUser(userId)).toEqual([])
          },
        )

        it.each([
          ['a blank id', { keyId: ' ' }],
          ['a blank hash', { keyHash: '' }],
          ['a blank time to live', { ttl: '' }],
          ['a label that is no text', { labels: [5] }],
          ['a label with NUL', { labels: ['a\0b'] }],
          ['a name with a lone surrogate', { name: '\ud83d' }],
          ['a user id below 0', { userId: -1 }],
          ['part of a user id', { userId: 1.5 }],
          ['an active limit below 0', { activeLimit: -1 }],
          ['part of an active limit', { activeLimit: 0.5 }],
          ['an active limit of null', { activeLimit: null }],
        ])('refuses %s', async (_name, parts) => {
          const { id: userId } = await newUser()
          await failure('invalid', newKey(userId, parts as Partial<NewApiKey>))
          expect(await the.store.listApiKeysForUser(userId)).toEqual([])
        })

        it('refuses an id that is taken, and a hash that is taken, also by a user of another', async () => {
          const [owner, other] = [await newUser(), await newUser()]
          const key = await newKey(owner.id)
          for (const userId of [owner.id, other.id]) {
            await failure('conflict', newKey(userId, { keyId: key.id }))
            await failure('conflict', newKey(userId, { keyHash: key.key_hash }))
          }
          expect(await the.store.listApiKeysForUser(owner.id)).toEqual([withoutOwner(key)])
          expect(await the.store.listApiKeysForUser(other.id)).toEqual([])
        })

        it('tells a taken hash from an ever so similar one', async () => {
          const { id: userId } = await newUser()
          const { key_hash } = await newKey(userId, { keyHash: `${fresh.keyId()}a` })
          await newKey(userId, { keyHash: key_hash.toUpperCase() })
          expect(await the.store.countActiveApiKeysForUser(userId)).toBe(2)
        })

        it('refuses an unknown user', async () => {
          const { id } = await newUser()
          const key = sampleKey(fresh.keyId(), id + 1000, inAnHour())
          await failure('not_found', the.store.createApiKey(key))
          await failure('not_found', the.store.createApiKey({ ...key, activeLimit: 0 }))
          expect(await the.store.getActiveApiKeyById(key.keyId)).toBeNull()
        })

        it('refuses one key more than the active limit', async () => {
          const [owner, other] = [await newUser(), await newUser()]
          for (let count = 0; count < 3; count++) await newKey(owner.id, { activeLimit: 3 })
          expect(await failure('limit_reached', newKey(owner.id, { activeLimit: 3 }))).toContain(
            '3',
          )
          expect(await the.store.listApiKeysForUser(owner.id)).toHaveLength(3)
          await newKey(other.id, { activeLimit: 3 })
          await newKey(owner.id, { activeLimit: 4 })
          await failure('limit_reached', newKey(owner.id, { activeLimit: 2 }))
          await failure('limit_reached', newKey(other.id, { activeLimit: 0 }))
          await newKey(owner.id)
          expect(await the.store.countActiveApiKeysForUser(owner.id)).toBe(5)
        })

        it('does not count revoked and expired keys towards the limit', async () => {
          const { id: userId } = await newUser()
          const [revoked] = [await newKey(userId), await newKey(userId)]
          await failure('limit_reached', newKey(userId, { activeLimit: 2 }))
          await the.store.revokeApiKey({ userId, keyId: revoked.id })
          await newKey(userId, { activeLimit: 2 })
          await failure('limit_reached', newKey(userId, { activeLimit: 2 }))
          clock.advance(hour)
          await newKey(userId, { activeLimit: 1 })
          await failure('limit_reached', newKey(userId, { activeLimit: 1 }))
          expect(await the.store.listApiKeysForUser(userId)).toHaveLength(4)
        })

        it('takes a key that has expired already, which is then not active', async () => {
          const { id: userId } = await newUser()
          const key = await newKey(userId, { expiresAt: columnTime(clock.now()) })
          expect(await the.store.getActiveApiKeyById(key.id)).toBeNull()
          expect(await the.store.countActiveApiKeysForUser(userId)).toBe(0)
        })
      })

      describe('getApiKeyForUser', () => {
        it('answers a key without its hash, in any state', async () => {
          const { id: userId } = await newUser()
          const key = await newKey(userId)
          const found = await the.store.getApiKeyForUser({ userId, keyId: key.id })
          expect(found).toEqual(withoutHash(key))
          expect(Object.keys(found ?? {}).sort()).toEqual([
            'created_at',
            'expires_at',
            'id',
            'key_prefix',
            'labels',
            'last_used_at',
            'name',
            'revoked_at',
            'ttl',
            'user_id',
          ])
          clock.advance(2 * hour)
          expect(await the.store.getApiKeyForUser({ userId, keyId: key.id })).toEqual(found)
          await the.store.revokeApiKey({ userId, keyId: key.id })
          expect(await the.store.getApiKeyForUser({ userId, keyId: key.id })).toEqual({
            ...found,
            revoked_at: columnTime(clock.now()),
          })
        })

        it("answers null for an unknown key, an unknown user and another user's key", async () => {
          const [owner, other] = [await newUser(), await newUser()]
          const { id: keyId } = await newKey(owner.id)
          for (const key of [
            { userId: owner.id, keyId: fresh.keyId() },
            { userId: owner.id, keyId: '' },
            { userId: other.id, keyId },
            { userId: 0, keyId },
            { userId: Number.MAX_SAFE_INTEGER, keyId },
          ])
            expect(await the.store.getApiKeyForUser(key)).toBeNull()
        })
      })

      describe('getActiveApiKeyById', () => {
        it("answers the whole key and its owner's name", async () => {
          const [owner] = [await newUser(), await newUser()]
          const key = await newKey(owner.id)
          const found = await the.store.getActiveApiKeyById(key.id)
          expect(found).toEqual({ ...key, username: owner.username })
          expect(Object.keys(found ?? {})).toHaveLength(12)
        })

        it('answers null for an unknown key', async () => {
          expect(await the.store.getActiveApiKeyById(fresh.keyId())).toBeNull()
          expect(await the.store.getActiveApiKeyById('')).toBeNull()
        })

        it('answers null from the very instant of its expiry on', async () => {
          const { id: userId } = await newUser()
          const key = await newKey(userId)
          clock.advance(hour - 1)
          expect((await the.store.getActiveApiKeyById(key.id))?.id).toBe(key.id)
          expect(await the.store.countActiveApiKeysForUser(userId)).toBe(1)
          clock.advance(1)
          expect(await the.store.getActiveApiKeyById(key.id)).toBeNull()
          expect(await the.store.countActiveApiKeysForUser(userId)).toBe(0)
        })

        it('answers null once it is revoked', async () => {
          const { id: userId } = await newUser()
          const key = await newKey(userId)
          await the.store.revokeApiKey({ userId, keyId: key.id })
          expect(await the.store.getActiveApiKeyById(key.id)).toBeNull()
        })
      })

      describe('listApiKeysForUser', () => {
        it('answers keys of every state, newest first, without hash and owner', async () => {
          const [owner, other] = [await newUser(), await newUser()]
          const keys: ApiKey[] = []
          for (const expiresAt of [columnTime(clock.now()), columnTime(inAnHour())])
            keys.push(await newKey(owner.id, { expiresAt }))
          clock.advance(1)
          keys.push(await newKey(owner.id))
          await newKey(other.id)
          await the.store.revokeApiKey({ userId: owner.id, keyId: keys[1]?.id as string })
          const revoked_at = columnTime(clock.now())
          // Those of the same instant by id, descending.
          const [expired, revoked, newest] = keys.map(withoutOwner)
          const listed = await the.store.listApiKeysForUser(owner.id)
          expect(listed).toEqual([newest, { ...revoked, revoked_at }, expired])
          for (const key of listed)
            expect(Object.keys(key).sort()).toEqual([
              'created_at',
              'expires_at',
              'id',
              'key_prefix',
              'labels',
              'last_used_at',
              'name',
              'revoked_at',
              'ttl',
            ])
        })

        it('answers nothing for a user without keys, and for an unknown one', async () => {
          const { id } = await newUser()
          expect(await the.store.listApiKeysForUser(id)).toEqual([])
          expect(await the.store.listApiKeysForUser(id + 1000)).toEqual([])
        })
      })

      describe('countActiveApiKeysForUser', () => {
        it('counts keys that are neither revoked nor expired', async () => {
          const [owner, other] = [await newUser(), await newUser()]
          expect(await the.store.countActiveApiKeysForUser(owner.id)).toBe(0)
          const key = await newKey(owner.id)
          await newKey(owner.id, { expiresAt: columnTime(new Date(clock.now().getTime() + 1)) })
          await newKey(other.id)
          expect(await the.store.countActiveApiKeysForUser(owner.id)).toBe(2)
          clock.advance(1)
          expect(await the.store.countActiveApiKeysForUser(owner.id)).toBe(1)
          await the.store.revokeApiKey({ userId: owner.id, keyId: key.id })
          expect(await the.store.countActiveApiKeysForUser(owner.id)).toBe(0)
          expect(await the.store.countActiveApiKeysForUser(other.id)).toBe(1)
          expect(await the.store.countActiveApiKeysForUser(other.id + 1000)).toBe(0)
        })
      })

      describe('revokeApiKey', () => {
        it('revokes a key once, and tells whether it did', async () => {
          const { id: userId } = await newUser()
          const { id: keyId } = await newKey(userId)
          const other = await newKey(userId)
          clock.advance(1000)
          const revoked_at = columnTime(clock.now())
          expect(await the.store.revokeApiKey({ userId, keyId })).toBe(true)
          clock.advance(1000)
          expect(await the.store.revokeApiKey({ userId, keyId })).toBe(false)
          const revoked = await the.store.getApiKeyForUser({ userId, keyId })
          expect(revoked?.revoked_at).toBe(revoked_at)
          expect((await the.store.getActiveApiKeyById(other.id))?.revoked_at).toBeNull()
        })

        it('revokes an expired key', async () => {
          const { id: userId } = await newUser()
          const { id: keyId } = await newKey(userId)
          clock.advance(2 * hour)
          expect(await the.store.revokeApiKey({ userId, keyId })).toBe(true)
        })

        it("leaves unknown keys and another user's keys alone", async () => {
          const [owner, other] = [await newUser(), await newUser()]
          const { id: keyId } = await newKey(owner.id)
          expect(await the.store.revokeApiKey({ userId: other.id, keyId })).toBe(false)
          expect(await the.store.revokeApiKey({ userId: owner.id, keyId: fresh.keyId() })).toBe(
            false,
          )
          expect(await the.store.revokeApiKey({ userId: owner.id + 1000, keyId })).toBe(false)
          expect((await the.store.getActiveApiKeyById(keyId))?.revoked_at).toBeNull()
        })
      })

      describe('touchApiKeyLastUsed', () => {
        it('notes when a key was last used', async () => {
          const { id: userId } = await newUser()
          const [key, other] = [await newKey(userId), await newKey(userId)]
          for (let use = 0; use < 2; use++) {
            clock.advance(1000)
            expect(await the.store.touchApiKeyLastUsed(key.id)).toBeUndefined()
            expect(await the.store.getApiKeyForUser({ userId, keyId: key.id })).toEqual({
              ...withoutHash(key),
              last_used_at: columnTime(clock.now()),
            })
          }
          const untouched = await the.store.getApiKeyForUser({ userId, keyId: other.id })
          expect(untouched).toEqual(withoutHash(other))
        })

        it('ignores an unknown key', async () => {
          expect(await the.store.touchApiKeyLastUsed(fresh.keyId())).toBeUndefined()
          expect(await the.store.touchApiKeyLastUsed('')).toBeUndefined()
        })
      })
    })
  })
}
