import type { FastifyInstance, FastifyRequest } from 'fastify'
import { StoreError } from '../errors.ts'
import { parseExactly } from '../knowledge/exact-json.ts'
import { HttpError } from './errors.ts'
import { findJsonFault } from './json-fault.ts'

/** The largest body that a route reads which says nothing else, in bytes: names, flags, passwords are short. */
const usualBody = 16_384
/** The largest body of a route that takes units, in bytes. */
export const largestBody = 1_048_576

/**
 * How much of bodies is held at once, in bytes: 8 MiB, thousands of usual ones. What is made of one until its
 * request is answered takes several times as much, and large ones that come together hold up all else.
 */
const mostHeld = 8_388_608

/** Takes bodies as they come, whatever they say they are. */
export function takeBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  const options = { parseAs: 'buffer', bodyLimit: usualBody } as const
  server.addContentTypeParser('*', options, ({ raw: { socket } }, body, done) => {
    // Who took too long was told so already, and must find nothing done.
    if (socket.writableEnded) done(new HttpError(408, 'Request Timeout'))
    else done(null, body)
  })
  limitHeldBodies(server)
  server.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const type = headers['content-type']
    // Fastify refuses a type that is none before any parser is asked.
    if (type !== undefined && !mediaType.test(type)) headers['content-type'] = any
    done()
  })
}

/** Turns a request away whose body would be too much beside those of others, before any of it is read. */
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

/**
 * Bodies are read only where a route wants one: whoever sends one to a route that doesn't, may send
 * anything.
 */
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

/** What the body says. One that is not said to be JSON is a text, which no route takes. */
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
