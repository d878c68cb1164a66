import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { absenceOf, faultOfSecrets, type Secrets, weaknessOf } from '../credentials/secrets.ts'
import { SessionTokens } from '../credentials/session-token.ts'
import { SignInRequests } from '../credentials/sign-in.ts'
import { internalsOf } from '../internals.ts'
import { findUnknownName } from '../knowledge/validation.ts'
import type { Store } from '../store.ts'
import { Authentication, KeyAuthentication, touchKeys } from './authentication.ts'
import { takeBodies } from './body.ts'
import { dashboardRoutes } from './dashboard.ts'
import { describeMounts, documentRoutes, servePages } from './documentation.ts'
import { answerError, notFound } from './errors.ts'
import { type ListenerOptions, listener } from './listener.ts'
import { LoginLimit } from './login-limit.ts'
import { isOrigin, originForm } from './mcp/origins.ts'
import type { McpOptions, mcpRoute } from './mcp/plugin.ts'
import { Metrics } from './metrics.ts'
import { type MetricsAddress, serveMetrics } from './metrics-address.ts'
import { isPrefix, prefixForm } from './paths.ts'
import { speakCq } from './protocol.ts'
import { accountRoutes, legacyAccountRoutes, loginRoute } from './routes/accounts.ts'
import { curationRoutes } from './routes/curation.ts'
import { healthRoute, readyRoute } from './routes/health.ts'
import { knowledgeRoutes, legacyKnowledgeRoutes } from './routes/knowledge.ts'
import { removalRoute, reviewRoutes } from './routes/reviews.ts'
import { logoutRoute, signInRoutes } from './routes/sign-in.ts'
import { secureAnswers } from './security-headers.ts'

export interface CqServerOptions extends Secrets {
  /** The storage. It stays open when the server closes: whoever opened it closes it. */
  readonly store: Store
  /**
   * How many logins may fail within a minute for each name and address; five times as many for each address, and
   * ten times as many for each name, except where it logged in within a day. @default 20
   */
  readonly loginFailures?: number | undefined
  /**
   * Where `/metrics` is served: beside everything else, not at all, or on a port of its own, which is open from
   * when the server is ready until it closes. @default true
   */
  readonly metrics?: boolean | MetricsAddress | undefined
  /**
   * Whether `/docs` and `/openapi.json` are served. A host with its own `@fastify/swagger` shows these routes
   * there instead, if its `securitySchemes` name `apiKey` and `login`.
   * @default true in `createServer`, false in `cqServer`
   */
  readonly docs?: boolean | undefined
  /**
   * Whether the dashboard for reviewers is served under `/ui/`. `/` leads there, too, except in a plugin without a
   * prefix, whose host decides what is at its root. @default true
   */
  readonly dashboard?: boolean | undefined
  /** Whether MCP is served at `/mcp`, and to which web pages. @default true */
  readonly mcp?: boolean | McpOptions | undefined
}

/** What `/mcp` alone needs. */
export interface CqMcpOptions extends Pick<Secrets, 'apiKeyPepper'>, McpOptions {
  /** The storage. It stays open when the server closes: whoever opened it closes it. */
  readonly store: Store
}

export interface ServerOptions extends CqServerOptions, ListenerOptions {
  /**
   * What every path begins with, such as `/cq`. `/health` and `/ready` answer without it as well, for probes.
   * @default '' none
   */
  readonly prefix?: string | undefined
}

const cqOptions = [
  'store',
  'jwtSecret',
  'apiKeyPepper',
  'loginFailures',
  'metrics',
  'docs',
  'dashboard',
  'mcp',
]
const listenerOptions = ['logger', 'trustProxy', 'maxConnections', 'closeGrace']
/** Options that Fastify itself takes when a plugin is registered, and passes on to it. */
const registerOptions = ['prefix', 'logLevel', 'logSerializers']

/**
 * cq's wire protocol as a Fastify plugin, for your own server. It may be registered under a prefix, and several
 * times. Request logs and security headers are up to the host. Besides its own options it takes Fastify's options
 * for plugins, and no others.
 */
