import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import type { User } from '../store.ts'
import { sameHash } from './api-key.ts'

const algorithm = 'HS256'
const lifetimeSeconds = 24 * 60 * 60

/** A claim of our own, besides the registered ones. */
const accountClaim = 'account'

/** The content of a token. */
export interface Session {
  readonly username: string
  /** Whether it was issued to this account with its present password. */
  isOf(user: User): boolean
}

/** The tokens of logins: JWTs that cq's reference server can read with the same secret. */
export class SessionTokens {
  readonly #key: KeyObject

  constructor(secret: string) {
    this.#key = createSecretKey(Buffer.from(secret))
  }

  /** A token for a day; it ends early if the account is removed or its password changes. */
  issue(user: User, now: Date): Promise<string> {
    const issuedAt = Math.floor(now.getTime() / 1000)
    return new SignJWT({ [accountClaim]: this.#account(user) })
      .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
      .setSubject(user.username)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSeconds)
      .sign(this.#key)
  }

  /** The content of a token; `undefined` if it is forged, expired or malformed. */
  async read(token: string, now: Date): Promise<Session | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [algorithm],
        requiredClaims: ['exp', 'sub'],
        currentDate: now,
      })
      const { sub: username, [accountClaim]: account } = payload
      if (typeof username !== 'string') return undefined
      // Tokens of the reference server, and of earlier versions, say nothing of the account.
      const isOf = (user: User) =>
        account === undefined || sameHash(String(account), this.#account(user))
      return { username, isOf }
    } catch {
      return undefined
    }
  }

  /** Distinguishes an account from a later one of the same name, and from itself with another password. */
  #account({ id, password_hash }: User): string {
    return createHmac('sha256', this.#key)
      .update(`${accountClaim} ${id} ${password_hash}`)
      .digest('hex')
  }
}
