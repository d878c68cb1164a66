import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
beforeAll(async () => {
  served = await serveStore()
})
afterAll(() => served[Symbol.asyncDispose]())

test.each(['/health', '/api/v1/health'])('GET %s tells that the server is up', async (path) => {
  const answer = await served.ask(path)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ status: 'ok' })
})

test('health asks nothing of the database', async () => {
  await using closed = await serveStore()
  await closed.store.close()
  expect((await closed.ask('/health')).status).toBe(200)
})

test.each([
  '/.well-known/cq-node.json',
  '/nowhere',
  '/api/v1/nowhere',
  '/api/v2/knowledge',
  '/nowhere/',
  '/api/v1/nowhere/',
  '/review/',
  '/api/v1/knowledge//flags',
  '/%ff',
  '//',
])('GET %s is not found, told as JSON', async (path) => {
  const answer = await served.ask(path)
  expect(answer.status).toBe(404)
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  expect(await answer.json()).toEqual({ detail: 'Not Found' })
})

test('a body for an unknown path is not found either, whatever it is', async () => {
  const headers = { 'content-type': 'text/strange' }
  const answer = await served.ask('/nowhere', { method: 'POST', headers, body: '{' })
  expect(answer.status).toBe(404)
  expect(await answer.json()).toEqual({ detail: 'Not Found' })
})

test.each([
  ['DELETE', '/health', 'GET, HEAD'],
  ['POST', '/metrics', 'GET, HEAD'],
  ['PATCH', '/api/v1/knowledge/stats', 'GET'],
  ['OPTIONS', '/api/v1/knowledge', 'GET, POST'],
  ['GET', '/api/v1/auth/login', 'POST'],
  ['POST', '/review/queue', 'GET'],
  ['DELETE', '/api/v1/review/queue', 'GET'],
  ['DELETE', '/review/ku_none', 'GET'],
  ['PUT', '/api/v1/review/ku_none', 'DELETE, GET, PATCH'],
  ['POST', '/openapi.json', 'GET'],
  ['DELETE', '/docs', 'GET'],
])('%s %s is not allowed, and %s is said to be', async (method, path, allow) => {
  const answer = await served.ask(path, { method })
  expect(answer.status).toBe(405)
  expect(answer.headers.get('allow')).toBe(allow)
  expect(await answer.json()).toEqual({ detail: 'Method Not Allowed' })
})

describe('HEAD', () => {
  test.each(['/health', '/api/v1/health', '/ready', '/metrics'])(
    'of %s says what GET does, without a body',
    async (path) => {
      const head = await served.ask(path, { method: 'HEAD' })
      const get = await served.ask(path)
      expect(head.status).toBe(200)
      expect(await head.text()).toBe('')
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'))
      // Figures change from one request to the next.
      expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0)
      const length = String(Buffer.byteLength(await get.text()))
      if (path !== '/metrics') expect(head.headers.get('content-length')).toBe(length)
    },
  )

  test('of /ready tells that the store is closed', async () => {
    await using closed = await serveStore()
    await closed.store.close()
    const answer = await closed.ask('/ready', { method: 'HEAD' })
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
  })

  test.each([
    ['/api/v1/knowledge', 'GET, POST'],
    ['/api/v1/knowledge/stats', 'GET'],
    ['/query', 'GET'],
    ['/review/queue', 'GET'],
    ['/auth/login', 'POST'],
    ['/openapi.json', 'GET'],
    ['/docs', 'GET'],
  ])('of %s is not allowed, and %s is said to be', async (path, allow) => {
    const answer = await served.ask(path, { method: 'HEAD' })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe(allow)
  })
})

describe('a slash at the end', () => {
  test.each([
    ['GET', '/health/', '/health'],
    ['HEAD', '/health/', '/health'],
    ['GET', '/openapi.json/', '/openapi.json'],
    [
      'GET',
      '/api/v1/knowledge/?domains=a%2Fb&domains=/c/',
      '/api/v1/knowledge?domains=a%2Fb&domains=/c/',
    ],
    ['POST', '/api/v1/knowledge/', '/api/v1/knowledge'],
    ['POST', '/api/v1/knowledge/ku_%C3%BC/flags/', '/api/v1/knowledge/ku_%C3%BC/flags'],
    ['GET', '/review/a:b/', '/review/a:b'],
    ['GET', '/query/?', '/query?'],
    // As at the path itself, where it is not allowed.
    ['DELETE', '/health/', '/health'],
    ['POST', '/docs/', '/docs'],
  ])('of %s %s leads to %s', async (method, path, target) => {
    const answer = await served.ask(path, { method, redirect: 'manual' })
    expect(answer.status).toBe(307)
    expect(await answer.text()).toBe('')
    const location = answer.headers.get('location') as string
    const url = new URL(served.url + path)
    expect(new URL(location, url).href).toBe(served.url + target)
  })

  test('keeps method, body and query', async () => {
    const key = await served.apiKey()
    const insight = { summary: 's', detail: 'd', action: 'a' }
    const proposal = { domains: ['slashes'], insight }
    expect((await served.send('POST', '/api/v1/knowledge/', key, proposal)).status).toBe(201)
    expect((await served.send('POST', '/propose/', key, proposal)).status).toBe(201)
    const answer = await served.ask('/api/v1/knowledge/?domains=slashes&limit=0')
    expect(answer.url).toBe(`${served.url}/api/v1/knowledge?domains=slashes&limit=0`)
    expect(answer.status).toBe(422)
  })

  test('leads nowhere else, whatever host a client claims', async () => {
    const { status, headers } = await ask(served.url, '/health/', { host: 'evil.example' })
    expect(status).toBe(307)
    expect(headers.location).toBe('../health')
    for (const path of ['//evil.example/', '/\\\\evil.example/', '//evil.example/health/'])
      expect((await ask(served.url, path)).status).toBe(404)
  })

  test('is looked at before the body and before who asks', async () => {
    const body = 'x'.repeat(2_000_000)
    const answer = await served.ask('/propose/', { method: 'POST', body, redirect: 'manual' })
    expect(answer.status).toBe(307)
  })
})

/** A request as it is written: fetch would tidy the path, and names the host itself. */
async function ask(url: string, path: string, headers: Readonly<Record<string, string>> = {}) {
  const { hostname, port } = new URL(url)
  const sent = request({ hostname, port, path, headers, agent: false })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.resume()
  return { status: answer.statusCode, headers: answer.headers }
}

test('a method that is not allowed is refused before its body is looked at', async () => {
  const answer = await served.ask('/health', { method: 'POST', body: 'x'.repeat(2_000_000) })
  expect(answer.status).toBe(405)
})

test('a store that is closed is told as 503, with when to try again', async () => {
  await using closed = await serveStore()
  await closed.store.close()
  const answer = await closed.ask('/api/v1/knowledge?domains=a')
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(await answer.json()).toEqual({
    detail: 'Service temporarily unavailable, please try again',
  })
})