export const cqServer: FastifyPluginAsync<CqServerOptions> = async (server, options) => {
  checkOptions('cqServer', options, [...cqOptions, ...registerOptions])
  if (server.prefix !== '') server.setNotFoundHandler(() => Promise.reject(notFound()))
  await serveCq(server, options, server.prefix !== '')
}

/**
 * MCP alone, at `/mcp`, as a Fastify plugin for your own server: what `cqServer` serves there, too. It may be
 * registered under a prefix.
 */
export const cqMcp: FastifyPluginAsync<CqMcpOptions> = async (server, options) => {
  const { store, apiKeyPepper, allowedOrigins } = options
  const { now = () => new Date() } = internalsOf(options)
  checkNames('cqMcp', options, ['store', 'apiKeyPepper', 'allowedOrigins', ...registerOptions])
  checkStore('cqMcp', store)
  checkMcp({ allowedOrigins })
  const fault = absenceOf(apiKeyPepper)
  if (fault !== undefined) throw new TypeError(`apiKeyPepper ${fault}`)
  warnOfWeakPepper(server, apiKeyPepper)
  touchKeys(server, store)
  const closePaths = speakCq(server)
  const authentication = new KeyAuthentication({ store, apiKeyPepper, now })
  await serveMcp(server, store, authentication, now, { allowedOrigins })
  closePaths()
}

/**
 * cq's complete server: call `listen`, and finally `close`.
 * @throws {TypeError} if a secret is missing or weak, an option unknown, or the prefix malformed
 */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  checkOptions('createServer', options, [...cqOptions, ...listenerOptions, 'prefix'])
  const { logger, trustProxy, maxConnections, closeGrace, ...rest } = options
  const { prefix = '', docs = true, ...others } = rest
  if (!isPrefix(prefix)) throw new TypeError(`prefix must be ${prefixForm}, and is '${prefix}'`)
  requireWhole('maxConnections', maxConnections, 1)
  requireWhole('closeGrace', closeGrace, 0)
  const server = listener({ logger, trustProxy, maxConnections, closeGrace })
  nameRequests(server)
  if (logger) logRequests(server)
  secureAnswers(server)
  if (prefix === '') await serveCq(server, { ...others, docs }, true)
  else {
    server.setErrorHandler(answerError)
    takeBodies(server)
    await server.register(cqServer, { ...others, docs, prefix })
    await server.register((probes) => serveProbes(probes, options.store))
  }
  return server
}

/** @throws {TypeError} for an unknown option or a wrong value */
function checkOptions(taker: string, options: CqServerOptions, known: readonly string[]): void {
  const { store, metrics = true, docs = true, dashboard = true, mcp = true } = options
  checkNames(taker, options, known)
  checkStore(taker, store)
  checkMcp(mcp)
  if (typeof docs !== 'boolean') throw new TypeError(`docs must be true or false, and is ${docs}`)
  if (typeof dashboard !== 'boolean')
    throw new TypeError(`dashboard must be true or false, and is ${dashboard}`)
  if (typeof metrics !== 'boolean' && !Number.isInteger(metrics?.port))
    throw new TypeError(`metrics must be true, false or { port, host }, and is ${metrics}`)
}

/** @throws {TypeError} */
function checkNames(taker: string, options: object, known: readonly string[]): void {
  const unknown = findUnknownName(options, known)
  if (unknown !== undefined) throw new TypeError(`the options of ${taker} ${unknown}`)
}

/** @throws {TypeError} */
function checkStore(taker: string, store: Store | undefined): void {
  if (typeof store?.asText !== 'function')
    throw new TypeError(`${taker} needs a Store as its store`)
}

/** @throws {TypeError} */
function checkMcp(mcp: unknown): void {
  if (typeof mcp === 'boolean') return
  if (typeof mcp !== 'object' || mcp === null)
    throw new TypeError(`mcp must be true, false or { allowedOrigins }, and is ${mcp}`)
  checkNames('mcp', mcp, ['allowedOrigins'])
  const { allowedOrigins = [] } = mcp as McpOptions
  if (!Array.isArray(allowedOrigins)) throw new TypeError('mcp.allowedOrigins must be an array')
  const wrong = allowedOrigins.find((origin) => !isOrigin(origin))
  if (wrong !== undefined)
    throw new TypeError(`each of mcp.allowedOrigins must be ${originForm}, and one is '${wrong}'`)
}

