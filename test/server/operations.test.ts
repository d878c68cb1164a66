import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { StoreError } from '../../src/index.ts'
import { internalOptions } from '../../src/internals.ts'
import { steeredWorker } from '../sqlite/steered-store.ts'
import { Latch } from '../threads/latch.ts'
import { arrange } from '../threads/mishap.ts'
import { detailOf } from './fault.ts'
import { recordedLog } from './recorded-log.ts'
import { apiKeyPepper, jwtSecret, password, passwordHash, serveStore } from './served-store.ts'

const insight = { summary: 'a secret summary', detail: 'd', action: 'a' }

describe('the log', () => {
  test('has one line for each request, and no body, query, secret or credential', async () => {
    const { lines, logger } = recordedLog()
    const served = await serveStore({ server: { logger } })
    const token = await served.login('carol')
    const key = await served.apiKey('carol')
    const before = lines.length
    const made = await served.send('POST', '/api/v1/users/me/api-keys', token, {
      name: 'n',
      ttl: '1h',
    })
    const { token: newKey } = (await made.json()) as { token: string }
    await served.send('POST', '/api/v1/knowledge', key, { domains: ['x'], insight })
    await served.ask('/api/v1/knowledge?domains=hush')
    await served.send('POST', '/auth/login', undefined, { username: 'carol', password: 'not-it' })
    await served.ask('/nowhere')
    await served[Symbol.asyncDispose]()
    const entries = lines.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>)
    const requests = entries.filter(({ msg }) => msg === 'request')
    expect(requests.map(({ method, path, status }) => [method, path, status])).toEqual([
      ['POST', '/api/v1/users/me/api-keys', 201],
      ['POST', '/api/v1/knowledge', 201],
      ['GET', '/api/v1/knowledge', 200],
      ['POST', '/auth/login', 401],
      ['GET', '/nowhere', 404],
    ])
    for (const request of requests)
      expect(request).toMatchObject({
        reqId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        milliseconds: expect.any(Number),
        address: '127.0.0.1',
      })
    const text = lines.join('')
    const [, , , secret] = newKey.split('.')
    for (const hidden of [
      token,
      key,
      newKey,
      secret,
      password,
      passwordHash,
      'not-it',
      'hush',
      insight.summary,
      jwtSecret,
      apiKeyPepper,
    ])
      expect(text).not.toContain(hidden)
  })

  test('names the request as its answer does', async () => {
    const { lines, logger } = recordedLog()
    const served = await serveStore({ server: { logger } })
    const answer = await served.ask('/health')
    await served[Symbol.asyncDispose]()
    const id = answer.headers.get('x-request-id')
    expect(lines.some((line) => (JSON.parse(line) as { reqId?: string }).reqId === id)).toBe(true)
  })

  test('tells what went wrong where the answer does not', async () => {
    const { lines, logger } = recordedLog()
    await using served = await serveStore({ server: { logger } })
    await served.store.close()
    const answer = await served.ask('/api/v1/knowledge/stats')
    expect(await answer.json()).toEqual({
      detail: 'Service temporarily unavailable, please try again',
    })
    expect(lines.join('')).toContain('the store is closed')
  })
})

describe('a fault of the server', () => {
  test('is a 500 that tells nothing, and is logged', async () => {
    const { lines, logger } = recordedLog()
    await using served = await serveStore({ server: { logger } })
    Object.defineProperty(served.store, 'asText', {
      value: () => Promise.reject(new Error('a fault of this test')),
    })
    const answer = await served.ask('/api/v1/knowledge/stats')
    expect(answer.status).toBe(500)
    expect(await answer.json()).toEqual({ detail: 'Internal Server Error' })
    expect(lines.join('')).toContain('a fault of this test')
  })
})

describe('a store that refuses', () => {
  const unavailable = 'Service temporarily unavailable, please try again'

  // At a 503 agents keep what they proposed and try again; at a 4xx they drop it for good.
  test.each([
    ['overloaded', 503, unavailable],
    ['timeout', 503, unavailable],
    ['unavailable', 503, unavailable],
    ['closed', 503, unavailable],
    ['invalid', 422, 'of this test'],
    ['corrupt', 500, 'Internal Server Error'],
    ['internal', 500, 'Internal Server Error'],
  ] as const)('with %s is told as %i', async (code, status, detail) => {
    await using served = await serveStore()
    const key = await served.apiKey()
    Object.defineProperty(served.store, 'asText', {
      value: () => Promise.reject(new StoreError(code, 'of this test')),
    })
    const answer = await served.send('POST', '/propose', key, { domains: ['x'], insight })
    expect(await detailOf(answer, status)).toBe(detail)
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : null)
  })
})

test('the same fault is logged once, and then how often it came', async () => {
  const { lines, logger } = recordedLog()
  const served = await serveStore({ server: { logger } })
  Object.defineProperty(served.store, 'asText', {
    value: (_view: string, _method: string, domains: string[]) =>
      Promise.reject(new StoreError('unavailable', `the disk is full ("${domains}")`)),
  })
  for (let time = 0; time < 50; time++)
    expect((await served.ask(`/api/v1/knowledge?domains=${time}`)).status).toBe(503)
  await served[Symbol.asyncDispose]()
  const faults = lines.map((line) => JSON.parse(line)).filter(({ msg }) => /answered/.test(msg))
  expect(faults).toMatchObject([
    { msg: 'answered 503', err: { message: 'the disk is full ("0")' } },
    { msg: 'answered 503 49 more times: the disk is full ("0")', times: 49 },
  ])
})

