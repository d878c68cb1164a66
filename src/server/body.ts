import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseExactly } from '../knowledge/exact-json.ts'
import { HttpError } from './errors.ts'
import { findJsonFault } from './json-fault.ts'

/** The largest body that is read, in bytes. */
const largestBody = 1_048_576

/** Takes bodies as they come, whatever they say they are. */
export function takeBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  const options = { parseAs: 'buffer', bodyLimit: largestBody } as const
  server.addContentTypeParser('*', options, (_request, body, done) => done(null, body))
  server.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const type = headers['content-type']
    // Fastify refuses a type that is none before any parser is asked.
    if (type !== undefined && !mediaType.test(type)) headers['content-type'] = any
    done()
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
