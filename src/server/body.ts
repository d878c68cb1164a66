import type { FastifyInstance, FastifyRequest } from 'fastify'
import { StoreError } from '../errors.ts'
import { parseExactly } from '../knowledge/exact-json.ts'
import { HttpError } from './errors.ts'
import { findJsonFault } from './json-fault.ts'

/** The largest body of a route that sets no other limit, in bytes: names, flags and passwords are short. */
const usualBody = 16_384
/** The largest body of a route that takes units, in bytes. */
export const largestBody = 1_048_576

/**
 * The most bytes of bodies in memory at once: 8 MiB, thousands of ordinary ones. Until its request is answered,
 * what is made of a body takes several times as much.
 */
const mostHeld = 8_388_608

/** Accepts bodies of any declared type. */
export function takeBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  const options = { parseAs: 'buffer', bodyLimit: usualBody } as const
  server.addContentTypeParser('*', options, ({ raw: { socket } }, body, done) => {
    // A client that was too slow has been answered already, and nothing must be done for it.
    if (socket.writableEnded) done(new HttpError(408, 'Request Timeout'))
    else done(null, body)
  })
  limitHeldBodies(server)
  server.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const type = headers['content-type']
    // Fastify refuses a malformed content type before it calls a parser.
    if (type !== undefined && !mediaType.test(type)) headers['content-type'] = any
    done()
  })
}

/** Refuses a request whose body would exceed what all may hold, before any of it is read. */
function limitHeldBodies(server: FastifyInstance): void {
  let held = 0
  server.addHook('preParsing', ({ raw, routeOptions }, { raw: answer }, payload, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = raw.headers
    const limit = routeOptions.bodyLimit ?? usualBody
    const size = encoding === undefined ? Math.min(Number(length ?? 0), limit) : limit
    if (size === 0) {
      done(null, payload)
      return
    }
    if (held + size > mostHeld) {
      done(new StoreError('overloaded', `bodies of ${held} bytes are held, and no more fit`))
      return
    }
    held += size
    answer.once('close', () => {
      held -= size
    })
    done(null, payload)
  })
}

/** Bodies are read only if the route expects one; to any other route a client may send anything. */
export function readBodies(server: FastifyInstance): void {
  takeBodies(server)
  server.addHook('preValidation', (request, _reply, done) => {
    if (request.body !== undefined && request.routeOptions.schema?.body)
      request.body = readBody(request)
    done()
  })
}

const any = 'application/octet-stream'
const mediaType = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/
const json = /^application\/(?:[\w.+-]+\+)?json\b/i

/** The content of a body. One that is not declared as JSON is text, which no route accepts. */
function readBody(request: FastifyRequest): unknown {
  const raw = request.body as Buffer | undefined
  if (raw === undefined || raw.length === 0) return undefined
  const text = decode(raw)
  const type = request.headers['content-type']
  if (type !== undefined && !json.test(type)) return text
  try {
    return parseExactly(text)
  } catch {
    const { position, message } = findJsonFault(text)
    throw invalidJson(position, message)
  }
}

function decode(raw: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw)
  } catch {
    throw invalidJson(0, 'Invalid UTF-8')
  }
}

function invalidJson(position: number, error: string): HttpError {
  return new HttpError(422, [
    {
      type: 'json_invalid',
      loc: ['body', position],
      msg: 'JSON decode error',
      input: {},
      ctx: { error },
    },
  ])
}