/** @throws {TypeError} if it is given and out of range */
function requireWhole(name: string, value: number | undefined, least: number): void {
  // The longest delay of a timer in Node.
  if (value === undefined || (Number.isInteger(value) && value >= least && value < 2 ** 31)) return
  throw new TypeError(`${name} must be a whole number of at least ${least}, and is ${value}`)
}

async function serveCq(
  server: FastifyInstance,
  options: CqServerOptions,
  ownsRoot: boolean,
): Promise<void> {
  const { store, jwtSecret, apiKeyPepper, loginFailures } = options
  const { now = () => new Date() } = internalsOf(options)
  requireSecrets(server, options)
  const tokens = new SessionTokens(jwtSecret)
  const authentication = new Authentication({ store, tokens, apiKeyPepper, now })
  const loginLimit = new LoginLimit({ failures: loginFailures })
  const metrics = options.metrics === false ? undefined : new Metrics(store)
  const onFailedLogin = () => metrics?.countFailedLogin()
  const accounts = { store, authentication, tokens, loginLimit, onFailedLogin, apiKeyPepper, now }

  touchKeys(server, store)
  metrics?.observe(server)
  // Clients take a 404 for "use the defaults", and cannot read a page of HTML.
  server.get('/.well-known/cq-node.json', { schema: { hide: true } }, () =>
    Promise.reject(notFound()),
  )
  const closePaths = speakCq(server)
  describeMounts(server)
  if (options.docs) await documentRoutes(server)
  if (metrics) serveMetrics(server, metrics, options.metrics)
  readyRoute(server, store)
  const legacy = (api: FastifyInstance) => {
    healthRoute(api)
    loginRoute(api, accounts)
    legacyAccountRoutes(api, accounts)
    legacyKnowledgeRoutes(api, store, authentication, now)
    reviewRoutes(api, store, authentication)
  }
  legacy(server)
  await server.register(
    async (api) => {
      legacy(api)
      accountRoutes(api, accounts)
      logoutRoute(api, accounts)
      signInRoutes(api, { ...accounts, requests: new SignInRequests(jwtSecret) })
      knowledgeRoutes(api, store, authentication, now)
      removalRoute(api, store, authentication)
      curationRoutes(api, store, authentication)
    },
    { prefix: '/api/v1' },
  )
  const { mcp = true } = options
  if (mcp) await serveMcp(server, store, authentication, now, mcp === true ? {} : mcp)
  if (options.docs) await servePages(server)
  closePaths()
  // Pages for browsers, to which cq's rules for other methods and slashes do not apply.
  if (options.dashboard !== false) await dashboardRoutes(server, ownsRoot)
}

/** Its package takes long to load, and is not needed where MCP is off. */
async function serveMcp(...route: Parameters<typeof mcpRoute>): Promise<void> {
  const plugin = await import('./mcp/plugin.ts')
  await plugin.mcpRoute(...route)
}

/** What a server under a prefix also answers at the root. */
async function serveProbes(server: FastifyInstance, store: Store): Promise<void> {
  const closePaths = speakCq(server)
  healthRoute(server)
  readyRoute(server, store)
  closePaths()
}

/** @throws {TypeError} */
function requireSecrets(server: FastifyInstance, secrets: Secrets): void {
  const found = faultOfSecrets(secrets)
  if (found) throw new TypeError(`${found.name} ${found.fault}`)
  warnOfWeakPepper(server, secrets.apiKeyPepper)
}

function warnOfWeakPepper(server: FastifyInstance, apiKeyPepper: string): void {
  const weakness = weaknessOf(apiKeyPepper)
  if (weakness)
    server.log.warn(
      `the pepper of API keys ${weakness}; it is taken all the same, since another one would make ` +
        'every key invalid',
    )
}

/** Tells clients the id of their request in the log. */
function nameRequests(server: FastifyInstance): void {
  server.addHook('onRequest', ({ id }, reply, done) => {
    reply.header('x-request-id', id)
    done()
  })
}

/** Logs one line for each request, without its content. */
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
