import { describe, expect, it } from 'vitest'
import type { NewLoginCode } from '../../../src/index.ts'
import { columnTime, passwordHash, TestClock } from '../samples.ts'
import { failure } from './failure.ts'
import { FreshNames } from './fresh-names.ts'
import { type OpenStore, shareStore } from './open-store.ts'

export function describeSessions(openStore: OpenStore): void {
  describe('sessions', () => {
    const clock = new TestClock('2026-11-22T12:00:00.123Z')
    const the = shareStore(openStore, clock.now)
    const fresh = new FreshNames()
    const later = (milliseconds: number) =>
      new Date(clock.now().getTime() + milliseconds).toISOString()

    const newUser = async () => {
      const username = fresh.username()
      await the.store.createUser(username, passwordHash)
      return username
    }
    const session = () => `session ${fresh.username()}`
    const generationOf = async (username: string) =>
      (await the.store.getSessionUser(username, 'any'))?.generation
    const newCode = async (username: string, parts: Partial<NewLoginCode> = {}) => {
      const code = {
        codeHash: `hash ${fresh.username()}`,
        username,
        generation: (await generationOf(username)) ?? 0,
        codeChallenge: 'challenge',
        expiresAt: later(60_000),
        ...parts,
      }
      await the.store.createLoginCode(code)
      return code.codeHash
    }

    describe('getSessionUser', () => {
      it('answers the user, with what became of their sessions', async () => {
        const username = await newUser()
        expect(await the.store.getSessionUser(username, session())).toEqual({
          ...(await the.store.getUser(username)),
          generation: 0,
          sessions_ended_at: null,
          session_ended: false,
        })
      })

      it('answers null for an unknown name', async () => {
        for (const name of [fresh.username(), '', '%'])
          expect(await the.store.getSessionUser(name, session())).toBeNull()
      })

      it('takes any text for a session', async () => {
        const username = await newUser()
        for (const odd of ['', ' ', '%', "' or '1'='1", 'x'.repeat(10_000)])
          expect(await the.store.getSessionUser(username, odd)).toMatchObject({
            session_ended: false,
          })
      })

      it('tells many apart that are asked for at once', async () => {
        const names = [await newUser(), await newUser(), await newUser()]
        const ended = session()
        await the.store.endSession(ended, later(1000))
        await the.store.endSessions(names[1] as string)
        const calls = names.flatMap((name) =>
          [ended, session()].map((one) => the.store.getSessionUser(name, one)),
        )
        expect(
          (await Promise.all(calls)).map((user) => [
            user?.username,
            user?.generation,
            user?.session_ended,
          ]),
        ).toEqual(
          names.flatMap((name, index) => [
            [name, index % 2, true],
            [name, index % 2, false],
          ]),
        )
      })
    })

    describe('endSession', () => {
      it('ends that one, and may be repeated', async () => {
        const username = await newUser()
        const [one, other] = [session(), session()]
        for (const expiresAt of [later(1000), later(5000)])
          expect(await the.store.endSession(one, expiresAt)).toBeUndefined()
        expect(await the.store.getSessionUser(username, one)).toMatchObject({ session_ended: true })
        expect(await the.store.getSessionUser(username, other)).toMatchObject({
          session_ended: false,
          generation: 0,
        })
      })

      it('forgets those that have expired, when others end', async () => {
        const username = await newUser()
        const [expiring, lasting] = [session(), session()]
        await the.store.endSession(expiring, later(1000))
        await the.store.endSession(lasting, later(1001))
        clock.advance(1000)
        await the.store.endSession(session(), later(1000))
        expect(await the.store.getSessionUser(username, expiring)).toMatchObject({
          session_ended: false,
        })
        expect(await the.store.getSessionUser(username, lasting)).toMatchObject({
          session_ended: true,
        })
      })

      it.each(['', ' '])('refuses the blank session %j', async (blank) => {
        await failure('invalid', the.store.endSession(blank, later(1000)))
      })
    })

    describe('endSessions', () => {
      it('begins a new generation of the one user', async () => {
        const [username, other] = [await newUser(), await newUser()]
        for (const generation of [1, 2, 3]) {
          clock.advance(1000)
          expect(await the.store.endSessions(username)).toBeUndefined()
          expect(await the.store.getSessionUser(username, session())).toMatchObject({
            generation,
            sessions_ended_at: columnTime(clock.now()),
            session_ended: false,
          })
        }
        expect(await generationOf(other)).toBe(0)
      })

      it('counts each of those that come at once', async () => {
        const username = await newUser()
        await Promise.all(Array.from({ length: 5 }, () => the.store.endSessions(username)))
        expect(await generationOf(username)).toBe(5)
      })

      it('refuses a user that there is not', async () => {
        const name = fresh.username()
        expect(await failure('not_found', the.store.endSessions(name))).toBe(
          `User not found: ${name}`,
        )
      })

      it('comes with a new password, but not with one that is refused', async () => {
        const username = await newUser()
        await the.store.setPassword(username, 'another hash')
        expect(await the.store.getSessionUser(username, session())).toMatchObject({
          generation: 1,
          password_hash: 'another hash',
          sessions_ended_at: columnTime(clock.now()),
        })
        await failure('invalid', the.store.setPassword(username, ''))
        expect(await generationOf(username)).toBe(1)
      })

      it('is forgotten with the user', async () => {
        const username = await newUser()
        await the.store.endSessions(username)
        await the.store.removeUser(username)
        expect(await the.store.getSessionUser(username, session())).toBeNull()
        await the.store.createUser(username, passwordHash)
        expect(await the.store.getSessionUser(username, session())).toMatchObject({
          generation: 0,
          sessions_ended_at: null,
        })
      })
    })

    describe('login codes', () => {
      it('are taken once, with their user', async () => {
        const username = await newUser()
        const [one, other] = [await newCode(username), await newCode(username)]
        const { session_ended, ...user } =
          (await the.store.getSessionUser(username, session())) ?? expect.fail('no user')
        expect(await the.store.takeLoginCode(one)).toEqual({ code_challenge: 'challenge', user })
        expect(await the.store.takeLoginCode(one)).toBeNull()
        expect(await the.store.takeLoginCode(other)).not.toBeNull()
      })

      it('are taken by one of many who ask at once', async () => {
        const code = await newCode(await newUser())
        const taken = await Promise.all(
          Array.from({ length: 10 }, () => the.store.takeLoginCode(code)),
        )
        expect(taken.filter((one) => one !== null)).toHaveLength(1)
      })

      it('are not guessed', async () => {
        await newCode(await newUser())
        for (const odd of ['', ' ', '%', fresh.username()])
          expect(await the.store.takeLoginCode(odd)).toBeNull()
      })

      it('expire, at that very time', async () => {
        const username = await newUser()
        const [early, late] = [await newCode(username), await newCode(username)]
        clock.advance(59_999)
        expect(await the.store.takeLoginCode(early)).not.toBeNull()
        clock.advance(1)
        expect(await the.store.takeLoginCode(late)).toBeNull()
      })

      it('are deleted in portions once they have expired, when others are made', async () => {
        const username = await newUser()
        const expired = await Promise.all(
          Array.from({ length: 150 }, () => newCode(username, { expiresAt: later(-1) })),
        )
        // A hash is free again once its row is gone.
        await newCode(username)
        await newCode(username)
        for (const codeHash of expired) await newCode(username, { codeHash })
      })

      it.each([
        ['all sessions are ended', (name: string) => the.store.endSessions(name)],
        ['the password changes', (name: string) => the.store.setPassword(name, 'another hash')],
        ['the user is removed', (name: string) => the.store.removeUser(name)],
      ])('are void once %s', async (_when, act) => {
        const username = await newUser()
        const code = await newCode(username)
        await act(username)
        expect(await the.store.takeLoginCode(code)).toBeNull()
      })

      it('are void if all sessions were ended after the password was checked', async () => {
        const username = await newUser()
        await the.store.endSessions(username)
        const code = await newCode(username, { generation: 0 })
        expect(await the.store.takeLoginCode(code)).toBeNull()
        expect(await the.store.takeLoginCode(await newCode(username))).toMatchObject({
          user: { username, generation: 1 },
        })
      })

      it('refuse a hash that is taken, and leave the code that has it', async () => {
        const [username, other] = [await newUser(), await newUser()]
        const codeHash = await newCode(username)
        expect(await failure('conflict', newCode(other, { codeHash }))).toBe(
          'Login code already exists: its hash is taken',
        )
        expect(await the.store.takeLoginCode(codeHash)).toMatchObject({ user: { username } })
      })

      it('refuse a generation that no column holds', async () => {
        const username = await newUser()
        for (const generation of [-1, 0.5, 2 ** 31])
          await failure('invalid', newCode(username, { generation }))
      })
    })
  })
}
