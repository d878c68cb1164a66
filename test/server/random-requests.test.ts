import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit } from '../../src/index.ts'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let credentials: readonly (string | undefined)[]
let ids: readonly string[]
beforeAll(async () => {
  // Logins are slow by design, and these fail as often as they like.
  served = await serveStore({ server: { loginFailures: 5 } })
  credentials = [await served.login('carol'), await served.apiKey('carol'), undefined]
  const insight = { summary: 's', detail: 'd', action: 'a' }
  const units = Array.from({ length: 3 }, () => createKnowledgeUnit({ domains: ['x'], insight }))
  await served.store.insertMany(units)
  ids = units.map(({ id }) => id)
  await served.store.decide(ids[0] as string, 'approved', 'carol')
})
afterAll(() => served[Symbol.asyncDispose]())

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND', 'QUERY']
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', ' ', '\0', '\ud800', '%', '💥', '-1', '0', '1e9', '../..', 'x'.repeat(5000)),
)
const anyJson = fc.oneof(fc.jsonValue(), anyText)

/** Near enough to what a route takes to get past its first checks. */
const nearlyRight = fc.record(
  {
    domains: fc.oneof(fc.array(anyText, { maxLength: 20 }), anyJson),
    insight: fc.oneof(fc.record({ summary: anyText, detail: anyText, action: anyText }), anyJson),
    context: anyJson,
    extensions: fc.oneof(fc.dictionary(fc.constantFrom('a:b', 'a', '__proto__'), anyJson), anyJson),
    created_by: anyJson,
    reason: fc.oneof(fc.constantFrom('stale', 'incorrect', 'duplicate'), anyJson),
    detail: anyJson,
    duplicate_of: anyJson,
    name: anyJson,
    ttl: fc.oneof(fc.constantFrom('1d', '0s', '999d', ' 1H '), anyJson),
    labels: fc.oneof(fc.array(anyText, { maxLength: 20 }), anyJson),
    username: anyText,
    password: anyJson,
  },
  { requiredKeys: [] },
)
const anyBody = fc.oneof(
  fc.constant(undefined),
  nearlyRight.map((body) => JSON.stringify(body)),
  anyJson.map((body) => JSON.stringify(body)),
  fc.string({ unit: 'binary' }),
  fc.uint8Array(),
)
const anyQuery = fc.array(
  fc.tuple(
    fc.oneof(
      fc.constantFrom('domains', 'languages', 'frameworks', 'pattern', 'limit', 'offset'),
      fc.constantFrom('domain', 'status', 'confidence_min', 'confidence_max', '__proto__'),
    ),
    fc.oneof(fc.constantFrom('a', '1', '0', '-1', '0.5', '1.0', 'NaN', '%zz', '%00'), anyText),
  ),
  { maxLength: 5 },
)
const anyType = fc.constantFrom(
  'application/json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'x',
  undefined,
)

function encoded(text: string): string {
  return text.includes('%')
    ? text.replaceAll(/[^\w%.-]/g, '')
    : encodeURIComponent(text.toWellFormed())
}

const anyHeaders = fc.dictionary(
  fc.constantFrom(
    'accept',
    'accept-encoding',
    'x-forwarded-for',
    'if-none-match',
    'range',
    'cookie',
  ),
  fc.oneof(fc.constantFrom('', '*/*', 'bytes=9-1', 'q=;,'), fc.string({ unit: 'grapheme-ascii' })),
  { maxKeys: 3 },
)

/** A request to every path of the document, with gaps filled at random. */
function anyRequest(path: string) {
  return fc.record({
    method: fc.constantFrom(...methods),
    path: fc.tuple(fc.oneof(fc.nat(2), anyText), anyQuery).map(([gap, query]) => {
      const filled = path.replace(/{\w+}/, () =>
        typeof gap === 'number' ? (ids[gap] ?? '') : encoded(gap) || '-',
      )
      const search = query.map(([name, value]) => `${name}=${encoded(value)}`).join('&')
      return search === '' ? filled : `${filled}?${search}`
    }),
    credential: fc.oneof(fc.nat(2), fc.string({ unit: 'grapheme-ascii' })),
    headers: anyHeaders,
    type: anyType,
    body: anyBody,
  })
}

async function pathsOf(server: ServedStore): Promise<string[]> {
  return Object.keys((await server.documented()).document.paths)
}

describe('whatever is asked', () => {
  test('the answer is documented JSON, and never that the server failed', async () => {
    for (const path of [...(await pathsOf(served)), '/', '/nowhere/{id}']) {
      await fc.assert(
        fc.asyncProperty(
          anyRequest(path),
          async ({ method, path, credential, headers, type, body }) => {
            const token = typeof credential === 'number' ? credentials[credential] : credential
            const sendsBody = body !== undefined && method !== 'GET' && method !== 'HEAD'
            // Against the document it is checked where it is asked.
            const answer = await served.ask(path, {
              method,
              headers: {
                ...headers,
                ...(token !== undefined && { authorization: `Bearer ${token}` }),
                ...(type !== undefined && { 'content-type': type }),
              },
              ...(sendsBody && { body: body }),
            })
            expect(answer.status).toBeLessThan(500)
            if (method === 'HEAD') return
            if (path.startsWith('/metrics') && answer.status === 200) await answer.text()
            else if (answer.headers.get('content-type')?.startsWith('text/html'))
              expect(new URL(answer.url).pathname).toMatch(/^\/ui\/|\/oauth\/native\/authorize$/)
            else expect(await answer.json()).toBeDefined()
          },
        ),
        { numRuns: 15 },
      )
    }
  })
})