test('a write whose outcome is unknown is not to be done again at once', async () => {
  await using served = await serveStore()
  const key = await served.apiKey()
  Object.defineProperty(served.store, 'asText', {
    value: () => Promise.reject(new StoreError('outcome_unknown', 'of this test')),
  })
  const answer = await served.send('POST', '/propose', key, { domains: ['x'], insight })
  expect(await detailOf(answer, 503)).toContain('unknown whether this took effect')
  expect(answer.headers.get('retry-after')).toBeNull()
})

describe('GET /ready', () => {
  test('tells whether the store answers', async () => {
    await using served = await serveStore()
    await served.store.query(['x'])
    const answer = await served.ask('/ready')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ status: 'ready' })
    await served.store.close()
    const later = await served.ask('/ready')
    expect(await detailOf(later, 503)).toBe('Not ready: the store is closed')
    expect(later.headers.get('retry-after')).toBe('1')
  })

  test('waits for the index of the store, and no longer than probes do', async () => {
    const opening = Latch.create('open')
    arrange({ 'open index': 'wait' })
    onTestFinished(() => arrange({}))
    await using served = await serveStore({
      store: { ...internalOptions({ operationsFile: steeredWorker }) },
    })
    await opening.arrived()
    const late = await served.ask('/ready')
    expect(await detailOf(late, 503)).toBe('Not ready: the store does not answer yet')
    expect((await served.ask('/health')).status).toBe(200)
    expect((await served.ask('/review/queue', {})).status).toBe(401)
    opening.open()
    await served.store.query(['x'])
    expect((await served.ask('/ready')).status).toBe(200)
  })
})

describe('GET /metrics', () => {
  test('tells of requests by route and status, of lanes, files and the event loop', async () => {
    await using served = await serveStore()
    await served.ask('/api/v1/knowledge?domains=a')
    await served.ask('/api/v1/knowledge')
    await served.ask('/api/v1/knowledge')
    await served.ask(`/review/ku_${'0'.repeat(32)}`)
    const answer = await served.ask('/metrics')
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const text = await answer.text()
    const requests = 'cq_http_request_duration_seconds_count'
    for (const line of [
      `${requests}{method="GET",route="/api/v1/knowledge",status="200"} 1`,
      `${requests}{method="GET",route="/api/v1/knowledge",status="422"} 2`,
      `${requests}{method="GET",route="/review/:unit_id",status="401"} 1`,
      'cq_store_lane_waiting{lane="read"} 0',
      'cq_store_lane_calls_total{lane="rank"} 2',
      'cq_store_lane_restarts_total{lane="write"} 0',
      'cq_store_lane_overloads_total{lane="write"} 0',
      'cq_store_lane_batch_calls_count{lane="rank"} 2',
      'cq_store_lane_wait_seconds_count{lane="rank"} 2',
      'cq_store_lane_run_seconds_count{lane="rank"} 2',
      'cq_store_ranking_units{ranker="1"} 0',
      'cq_store_ranking_changes{ranker="1"} 0',
    ])
      expect(text).toContain(line)
    expect(text).toMatch(/^cq_store_database_bytes \d{4,}$/m)
    expect(text).toMatch(/^cq_store_wal_bytes \d+$/m)
    expect(text).toMatch(/^cq_store_ranking_bytes\{ranker="1"\} \d+$/m)
    expect(text).toMatch(/^cq_store_ranking_load_seconds\{ranker="1"\} 0\.\d+$/m)
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m)
  })
})

describe('GET /openapi.json', () => {
  test('documents every route, its errors and what it asks for', async () => {
    await using served = await serveStore()
    const { document } = await served.documented()
    expect(document.openapi).toBe('3.1.0')
    const propose = document.paths['/api/v1/knowledge']?.post
    expect(Object.keys(propose?.responses ?? {})).toEqual([
      '201',
      '401',
      '403',
      '413',
      '422',
      '500',
      '503',
    ])
    expect(propose?.security).toEqual([{ apiKey: [] }])
    expect(propose?.requestBody).toMatchObject({
      content: { 'application/json': { schema: { required: ['domains', 'insight'] } } },
    })
    expect(document.paths['/review/queue']?.get?.security).toEqual([{ login: [] }])
    expect(document.paths['/query']?.get?.deprecated).toBe(true)
    expect(Object.keys(document.components.schemas)).toContain('KnowledgeUnit')
    for (const operations of Object.values(document.paths))
      for (const operation of Object.values(operations)) expect(operation.summary).toBeTruthy()
  })

  test('can be browsed', async () => {
    await using served = await serveStore()
    const page = await served.ask('/docs')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toMatch(/^text\/html/)
    const scripts = [...(await page.text()).matchAll(/<script src="([^"]+)"/g)]
    expect(scripts.length).toBeGreaterThan(0)
    for (const [, source = ''] of scripts) {
      const script = await fetch(new URL(source, `${served.url}/docs`))
      expect(script.status).toBe(200)
      await script.text()
    }
  })
})

test('answers carry the headers that keep browsers from guessing', async () => {
  await using served = await serveStore()
  const { headers } = await served.ask('/health')
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-security-policy':
      "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';" +
      "frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';" +
      "script-src-attr 'none';style-src 'self' https: 'unsafe-inline'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    'x-download-options': 'noopen',
    'x-frame-options': 'SAMEORIGIN',
    'x-permitted-cross-domain-policies': 'none',
    'x-xss-protection': '0',
  })
  expect(headers.get('access-control-allow-origin')).toBeNull()
})

test('what is no HTTP is answered in the shape of every refusal', async () => {
  await using served = await serveStore()
  const { hostname, port } = new URL(served.url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  socket.write('nonsense\r\n\r\n')
  await once(socket, 'close')
  expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  expect(text.split('\r\n\r\n')[1]).toBe('{"detail":"Bad Request"}')
})
