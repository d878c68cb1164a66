import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import { HttpError } from '../errors.ts'

/** The form of an origin, for error messages. */
export const originForm = 'an origin as browsers send it, as in https://cq.example'

/** Whether a text is an origin: scheme, host and port, and nothing else. */
export function isOrigin(text: unknown): text is string {
  return typeof text === 'string' && URL.canParse(text) && new URL(text).origin === text
}

/**
 * A hook that refuses what pages of other sites send. Browsers name the page's origin, and other programs none. A
 * page's own server is one that has its host, or that trusted proxies say has it.
 *
 * A site may let its name mean this machine once its page is loaded (DNS rebinding), and is then its own server, too.
 * It cannot have a certificate here, though: so a page without TLS that reaches the machine's own address must have
 * one of the machine's own names.
 */
export function refuseForeign(allowed: readonly string[]): onRequestHookHandler {
  return (request, _reply, done) => {
    const { origin } = request.headers
    if (origin === undefined || allowed.includes(origin) || isOwn(origin, request)) done()
    else
      done(
        new HttpError(
          403,
          "This Origin is not allowed: it is not the server's own, and not listed in mcp.allowedOrigins (--mcp-origins)",
        ),
      )
  }
}

function isOwn(origin: string, { host, socket }: FastifyRequest): boolean {
  if (!isOrigin(origin) || !host) return false
  const { protocol, hostname } = new URL(origin)
  // With the port of the scheme or without.
  const own = `${protocol}//${host}`
  if (!URL.canParse(own) || new URL(own).origin !== origin) return false
  return (
    protocol === 'https:' || !loopback.test(socket.localAddress ?? '') || ownName.test(hostname)
  )
}

const loopback = /^(::ffff:)?127\.|^::1$/
const ownName = /^(localhost|.+\.localhost|127\.[\d.]+|\[::1\])$/
