import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import { answerError, notFound } from './errors.ts'

/** How long a client may take to send its request, in milliseconds. */
const requestTimeout = 30_000
const headersTimeout = 10_000

/** A server without routes: what it can't read, doesn't know or gets too slowly is refused as cq's clients expect. */
export function listener(
  logger: FastifyBaseLogger | undefined,
  trustProxy: FastifyServerOptions['trustProxy'] = false,
): FastifyInstance {
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
  return server
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
