import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'

const algorithm = 'HS256'
/** Whom these tokens are meant for, so that no token of a login is one, nor one of these a login. */
const audience = 'cq-store sign-in page'
/** How long somebody may take to type a password. */
const lifetimeSeconds = 10 * 60

/** What a program asks for that wants a login made in a browser. */
export interface SignInRequest {
  /** Where the browser brings the code, see `isLoopback`. */
  readonly redirectUri: string
  /** PKCE's, by S256. */
  readonly codeChallenge: string
}

/** Requests of programs, signed, so that a server need not keep them. */
export class SignInRequests {
  readonly #key: KeyObject

  constructor(secret: string) {
    this.#key = createSecretKey(Buffer.from(secret))
  }

  issue({ redirectUri, codeChallenge }: SignInRequest, now: Date): Promise<string> {
    const issuedAt = Math.floor(now.getTime() / 1000)
    return new SignJWT({ redirect_uri: redirectUri, code_challenge: codeChallenge })
      .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSeconds)
      .sign(this.#key)
  }

  /** The request; `undefined` if it is forged, expired or malformed. */
  async read(token: string, now: Date): Promise<SignInRequest | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [algorithm],
        audience,
        requiredClaims: ['exp'],
        currentDate: now,
      })
      const { redirect_uri: redirectUri, code_challenge: codeChallenge } = payload
      if (typeof redirectUri !== 'string' || !isLoopback(redirectUri)) return undefined
      return typeof codeChallenge === 'string' ? { redirectUri, codeChallenge } : undefined
    } catch {
      return undefined
    }
  }
}

/** The form of an address that `isLoopback` accepts, for error messages. */
export const loopbackForm =
  'an address of this computer, such as http://127.0.0.1:8123/callback, with 127.0.0.1, [::1] or localhost as its host'

/** As written, so that no other spelling of an address needs to be understood as browsers do. */
const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:[1-9]\d{0,4})?([/?][!-~]*)?$/

/** Whether an address leads to the computer of whoever opens it. It has no fragment, user or password. */
export function isLoopback(address: string): boolean {
  return loopback.test(address) && !/[#\\]/.test(address) && URL.canParse(address)
}

/** Where a browser brings a code: the address, whatever query it has, with the code added. */
export function withCode(redirectUri: string, code: string): string {
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}exchange_code=${code}`
}

/** A new code. Nobody can guess it. */
export function newCode(): string {
  return randomBytes(32).toString('base64url')
}

/** The hash that is stored of a code. A code is random, and needs no slow one. */
export function hashOfCode(code: string): string {
  return createHash('sha256').update(code).digest('hex')
}

/** The challenge of a verifier: PKCE's S256. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}
