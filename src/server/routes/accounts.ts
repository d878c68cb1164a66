import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { JSONSchema } from 'json-schema-to-ts'
import { issueApiKey, presentApiKey } from '../../credentials/issuing.ts'
import { isPassword } from '../../credentials/passwords.ts'
import type { SessionTokens } from '../../credentials/session-token.ts'
import { parseLegacyTtl, parseTtl, type Ttl } from '../../knowledge/ttl.ts'
import type { SessionUser, Store } from '../../store.ts'
import { type Authentication, presentUser } from '../authentication.ts'
import { HttpError, notFoundAs } from '../errors.ts'
import type { LoginLimit } from '../login-limit.ts'
import { answer, dataOf, listOf, responses, text } from '../schemas.ts'
import type { SchemaTypes } from '../validation.ts'
import { deprecated } from './knowledge.ts'

const loginSchema = {
  type: 'object',
  required: ['username', 'password'],
  properties: { username: text, password: text },
  examples: [{ username: 'carol', password: 'correct horse battery staple' }],
} as const satisfies JSONSchema

const newKeySchema = {
  type: 'object',
  required: ['name', 'ttl'],
  properties: {
    name: { ...text, minLength: 1, maxLength: 64 },
    ttl: { ...text, minLength: 1, maxLength: 16, description: 'Its lifetime: 30d, 12h.' },
    labels: { type: 'array', maxItems: 16 as number, items: text, default: [] },
  },
  examples: [{ name: 'laptop', ttl: '30d', labels: ['work'] }],
} as const satisfies JSONSchema

const keyParams = {
  type: 'object',
  required: ['key_id'],
  properties: { key_id: text },
} as const satisfies JSONSchema

export interface AccountOptions {
  readonly store: Store
  readonly authentication: Authentication
  readonly tokens: SessionTokens
  readonly loginLimit: LoginLimit
  readonly onFailedLogin: () => void
  readonly apiKeyPepper: string
  readonly now: () => Date
}

/** Logging in, which is the same in both generations of the API. */
export function loginRoute(instance: FastifyInstance, options: AccountOptions): void {
  const { tokens, now } = options
  instance.withTypeProvider<SchemaTypes>().post(
    '/auth/login',
    {
      schema: {
        tags: ['accounts'],
        summary: 'Log in, for a day',
        operationId: 'logIn',
        body: loginSchema,
        response: responses(200, answer('Login'), 401, 413, 422, 429),
      } as const,
    },
    async (request) => {
      const user = await userWithPassword(request, request.body, options)
      return { token: await tokens.issue(user, now()), username: user.username }
    },
  )
}

/**
 * The user whose name and password these are. Failures are limited.
 * @throws {HttpError} 401; 429 @throws {StoreError}
 */
export async function userWithPassword(
  { ip, raw: { socket } }: FastifyRequest,
  { username, password }: { readonly username: string; readonly password: string },
  { store, loginLimit, onFailedLogin }: AccountOptions,
): Promise<SessionUser> {
  const { seconds, waiter, forgive } = loginLimit.attempt(username, ip)
  if (seconds > 0) {
    onFailedLogin()
    throw new HttpError(429, 'Too many failed logins, please try again later', {
      'retry-after': String(seconds),
    })
  }
  const isWanted = () => !socket.destroyed
  try {
    const user = await store.getSessionUser(username)
    if (await isPassword(password, user?.password_hash, { waiter, isWanted })) {
      forgive('right')
      return user as SessionUser
    }
  } catch (error) {
    // It is unknown whether it was right, so it does not count as wrong.
    forgive('unknown')
    throw error
  }
  onFailedLogin()
  throw new HttpError(401, 'Invalid username or password')
}

/** A user's own account and API keys, in the current API. */
export function accountRoutes(instance: FastifyInstance, options: AccountOptions): void {
  const { store, now } = options
  const { onRequest, account } = sessionRoutes(options)
  meRoute(instance, '/users/me', options)
  createKeyRoute(instance, '/users/me/api-keys', options, parseTtl)
  revokeKeyRoute(instance, '/users/me/api-keys/:key_id/revoke', options)

  instance.get(
    '/users/me/api-keys',
    {
      onRequest,
      schema: {
        ...account,
        summary: 'All keys of the user, newest first, including expired and revoked ones',
        operationId: 'listApiKeys',
        response: responses(200, dataOf('ApiKey'), 401, 404),
      },
    },
    async (request) => ({ data: await listKeys(store, request, now()) }),
  )
}

