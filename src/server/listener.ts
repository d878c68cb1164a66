import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import { guardedServer } from './connections.ts'
import { answerError, notFound } from './errors.ts'

/** The limits of a server. */
export interface ListenerOptions {
  /** A pino logger. @default no logs */
  readonly logger?: FastifyBaseLogger | undefined
  /** Addresses of proxies whose `X-Forwarded-For` is trusted, as Fastify takes them. @default none */
  readonly trustProxy?: FastifyServerOptions['trustProxy'] | undefined
  /** The most open connections; one more is closed on arrival. @default 2000 */
  readonly maxConnections?: number | undefined
  /**
   * How long `close` waits for requests under way and answers that are still being sent, in milliseconds. Idle
   * connections are closed at once. @default 10000
   */
  readonly closeGrace?: number | undefined
}

/**
 * A server without routes. It refuses what it cannot read, does not know or receives too slowly in the form that
 * cq's clients expect.
 */
export function listener({
  logger,
  trustProxy = false,
  maxConnections: mostConnections = 2_000,
  closeGrace = 10_000,
}: ListenerOptions): FastifyInstance {
  const server = fastify({
    serverFactory: (handler) => guardedServer(handler, { mostConnections, closeGrace }),
    ...(logger && { loggerInstance: logger }),
    trustProxy,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    exposeHeadRoutes: false,
    // The store stays open until everything under way is answered.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 65_536 },
    frameworkErrors: (error, request, reply) => {
      // A path that is not valid text names nothing.
      const refused = error.code === 'FST_ERR_BAD_URL' ? notFound() : (error as FastifyError)
      answerError(refused, request, reply)
    },
    clientErrorHandler: answerBrokenRequest,
  })
  server.setNotFoundHandler(() => Promise.reject(notFound()))
  return server
}

const brokenRequests: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** Answers what cannot be read as HTTP, or arrives too slowly. */
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
