import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  /** The most open connections; one more is closed on arrival. */
  readonly mostConnections: number
  /** How long answers may still be sent once the server closes, in milliseconds. */
  readonly closeGrace: number
  /** How long a client may take to send a request's head, and all of it, in milliseconds. */
  readonly headersTimeout?: number
  readonly requestTimeout?: number
  /** How long a client may leave its answer unread, in milliseconds. */
  readonly stallTimeout?: number
  /**
   * How long a connection may be idle between two requests, in milliseconds: longer than load balancers keep one.
   */
  readonly keepAliveTimeout?: number
  /** How often it is checked whether a client is too slow, in milliseconds. */
  readonly checkInterval?: number
}

/** How many requests a connection may send ahead of their answers. No known client sends any. */
const mostAhead = 64

type Exchange = Parameters<RequestListener>

/** The state of a connection. */
interface Connection {
  /** The request being answered, until the operating system has all of its answer. */
  current: Exchange | undefined
  /** The requests that wait for it. */
  readonly ahead: Exchange[]
  /** Whether the next one waits until what is written has been sent. */
  waitsForDrain: boolean
}

/**
 * An HTTP server whose clients cannot make it hold much memory or wait for long.
 *
 * Node hands out all requests of one packet at once, a thousand and more, and keeps their answers until somebody
 * reads them. Here a connection has one request under way: the next one is taken once the answer before it was
 * sent. A connection that sends more than a few ahead is closed.
 *
 * When Node closes a server, it takes an answer for sent that is only written, and cuts it off; and it waits for
 * ever for clients that have sent no request, or only a part of one. Here connections without a request are
 * closed at once, and requests and answers under way have the grace period.
 */
export function guardedServer(handler: RequestListener, limits: ConnectionLimits): Server {
  const { headersTimeout = 10_000, requestTimeout = 30_000, stallTimeout = 30_000 } = limits
  const { mostConnections, closeGrace, keepAliveTimeout = 72_000, checkInterval = 1_000 } = limits
  const connections = new Map<Socket, Connection>()
  let isClosing = false

  /** Takes the next request, if none is under way and what was written before has been sent. */
  const goOn = (socket: Socket, connection: Connection) => {
    const { current, ahead, waitsForDrain } = connection
    if (current || waitsForDrain || socket.destroyed) return
    if (isClosing) socket.destroySoon()
    else if (ahead.length === 0) return
    else if (socket.writableNeedDrain) {
      connection.waitsForDrain = true
      socket.once('drain', () => {
        connection.waitsForDrain = false
        goOn(socket, connection)
      })
    } else {
      const [request, response] = ahead.shift() as Exchange
      connection.current = [request, response]
      response.once('close', () => {
        connection.current = undefined
        goOn(socket, connection)
      })
      handler(request, response)
    }
  }

  const onRequest: RequestListener = (request, response) => {
    const { socket } = request
    const connection = connections.get(socket)
    if (!connection || socket.destroyed) return
    connection.ahead.push([request, response])
    if (connection.ahead.length > mostAhead) socket.destroy()
    else goOn(socket, connection)
  }

  const server = createServer(
    {
      headersTimeout,
      requestTimeout,
      keepAliveTimeout,
      connectionsCheckingInterval: checkInterval,
    },
    onRequest,
  )
  server.maxConnections = mostConnections
  server.on('connection', (socket) => {
    connections.set(socket, { current: undefined, ahead: [], waitsForDrain: false })
    socket.once('close', () => connections.delete(socket))
  })
  server.setTimeout(stallTimeout, (socket) => {
    const isBeingAnswered = connections.get(socket)?.current !== undefined
    if (!isBeingAnswered || socket.writableLength > 0) socket.destroy()
  })
  // Node calls this when it closes the server.
  server.closeIdleConnections = () => {
    if (isClosing) return
    isClosing = true
    for (const [socket, { current }] of connections) {
      if (current) endAfter(current[1])
      else if (socket.writableLength > 0) socket.destroySoon()
      else socket.destroy()
    }
    const timer = setTimeout(() => server.closeAllConnections(), closeGrace)
    server.once('close', () => clearTimeout(timer))
  }
  return server
}

/** Tells the client that its connection ends with this answer. */
function endAfter(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false
}
