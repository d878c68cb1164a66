import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { JSONSchema } from 'json-schema-to-ts'
import { sameHash } from '../../credentials/api-key.ts'
import {
  challengeOf,
  hashOfCode,
  isLoopback,
  loopbackForm,
  newCode,
  type SignInRequest,
  type SignInRequests,
  withCode,
} from '../../credentials/sign-in.ts'
import type { StoreError } from '../../errors.ts'
import { presentUser, sessionOf } from '../authentication.ts'
import { HttpError, refusalOf } from '../errors.ts'
import { isPrefix } from '../paths.ts'
import { answer, pages, responses, text } from '../schemas.ts'
import { signInHeaders, signInPage, signInRefusal } from '../sign-in-page.ts'
import type { SchemaTypes } from '../validation.ts'
import { type AccountOptions, userWithPassword } from './accounts.ts'

/** The only provider: this server's own passwords. */
const provider = { name: 'password', display_name: 'cq-store', enabled: true } as const

/** How long a program may take to fetch its token, in milliseconds. */
const codeLifetime = 60_000

const start = {
  type: 'object',
  required: ['provider', 'code_challenge', 'redirect_uri'],
  properties: {
    provider: { ...text, maxLength: 64 },
    code_challenge: {
      ...text,
      maxLength: 128,
      description: 'The SHA-256 hash of the code verifier in base64url, 43 characters.',
    },
    redirect_uri: {
      ...text,
      maxLength: 500,
      description: `Where the browser brings the code, as the parameter exchange_code: ${loopbackForm}.`,
    },
  },
  examples: [
    {
      provider: provider.name,
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      redirect_uri: 'http://127.0.0.1:8123/callback',
    },
  ],
} as const satisfies JSONSchema

const exchange = {
  type: 'object',
  required: ['exchange_code', 'code_verifier'],
  properties: { exchange_code: text, code_verifier: text },
  examples: [
    {
      exchange_code: 'Vd3rC1q7n0Y5sT8kJ2wZ4xA6bE9fG1hL3mN5pQ7rS9u',
      code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    },
  ],
} as const satisfies JSONSchema

const signedRequest = {
  ...text,
  maxLength: 4_096,
  description: 'Of the authorization URL.',
} as const

const pageQuery = {
  type: 'object',
  required: ['request'],
  properties: { request: signedRequest },
} as const satisfies JSONSchema

const form = {
  type: 'object',
  required: ['request', 'username', 'password'],
  properties: { request: signedRequest, username: text, password: text },
  examples: [
    { request: 'eyJhbGciOi...', username: 'carol', password: 'correct horse battery staple' },
  ],
} as const satisfies JSONSchema

const logoutQuery = {
  type: 'object',
  properties: {
    all_devices: {
      type: 'boolean',
      default: false,
      description: 'Whether to end all of the user’s sessions, and not only this one.',
    },
  },
} as const satisfies JSONSchema

export interface SignInOptions extends AccountOptions {
  readonly requests: SignInRequests
}

/** Logging out, on every server that shares the database. */
export function logoutRoute(
  instance: FastifyInstance,
  { store, authentication }: AccountOptions,
): void {
  instance.withTypeProvider<SchemaTypes>().post(
    '/auth/logout',
    {
      onRequest: authentication.user,
      schema: {
        tags: ['accounts'],
        security: [{ login: [] }],
        summary: 'Log out: the token, or every token of the user, is no longer valid',
        operationId: 'logOut',
        querystring: logoutQuery,
        response: responses(200, answer('Message'), 401, 403, 404, 413, 422),
      } as const,
    },
    async (request) => {
      const { username } = presentUser(request)
      const { id, expiresAt } = sessionOf(request)
      if (request.query.all_devices) await store.endSessions(username)
      else await store.endSession(id, expiresAt.toISOString())
      return { message: request.query.all_devices ? 'Logged out on all devices.' : 'Logged out.' }
    },
  )
}

