import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import type { Store } from '../store.ts'
import { accountRoutes, legacyAccountRoutes, loginRoute } from './accounts.ts'
import { Authentication, apiKeyOf } from './authentication.ts'
import { readBodies } from './body.ts'
import { documentRoutes, servePages } from './documentation.ts'
import { answerError, HttpError, notFound } from './errors.ts'
import { healthRoute, readyRoute } from './health.ts'
import { knowledgeRoutes, legacyKnowledgeRoutes } from './knowledge.ts'
import { LoginLimit } from './login-limit.ts'
import { Metrics } from './metrics.ts'
import { removalRoute, reviewRoutes } from './reviews.ts'
import { declareAnswers } from './schemas.ts'
import { secureAnswers } from './security-headers.ts'
import { SessionTokens } from './session-token.ts'
import { compileValidator } from './validation.ts'

export interface CqServerOptions {
  /** Where everything is kept. It stays open when the server closes: who opened it closes it. */
  readonly store: Store
  /** What logins are signed with. Whoever knows it can be anybody. */
  readonly jwtSecret: string
  /** What API keys are hashed with. Keys made under another one are not valid. */
  readonly apiKeyPepper: string
  /** How many logins may fail within a minute, for each user name and address. @default 20 */
  readonly loginFailures?: number
  /** The time, for tests that own it. @default the system's */
  readonly now?: () => Date
}

export interface ServerOptions extends CqServerOptions {
  /** A pino logger. @default no logs */
  readonly logger?: FastifyBaseLogger
  /**
   * The addresses of proxies whose `X-Forwarded-For` is believed, as Fastify takes them. @default none
   */
  readonly trustProxy?: FastifyServerOptions['trustProxy']
}

/** How long a client may take to send its request, in milliseconds. */
const requestTimeout = 30_000
const headersTimeout = 10_000

/**
 * cq's wire protocol as a Fastify plugin, for a server of your own. It may be registered under a prefix,
 * and more than once. Request logs, security headers and the OpenAPI pages are the server's affair.
 */
export const cqServer: FastifyPluginAsync<CqServerOptions> = async (server, options) => {
  if (server.prefix !== '') server.setNotFoundHandler(() => Promise.reject(notFound()))
  await serveCq(server, options)
}

/** cq's server as a whole: call `listen`, and `close` at the end. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { logger, trustProxy = false } = options
  const server = fastify({
    ...(logger && { loggerInstance: logger }),
    trustProxy,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    exposeHeadRoutes: false,
    // Until everything under way is answered, the store is there to answer with.
    return503OnClosing: false,
    requestTimeout,
    http: { headersTimeout },
    routerOptions: { maxParamLength: 65_536 },
    frameworkErrors: (error, request, reply) => {
      // A path that is no valid text names nothing.
      const refused = error.code === 'FST_ERR_BAD_URL' ? notFound() : (error as FastifyError)
      answerError(refused, request, reply)
    },
    clientErrorHandler: answerBrokenRequest,
  })
  server.setNotFoundHandler(() => Promise.reject(notFound()))
  closeConnectionsAtEnd(server)
  nameRequests(server)
  if (logger) logRequests(server)
  secureAnswers(server)
  await documentRoutes(server)
  await serveCq(server, options)
  await servePages(server)
  return server
}

async function serveCq(server: FastifyInstance, options: CqServerOptions): Promise<void> {
  const { store, jwtSecret, apiKeyPepper, loginFailures, now = () => new Date() } = options
  for (const [name, secret] of Object.entries({ jwtSecret, apiKeyPepper }))
    if (!secret) throw new TypeError(`${name} must not be empty`)
  const tokens = new SessionTokens(jwtSecret)
  const authentication = new Authentication({ store, tokens, apiKeyPepper, now })
  const loginLimit = new LoginLimit(loginFailures)
  const accounts = { store, authentication, tokens, loginLimit, apiKeyPepper, now }

  server.setValidatorCompiler(compileValidator)
  server.setSerializerCompiler(() => JSON.stringify)
  server.setErrorHandler(answerError)
  declareAnswers(server)
  readBodies(server)
  touchKeys(server, store)
  const methods = collectMethods(server)
  new Metrics(store).observe(server)

  // Clients take a 404 as "use the defaults", and can't read a page of HTML.
  server.get('/.well-known/cq-node.json', { schema: { hide: true } }, () =>
    Promise.reject(notFound()),
  )
  readyRoute(server, store)
  const legacy = (api: FastifyInstance) => {
    healthRoute(api)
    loginRoute(api, accounts)
    legacyAccountRoutes(api, accounts)
    legacyKnowledgeRoutes(api, store, authentication)
    reviewRoutes(api, store, authentication)
  }
  legacy(server)
  await server.register(
    async (api) => {
      legacy(api)
      accountRoutes(api, accounts)
      knowledgeRoutes(api, store, authentication)
      removalRoute(api, store, authentication)
    },
    { prefix: '/api/v1' },
  )
  refuseOtherMethods(server, methods)
}

/** Notes that an API key was used, once its request is answered. */
function touchKeys(server: FastifyInstance, store: Store): void {
  server.addHook('onResponse', (request, reply, done) => {
    const keyId = apiKeyOf(request)
    if (keyId !== undefined && reply.statusCode < 400)
      store.touchApiKeyLastUsed(keyId).catch((error: unknown) => {
        request.log.warn({ err: error }, 'could not note that an API key was used')
      })
    done()
  })
}

