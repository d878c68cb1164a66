import { jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StoreError } from '../../src/index.ts'
import { detailOf, faultsOf } from './fault.ts'
import { jwtSecret, password, passwordHash, type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
beforeAll(async () => {
  served = await serveStore()
  await served.store.createUser('carol', passwordHash)
})
afterAll(() => served[Symbol.asyncDispose]())

const wrong = 'Invalid username or password'
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe.each(['/api/v1/auth/login', '/auth/login'])('POST %s', (path) => {
  const login = (body: unknown) => served.send('POST', path, undefined, body)

  test('gives a token that names the user, for a day', async () => {
    const answer = await login({ username: 'carol', password })
    expect(answer.status).toBe(200)
    const { token, username } = (await answer.json()) as { token: string; username: string }
    expect(username).toBe('carol')
    const { payload, protectedHeader } = await jwtVerify(token, Buffer.from(jwtSecret))
    expect(protectedHeader.alg).toBe('HS256')
    expect(payload).toEqual({
      sub: 'carol',
      account: expect.stringMatching(/^[0-9a-f]{64}$/),
      generation: 0,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: expect.any(Number),
      exp: (payload.iat as number) + 86_400,
    })
  })

  test.each([
    ['a wrong password', { username: 'carol', password: 'wrong' }],
    ['an unknown user', { username: 'nobody', password }],
    ['a name in another case', { username: 'Carol', password }],
    ['empty texts', { username: '', password: '' }],
    ['a password longer than bcrypt looks at', { username: 'carol', password: 'x'.repeat(73) }],
    [
      'a password of 72 bytes and more behind them',
      { username: 'carol', password: `${password}${'x'.repeat(72)}` },
    ],
  ])('refuses %s, and never tells why', async (_name, body) => {
    expect(await detailOf(await login(body), 401)).toBe(wrong)
  })

  test('names what is missing, and shows no password', async () => {
    const answer = await login({ password: 'geheim', user: 'carol' })
    expect(await answer.clone().text()).not.toContain('geheim')
    expect(await faultsOf(answer)).toMatchObject([{ type: 'missing', loc: ['body', 'username'] }])
    const number = await login({ username: 'carol', password: 123_456 })
    expect(await number.clone().text()).not.toContain('123456')
    expect(await faultsOf(number)).toMatchObject([
      { type: 'string_type', loc: ['body', 'password'] },
    ])
  })

  test('refuses texts that no database can hold', async () => {
    expect(await faultsOf(await login({ username: 'a\0b', password: '\ud800' }))).toHaveLength(2)
  })
})

describe('failed logins', () => {
  const attempt = (server: ServedStore, username: string, pass: string, from?: string) =>
    server.ask('/api/v1/auth/login', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(from !== undefined && { 'x-forwarded-for': from }),
      },
      body: JSON.stringify({ username, password: pass }),
    })

  test('are counted by name, and after too many even the right password has to wait', async () => {
    await using other = await serveStore({ server: { loginFailures: 3 } })
    await other.store.createUser('carol', passwordHash)
    await other.store.createUser('dave', passwordHash)
    expect((await attempt(other, 'carol', password)).status).toBe(200)
    for (const _ of [1, 2, 3]) expect((await attempt(other, 'carol', 'wrong')).status).toBe(401)
    const refused = await attempt(other, 'carol', password)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeOneOf(range(1, 60))
    expect((await attempt(other, 'dave', password)).status).toBe(200)
  })

  test('wait in turns, so that those of one address keep nobody else waiting', async () => {
    await using other = await serveStore({ server: { trustProxy: '127.0.0.1' } })
    await other.store.createUser('carol', passwordHash)
    const order: string[] = []
    const wrong = Array.from({ length: 60 }, async (_, index) => {
      const { status } = await attempt(other, `user-${index}`, 'wrong', '10.0.0.1')
      order.push(String(status))
    })
    const right = attempt(other, 'carol', password, '10.0.0.2').then(({ status }) => {
      order.push(`right ${status}`)
    })
    await Promise.all([...wrong, right])
    // Two are checked at once, and one may have had its turn before.
    const checked = order.filter((status) => status !== '503')
    expect(checked.indexOf('right 200')).toBeLessThan(6)
    expect(checked).toHaveLength(2 + 16 + 1)
  })

  test('do not count where the store could not tell', async () => {
    await using other = await serveStore({ server: { loginFailures: 1 } })
    await other.store.createUser('carol', passwordHash)
    const { getSessionUser } = other.store
    Object.defineProperty(other.store, 'getSessionUser', {
      configurable: true,
      value: () => Promise.reject(new StoreError('overloaded', 'of this test')),
    })
    for (const _ of [1, 2]) expect((await attempt(other, 'carol', password)).status).toBe(503)
    Object.defineProperty(other.store, 'getSessionUser', { value: getSessionUser })
    expect((await attempt(other, 'carol', password)).status).toBe(200)
  })

  test('that come at once are counted too', async () => {
    await using other = await serveStore({ server: { loginFailures: 3 } })
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => attempt(other, 'nobody', 'wrong')),
    )
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([401, 401, 401, 429, 429, 429, 429, 429])
  })

  test('are counted by address, which only a trusted proxy may tell', async () => {
    await using direct = await serveStore({ server: { loginFailures: 1 } })
    expect((await attempt(direct, 'nobody', 'x', '10.0.0.1')).status).toBe(401)
    expect((await attempt(direct, 'nobody', 'x', '10.0.0.2')).status).toBe(429)
    await using proxied = await serveStore({
      server: { loginFailures: 1, trustProxy: '127.0.0.1' },
    })
    expect((await attempt(proxied, 'nobody', 'x', '10.0.0.1')).status).toBe(401)
    expect((await attempt(proxied, 'nobody', 'x', '10.0.0.2')).status).toBe(401)
    expect((await attempt(proxied, 'nobody', 'x', '10.0.0.2')).status).toBe(429)
  })
})
