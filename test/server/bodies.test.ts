import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { detailOf, faultsOf } from './fault.ts'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let key: string
beforeAll(async () => {
  served = await serveStore()
  key = await served.apiKey('carol')
})
afterAll(() => served[Symbol.asyncDispose]())

const insight = { summary: 's', detail: 'd', action: 'a' }
const propose = (body: unknown) => served.send('POST', '/api/v1/knowledge', key, body)

test.each([
  ['POST', '/auth/login', { username: 'x'.repeat(16_384), password: 'p' }],
  ['POST', '/api/v1/knowledge/ku_x/flags', { reason: 'stale', detail: 'x'.repeat(16_384) }],
  ['POST', '/api/v1/knowledge/ku_x/confirmations', 'x'.repeat(16_384)],
])('%s %s takes no body over 16 KiB', async (method, path, body) => {
  expect(await detailOf(await served.send(method, path, key, body), 413)).toContain('too large')
})

describe('a refusal', () => {
  test('tells of a list that is too long, and not of each of its items', async () => {
    const domains = Array.from({ length: 100_000 }, () => 5)
    expect(await faultsOf(await propose({ domains, insight }))).toMatchObject([
      { type: 'too_long', loc: ['body', 'domains'], input: null },
    ])
  })

  test('tells of too many keys, and not of each of them', async () => {
    const extensions = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, 1]))
    expect(await faultsOf(await propose({ domains: ['a'], insight, extensions }))).toMatchObject([
      { type: 'too_long', loc: ['body', 'extensions'], input: null },
    ])
  })

  test.each(['confidence_min', 'confidence_max', 'limit'])(
    'of a %s of thousands of digits comes at once',
    async (name) => {
      const token = await served.login('dave')
      const text = `${'1'.repeat(15_000)}a`
      const answer = await served.send('GET', `/review/units?${name}=${text}`, token)
      expect(await faultsOf(answer)).toMatchObject([{ loc: ['query', name] }])
    },
  )
})

test('bodies of 8 MiB are held at once, and one more is turned away until there is room', async () => {
  const { port } = new URL(served.url)
  const head = (length: number) =>
    `POST /api/v1/knowledge HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\n` +
    `content-length: ${length}\r\nexpect: 100-continue\r\n\r\n`
  const open = async (): Promise<Socket> => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(head(2 ** 20))
    await once(socket, 'data')
    return socket
  }
  const sockets = await Promise.all(Array.from({ length: 8 }, open))
  // Each is past its authentication once the next request on it would be.
  const small = { domains: ['a'], insight }
  await expect.poll(async () => (await propose(small)).status).toBe(503)
  const refused = await propose(small)
  expect(refused.headers.get('retry-after')).toBe('1')
  // What needs no body is answered all the while.
  expect((await served.ask('/health')).status).toBe(200)
  for (const socket of sockets) socket.destroy()
  await expect.poll(async () => (await propose(small)).status).toBe(201)
})