/** Tells clients what the log calls their requests. */
function nameRequests(server: FastifyInstance): void {
  server.addHook('onRequest', ({ id }, reply, done) => {
    reply.header('x-request-id', id)
    done()
  })
}

/** One line for each request: what was asked, never what it held. */
function logRequests(server: FastifyInstance): void {
  server.addHook('onResponse', (request, reply, done) => {
    request.log.info(
      {
        method: request.method,
        path: request.url.split('?', 1)[0],
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime * 10) / 10,
        address: request.ip,
      },
      'request',
    )
    done()
  })
}

const idleCheckInterval = 50

/**
 * Closing ends the connections that are idle at that moment. One that becomes idle later would be kept
 * open for a next request, and hold up the end until its client lets go of it.
 */
function closeConnectionsAtEnd(server: FastifyInstance): void {
  let isClosing = false
  server.addHook('preClose', async () => {
    isClosing = true
    const timer = setInterval(() => server.server.closeIdleConnections(), idleCheckInterval)
    server.server.once('close', () => clearInterval(timer))
  })
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (isClosing) reply.header('connection', 'close')
    done()
  })
}

const brokenRequests: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** Answers what can't be read as HTTP, or doesn't come in time. */
function answerBrokenRequest({ code }: Error & { code: string }, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const status = brokenRequests[code] ?? '400 Bad Request'
  const body = JSON.stringify({ detail: status.slice(4) })
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  )
}

/** Which methods each path is declared with, from here on. */
function collectMethods(server: FastifyInstance): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>()
  server.addHook('onRoute', ({ url, method }) => {
    const path = url.slice(server.prefix.length)
    const known = methods.get(path) ?? new Set()
    methods.set(path, known)
    for (const name of [method].flat()) known.add(name)
  })
  return methods
}

/** Fastify answers 404 to a known path with another method, where cq answers 405. */
function refuseOtherMethods(server: FastifyInstance, methods: Map<string, Set<string>>): void {
  for (const [url, known] of [...methods]) {
    const allow = [...known].sort().join(', ')
    const refuse = () => Promise.reject(new HttpError(405, 'Method Not Allowed', { allow }))
    const method = server.supportedMethods.filter((name) => !known.has(name))
    // Before the body is read.
    server.route({ url, method, schema: { hide: true }, onRequest: refuse, handler: refuse })
  }
}
