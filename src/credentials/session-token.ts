import { createHash, createHmac, createSecretKey, type KeyObject, randomUUID } from 'node:crypto'
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { SessionUser, User } from '../store.ts'
import { sameHash } from './api-key.ts'

const algorithm = 'HS256'
const lifetimeSeconds = 24 * 60 * 60

/** Claims of our own, besides the registered ones. */
const accountClaim = 'account'
const generationClaim = 'generation'

/** The content of a token. */
export interface Session {
  readonly username: string
  /** No other session has it. */
  readonly id: string
  readonly expiresAt: Date
  /** Whether it was issued to this account with its present password, and since all of its sessions were ended. */
  isOf(user: SessionUser): boolean
}

/** The tokens of logins: JWTs that cq's reference server can read with the same secret. */
export class SessionTokens {
  readonly #key: KeyObject

  constructor(secret: string) {
    this.#key = createSecretKey(Buffer.from(secret))
  }

  /** A token for a day; it ends early if the account is removed, its password changes or its sessions are ended. */
  issue(user: SessionUser, now: Date): Promise<string> {
    const issuedAt = Math.floor(now.getTime() / 1000)
    return new SignJWT({ [accountClaim]: this.#account(user), [generationClaim]: user.generation })
      .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
      .setJti(randomUUID())
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
      const { sub: username, aud, exp, [accountClaim]: account } = payload
      // What is meant for somebody is another kind of token.
      if (typeof username !== 'string' || aud !== undefined) return undefined
      // Tokens of the reference server, and of earlier versions, say nothing of the account.
      const isOf = (user: SessionUser) =>
        (account === undefined || sameHash(String(account), this.#account(user))) &&
        isOfGeneration(payload, user)
      const expiresAt = new Date((exp as number) * 1000)
      return { username, id: idOf(token), expiresAt, isOf }
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

/** Of what is signed. The signature itself can be spelled in several ways; and not every token has a `jti`. */
function idOf(token: string): string {
  return createHash('sha256')
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest('hex')
}

function isOfGeneration(
  { iat, [generationClaim]: generation }: JWTPayload,
  { generation: present, sessions_ended_at: ended, created_at: created }: SessionUser,
): boolean {
  if (generation !== undefined) return generation === present
  // Others say only when they were issued, to the second.
  if (ended !== null && !(Number(iat) * 1000 > Date.parse(ended))) return false
  return !((Number(iat) + 1) * 1000 <= Date.parse(created))
}