/** How a program on somebody's computer logs them in by a browser: `cq auth login`. */
export function signInRoutes(instance: FastifyInstance, options: SignInOptions): void {
  const { store, tokens, requests, now } = options
  const tags = ['accounts']

  instance.get(
    '/oauth/providers',
    {
      schema: {
        tags,
        summary: 'Who checks passwords: this server',
        operationId: 'listProviders',
        response: responses(200, answer('Providers')),
      },
    },
    async () => ({ providers: [provider] }),
  )

  instance.withTypeProvider<SchemaTypes>().post(
    '/oauth/native/start',
    {
      schema: {
        tags,
        summary: 'Begin to log in by a browser; the page is valid for ten minutes',
        operationId: 'startSignIn',
        body: start,
        response: responses(200, answer('SignInPage'), 413, 422),
      } as const,
    },
    async (request) => {
      const { provider: asked, code_challenge: codeChallenge } = request.body
      const { redirect_uri: redirectUri } = request.body
      if (asked !== provider.name)
        throw new HttpError(422, `Unknown provider '${asked}': there is only '${provider.name}'`)
      if (!/^[\w-]{43}$/.test(codeChallenge))
        throw new HttpError(422, 'code_challenge must be a SHA-256 hash in base64url')
      if (!isLoopback(redirectUri))
        throw new HttpError(422, `redirect_uri must be ${loopbackForm}, and have no fragment`)
      const signed = await requests.issue({ redirectUri, codeChallenge }, now())
      return { authorization_url: addressOfPage(request, signed) }
    },
  )

  instance.withTypeProvider<SchemaTypes>().post(
    '/oauth/native/exchange',
    {
      schema: {
        tags,
        summary:
          'Fetch the token of a login, with the code that the browser brought, within a minute',
        operationId: 'finishSignIn',
        body: exchange,
        response: responses(200, answer('AccessToken'), 400, 403, 413, 422),
      } as const,
    },
    async (request, reply) => {
      const { exchange_code, code_verifier } = request.body
      const taken = await store.takeLoginCode(hashOfCode(exchange_code))
      if (!taken || !sameHash(taken.code_challenge, challengeOf(code_verifier)))
        throw new HttpError(400, 'invalid_grant')
      reply.header('cache-control', 'no-store')
      return { access_token: await tokens.issue(taken.user, now()) }
    },
  )

  instance.withTypeProvider<SchemaTypes>().get(
    '/oauth/native/authorize',
    {
      errorHandler: answerWithPage,
      schema: {
        tags,
        summary: 'The page on which somebody signs in, for a program',
        operationId: 'showSignIn',
        querystring: pageQuery,
        response: pages({ 200: signInForm }, 400, 422),
      } as const,
    },
    async (request, reply) => {
      const { redirectUri } = await readRequest(request.query.request)
      reply.headers(signInHeaders(redirectUri))
      return signInPage({ request: request.query.request, redirectUri })
    },
  )

  instance.withTypeProvider<SchemaTypes>().post(
    '/oauth/native/authorize',
    {
      errorHandler: answerWithPage,
      onRequest: refuseOtherSites,
      preValidation: readForm,
      schema: {
        tags,
        summary: 'Sign in on that page; the browser is sent to the program, with a code',
        operationId: 'signIn',
        consumes: [formType],
        body: form,
        response: pages({ 303: toProgram }, 400, 401, 403, 413, 422, 429),
      } as const,
    },
    async (request, reply) => {
      const { request: signed, username } = request.body
      const { redirectUri, codeChallenge } = await readRequest(signed)
      try {
        const { generation } = await userWithPassword(request, request.body, options)
        const code = newCode()
        const expiresAt = new Date(now().getTime() + codeLifetime).toISOString()
        const codeHash = hashOfCode(code)
        await store.createLoginCode({ codeHash, username, generation, codeChallenge, expiresAt })
        return reply.headers(signInHeaders(redirectUri)).redirect(withCode(redirectUri, code), 303)
      } catch (error) {
        const { status, headers, message } = refusalOf(error as Error as HttpError, request)
        reply.code(status).headers({ ...signInHeaders(redirectUri), ...headers })
        return signInPage({ request: signed, redirectUri, username, error: message })
      }
    },
  )

  async function readRequest(signed: string): Promise<SignInRequest> {
    const read = await requests.read(signed, now())
    if (!read)
      throw new HttpError(
        400,
        'This address is not valid, or no longer. Start again: cq auth login',
      )
    return read
  }
}

const formType = 'application/x-www-form-urlencoded'
const signInForm = {
  description: 'The page',
  content: { 'text/html': { schema: { type: 'string' } } },
}
const toProgram = {
  description: 'To the redirect_uri, with the code as exchange_code',
  headers: { Location: { type: 'string' } },
  type: 'null',
}

/** The body of a form as an object; what is none is not accepted. */
async function readForm(request: FastifyRequest): Promise<void> {
  const { body, headers } = request
  if (typeof body !== 'string' || !headers['content-type']?.startsWith(formType))
    throw new HttpError(422, `The body must be a form, ${formType}`)
  request.body = Object.fromEntries(new URLSearchParams(body))
}

/** Another site's page could make browsers try passwords. */
async function refuseOtherSites({ headers }: FastifyRequest): Promise<void> {
  const site = headers['sec-fetch-site']
  if (site === 'cross-site' || site === 'same-site')
    throw new HttpError(403, 'This form must be sent from its own page')
}

/** Answers a browser, and not a program. */
function answerWithPage(
  error: FastifyError | StoreError | HttpError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, headers, message } = refusalOf(error, request)
  return reply
    .code(status)
    .headers({ ...signInHeaders(), ...headers })
    .send(signInRefusal(message))
}

const hostForm = /^([\w.-]+|\[[\da-f:.]+\])(:\d+)?$/i

/**
 * The address of the page, as this server was called. It must be whole, since people copy it out of a terminal. Only
 * whoever sent the headers sees it, and PKCE binds the login to them.
 * @throws {HttpError} 422
 */
function addressOfPage(request: FastifyRequest, signed: string): string {
  const { protocol, host = '', routeOptions, headers } = request
  if (!hostForm.test(host))
    throw new HttpError(422, 'The Host header must name this server, as in cq.example:3000')
  // What a proxy has stripped.
  const stripped = String(headers['x-forwarded-prefix'] ?? '')
  const prefix = isPrefix(stripped) ? stripped : ''
  const path = String(routeOptions.url).replace(/start$/, 'authorize')
  return `${protocol}://${host}${prefix}${path}?request=${signed}`
}
