import { afterAll, beforeAll, expect, test } from 'vitest'
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
  '/api/v1/knowledge/',
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
  ['DELETE', '/health', 'GET'],
  ['PATCH', '/api/v1/knowledge/stats', 'GET'],
  ['OPTIONS', '/api/v1/knowledge', 'GET, POST'],
  ['GET', '/api/v1/auth/login', 'POST'],
  ['POST', '/review/queue', 'GET'],
  ['DELETE', '/api/v1/review/queue', 'GET'],
  ['DELETE', '/review/ku_none', 'GET'],
  ['PUT', '/api/v1/review/ku_none', 'DELETE, GET'],
])('%s %s is not allowed, and %s is said to be', async (method, path, allow) => {
  const answer = await served.ask(path, { method })
  expect(answer.status).toBe(405)
  expect(answer.headers.get('allow')).toBe(allow)
  expect(await answer.json()).toEqual({ detail: 'Method Not Allowed' })
})

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
