import { createSecretKey, type KeyObject } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'

const algorithm = 'HS256'
const lifetimeSeconds = 24 * 60 * 60

/** The tokens that a login gives: JWTs, readable by cq's reference server under the same secret. */
export class SessionTokens {
  readonly #key: KeyObject

  constructor(secret: string) {
    this.#key = createSecretKey(Buffer.from(secret))
  }

  /** A token that says who its bearer is, for a day. */
  issue(username: string, now: Date): Promise<string> {
    const issuedAt = Math.floor(now.getTime() / 1000)
    return new SignJWT()
      .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
      .setSubject(username)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSeconds)
      .sign(this.#key)
  }

  /** Whom the token names, or `undefined` where it is forged, expired or none. */
  async read(token: string, now: Date): Promise<string | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [algorithm],
        requiredClaims: ['exp', 'sub'],
        currentDate: now,
      })
      return typeof payload.sub === 'string' ? payload.sub : undefined
    } catch {
      return undefined
    }
  }
}