/** The same in the legacy API. */
export function legacyAccountRoutes(instance: FastifyInstance, options: AccountOptions): void {
  const { store, now } = options
  const { onRequest, account } = sessionRoutes(options)
  const legacy = { isLegacy: true }
  meRoute(instance, '/auth/me', options, legacy)
  createKeyRoute(instance, '/auth/api-keys', options, parseLegacyTtl, legacy)
  revokeKeyRoute(instance, '/auth/api-keys/:key_id/revoke', options, legacy)

  instance.get(
    '/auth/api-keys',
    {
      onRequest,
      schema: deprecated({
        ...account,
        summary: 'All keys of the user, newest first, including expired and revoked ones',
        operationId: 'listApiKeys',
        response: responses(
          200,
          {
            type: 'object',
            additionalProperties: false,
            required: ['data', 'count'],
            properties: { data: listOf('ApiKey'), count: { type: 'integer' } },
          },
          401,
          404,
        ),
      }),
    },
    async (request) => {
      const data = await listKeys(store, request, now())
      return { data, count: data.length }
    },
  )
}

/** What routes have in common that require a login; a removed user gets a 404. */
function sessionRoutes({ authentication }: AccountOptions) {
  return {
    onRequest: authentication.session,
    account: { tags: ['accounts'], security: [{ login: [] }] },
  }
}

interface Generation {
  readonly isLegacy?: boolean
}

function meRoute(
  instance: FastifyInstance,
  path: string,
  options: AccountOptions,
  { isLegacy = false }: Generation = {},
): void {
  const { store } = options
  const { onRequest, account } = sessionRoutes(options)
  instance.get(
    path,
    {
      onRequest,
      schema: {
        ...account,
        deprecated: isLegacy,
        summary: 'Who is logged in',
        operationId: 'getUser',
        response: responses(200, answer(isLegacy ? 'User' : 'CurrentUser'), 401, 404),
      },
    },
    async (request) => {
      const { username, created_at } = presentUser(request)
      if (isLegacy) return { username, created_at }
      return { username, created_at, role: await store.roleOf(username) }
    },
  )
}

function createKeyRoute(
  instance: FastifyInstance,
  path: string,
  options: AccountOptions,
  readTtl: (text: string) => Ttl,
  { isLegacy = false }: Generation = {},
): void {
  const { store, apiKeyPepper, now } = options
  const { onRequest, account } = sessionRoutes(options)
  instance.withTypeProvider<SchemaTypes>().post(
    path,
    {
      onRequest,
      schema: {
        ...account,
        deprecated: isLegacy,
        summary: 'Create an API key, whose token is shown only once',
        operationId: 'createApiKey',
        body: newKeySchema,
        response: responses(201, answer('NewApiKey'), 401, 403, 404, 409, 413, 422),
      } as const,
    },
    async (request, reply) => {
      const ttl = checkTtl(readTtl, request.body.ttl)
      const user = presentUser(request)
      const at = now()
      const { key, token } = await notFoundAs('User not found')(
        issueApiKey(store, { ...request.body, ttl }, user.id, apiKeyPepper, at),
      )
      reply.code(201)
      return { ...presentApiKey(key, at), token, api_key: token }
    },
  )
}

function checkTtl(readTtl: (text: string) => Ttl, text: string): Ttl {
  try {
    return readTtl(text)
  } catch (error) {
    throw new HttpError(422, (error as RangeError).message)
  }
}

function revokeKeyRoute(
  instance: FastifyInstance,
  path: string,
  options: AccountOptions,
  { isLegacy = false }: Generation = {},
): void {
  const { store } = options
  const { onRequest, account } = sessionRoutes(options)
  instance.withTypeProvider<SchemaTypes>().post(
    path,
    {
      onRequest,
      schema: {
        ...account,
        deprecated: isLegacy,
        summary: 'Revoke a key; idempotent',
        operationId: 'revokeApiKey',
        params: keyParams,
        response: responses(200, answer('Message'), 401, 403, 404, 413, 422),
      } as const,
    },
    async (request) => {
      const { id } = presentUser(request)
      const key = { userId: id, keyId: request.params.key_id }
      if (!(await store.getApiKeyForUser(key))) throw new HttpError(404, 'API key not found')
      await store.revokeApiKey(key)
      return { message: 'API key revoked.' }
    },
  )
}

async function listKeys(store: Store, request: FastifyRequest, now: Date) {
  const { id } = presentUser(request)
  return (await store.listApiKeysForUser(id)).map((key) => presentApiKey(key, now))
}
