import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import type { User } from '../store.ts'
import { sameHash } from './api-key.ts'

const algorithm = 'HS256'
const lifetimeSeconds = 24 * 60 * 60

/** Beside the claims that every JWT has. */
const accountClaim = 'account'

/** What a token says. */
export interface Session {
  readonly username: string
  /** Whether it was given to the account that now has this name, with the password that it now has. */
  isOf(user: User): boolean
}

/** The tokens that a login gives: JWTs, readable by cq's reference server under the same secret. */
export class SessionTokens {
  readonly #key: KeyObject

  constructor(secret: string) {
    this.#key = createSecretKey(Buffer.from(secret))
  }

  /** A token that says who its bearer is, for a day, or until the account or its password is another one. */
  issue(user: User, now: Date): Promise<string> {
    const issuedAt = Math.floor(now.getTime() / 1000)
    return new SignJWT({ [accountClaim]: this.#account(user) })
      .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
      .setSubject(user.username)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSeconds)
      .sign(this.#key)
  }

  /** Whom the token names, or `undefined` where it is forged, expired or none. */
  async read(token: string, now: Date): Promise<Session | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [algorithm],
        requiredClaims: ['exp', 'sub'],
        currentDate: now,
      })
      const { sub: username, [accountClaim]: account } = payload
      if (typeof username !== 'string') return undefined
      // One of the reference server, or an earlier version's, says nothing of the account.
      const isOf = (user: User) =>
        account === undefined || sameHash(String(account), this.#account(user))
      return { username, isOf }
    } catch {
      return undefined
    }
  }

  /** What tells an account from a later one of the same name, and from itself with another password. */
  #account({ id, password_hash }: User): string {
    return createHmac('sha256', this.#key)
      .update(`${accountClaim} ${id} ${password_hash}`)
      .digest('hex')
  }
}
