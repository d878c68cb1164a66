import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { hashSecret, readApiKey, sameHash } from '../credentials/api-key.ts'
import type { Session, SessionTokens } from '../credentials/session-token.ts'
import type { SessionUser, Store, User } from '../store.ts'
import { HttpError } from './errors.ts'

/** Who sent a request, established before its body is read. */
interface Caller {
  readonly username: string
  /** The user who logged in; `null` if they were removed. */
  readonly user?: SessionUser | null
  /** Their login. */
  readonly session?: Session
  /** The API key that was used, if that is to be recorded. */
  readonly keyToNote?: string
}

// Beside the request and not on it, so that nothing in a host's server can clash.
const callers = new WeakMap<FastifyRequest, Caller>()

/** Who sent the request, on a route that requires a credential. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request)
  if (!caller) throw new Error('the route asks for no credential')
  return caller
}

/** Records that an API key was used, once its request is answered, at most once a minute. */
export function touchKeys(server: FastifyInstance, store: Store): void {
  server.addHook('onResponse', (request, reply, done) => {
    const keyId = callers.get(request)?.keyToNote
    if (keyId !== undefined && reply.statusCode < 400)
      store.touchApiKeyLastUsed(keyId).catch((error: unknown) => {
        request.log.warn({ err: error }, 'could not note that an API key was used')
      })
    done()
  })
}

/** The user whose API key the request was sent with; `undefined` if it was sent without one. */
export function keyOwnerOf(request: FastifyRequest): string | undefined {
  return callers.get(request)?.username
}

/** Leaves it unrecorded that the request's API key was used: it did nothing that needs one. */
export function forgetKey(request: FastifyRequest): void {
  const caller = callers.get(request)
  if (caller) callers.set(request, { username: caller.username })
}

export interface KeyAuthenticationOptions {
  readonly store: Store
  readonly apiKeyPepper: string
  readonly now: () => Date
}

export interface AuthenticationOptions extends KeyAuthenticationOptions {
  readonly tokens: SessionTokens
}

const challenge = { 'www-authenticate': 'Bearer' } as const
const bearer = 'Bearer '

/** How often the use of a key is recorded at most, in milliseconds: each record is a write. */
const notedFor = 60_000

/** Hooks that require an API key, and run before the body is read. */
export class KeyAuthentication {
  readonly #options: KeyAuthenticationOptions
  constructor(options: KeyAuthenticationOptions) {
    this.#options = options
  }

  /** Requires an API key. A refusal does not say why. */
  readonly apiKey: onRequestAsyncHookHandler = async (request) => {
    const parts = readApiKey(credential(request) ?? '')
    const { store, apiKeyPepper, now } = this.#options
    const key = parts && (await store.getActiveApiKeyById(parts.id))
    if (!key || !sameHash(key.key_hash, hashSecret(parts.secret, apiKeyPepper)))
      throw new HttpError(401, 'Invalid API key', challenge)
    const { username, last_used_at: noted } = key
    // Also if the clock was set back, by less than that.
    const isNoted = noted !== null && Math.abs(now().getTime() - Date.parse(noted)) < notedFor
    callers.set(request, isNoted ? { username } : { username, keyToNote: key.id })
  }

  /** Requires that a credential, where one is sent, is an API key. */
  readonly optionalApiKey: onRequestAsyncHookHandler = async (request, reply) => {
    if (request.headers.authorization !== undefined)
      await this.apiKey.call(request.server, request, reply)
  }
}

/** Hooks that require a credential, and run before the body is read. */
export class Authentication extends KeyAuthentication {
  readonly #options: AuthenticationOptions
  constructor(options: AuthenticationOptions) {
    super(options)
    this.#options = options
  }

  /** Requires the token of a login, whose user may have been removed since. */
  readonly session: onRequestAsyncHookHandler = async (request) => {
    const token = credential(request)
    if (token === undefined)
      throw new HttpError(401, 'Missing or invalid authorization header', challenge)
    const { tokens, store, now } = this.#options
    const session = await tokens.read(token, now())
    if (session === undefined) throw invalidSession()
    const { username } = session
    const user = await store.getSessionUser(username, session.id)
    if (user && (user.session_ended || !session.isOf(user))) throw invalidSession()
    callers.set(request, { username, user, session })
  }

  /** Requires the token of a login, whose user still exists. */
  readonly user: onRequestAsyncHookHandler = async (request, reply) => {
    await this.session.call(request.server, request, reply)
    if (!callerOf(request).user) throw invalidSession()
  }
}

/** The login that the request was sent with, on a route that requires one. */
export function sessionOf(request: FastifyRequest): Session {
  const { session } = callerOf(request)
  if (!session) throw new Error('the route asks for no login')
  return session
}

/** The user who sent the request. @throws {HttpError} 404 if they were removed */
export function presentUser(request: FastifyRequest): User {
  const { user } = callerOf(request)
  if (!user) throw new HttpError(404, 'User not found')
  return user
}

function invalidSession(): HttpError {
  return new HttpError(401, 'Invalid or expired token', challenge)
}

function credential({ headers }: FastifyRequest): string | undefined {
  const { authorization } = headers
  return authorization?.startsWith(bearer) ? authorization.slice(bearer.length) : undefined
}
