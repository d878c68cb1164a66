import { createHash, randomBytes } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from '../../src/server/server.ts'
import { TestClock } from '../store/samples.ts'
import { detailOf, faultsOf } from './fault.ts'
import { recordedLog } from './recorded-log.ts'
import {
  apiKeyPepper,
  jwtSecret,
  password,
  passwordHash,
  type ServedStore,
  serveStore,
} from './served-store.ts'

const clock = new TestClock('2026-11-22T12:00:00.123Z')
let served: ServedStore
beforeAll(async () => {
  served = await serveStore({ now: clock.now })
  await served.store.createUser('carol', passwordHash)
})
afterAll(() => served[Symbol.asyncDispose]())

const loopback = 'http://127.0.0.1:8123/cb/token'
const page = '/api/v1/oauth/native/authorize'
const formType = 'application/x-www-form-urlencoded'

const newVerifier = () => randomBytes(48).toString('base64url')
const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url')

function start(parts: Record<string, unknown> = {}, on = served): Promise<Response> {
  return on.send('POST', '/api/v1/oauth/native/start', undefined, {
    provider: 'password',
    code_challenge: challengeOf(newVerifier()),
    redirect_uri: loopback,
    ...parts,
  })
}

async function requestFor(parts: Record<string, unknown> = {}, on = served): Promise<string> {
  const answer = await start(parts, on)
  expect(answer.status).toBe(200)
  const { authorization_url } = (await answer.json()) as { authorization_url: string }
  return new URL(authorization_url).searchParams.get('request') as string
}

function submit(
  fields: Record<string, string>,
  headers: Record<string, string> = {},
  on = served,
): Promise<Response> {
  return fetch(on.url + page, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': formType, ...headers },
    body: new URLSearchParams(fields),
  })
}

/** The address that the browser is sent to by somebody who signs in. */
async function signIn(parts: Record<string, unknown> = {}, username = 'carol'): Promise<string> {
  const answer = await submit({ request: await requestFor(parts), username, password })
  expect(answer.status).toBe(303)
  return answer.headers.get('location') as string
}

async function newCode(verifier: string, username = 'carol'): Promise<string> {
  const address = await signIn({ code_challenge: challengeOf(verifier) }, username)
  return new URL(address).searchParams.get('exchange_code') as string
}

function exchange(exchange_code: string, code_verifier: string, on = served): Promise<Response> {
  const body = { exchange_code, code_verifier }
  return on.send('POST', '/api/v1/oauth/native/exchange', undefined, body)
}

async function tokenOf(answer: Response): Promise<string> {
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { access_token: string }).access_token
}

const newToken = async (username = 'carol') => {
  const verifier = newVerifier()
  return tokenOf(await exchange(await newCode(verifier, username), verifier))
}
const me = async (token: string, on = served) =>
  (await on.send('GET', '/api/v1/users/me', token)).status
const logOut = (token: string, query = '') =>
  served.send('POST', `/api/v1/auth/logout${query}`, token)

async function freshUser(): Promise<string> {
  const username = `user-${randomBytes(8).toString('hex')}`
  await served.store.createUser(username, passwordHash)
  return username
}

test('the only provider is the server itself', async () => {
  const answer = await served.send('GET', '/api/v1/oauth/providers')
  expect(await answer.json()).toEqual({
    providers: [{ name: 'password', display_name: 'cq-store', enabled: true }],
  })
})

describe('start', () => {
  test('answers the whole address of the page', async () => {
    const { authorization_url } = (await (await start()).json()) as { authorization_url: string }
    const { origin, pathname, searchParams } = new URL(authorization_url)
    expect({ origin, pathname }).toEqual({ origin: served.url, pathname: page })
    expect([...searchParams.keys()]).toEqual(['request'])
  })

  test('goes by the host that was asked, and by the prefix that a proxy stripped', async () => {
    const server = await createServer({
      store: served.store,
      jwtSecret,
      apiKeyPepper,
      prefix: '/own',
      trustProxy: true,
    })
    const ask = async (headers: Record<string, string>) => {
      const answer = await server.inject({
        method: 'POST',
        url: '/own/api/v1/oauth/native/start',
        headers,
        payload: {
          provider: 'password',
          code_challenge: challengeOf(newVerifier()),
          redirect_uri: loopback,
        },
      })
      return [answer.statusCode, String(answer.json().authorization_url).split('?', 1)[0]]
    }
    expect(await ask({ host: 'cq.example:81' })).toEqual([200, `http://cq.example:81/own${page}`])
    expect(await ask({ host: '[::1]:81' })).toEqual([200, `http://[::1]:81/own${page}`])
    expect(
      await ask({
        host: 'inner',
        'x-forwarded-host': 'cq.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-prefix': '/team',
      }),
    ).toEqual([200, `https://cq.example/team/own${page}`])
    for (const odd of ['//evil.example', '@evil.example', '/a/../b', '/a?b', 'a'])
      expect(await ask({ host: 'cq.example', 'x-forwarded-prefix': odd })).toEqual([
        200,
        `http://cq.example/own${page}`,
      ])
    for (const odd of ['a/b', 'a@b', 'a?b', 'a#b', 'a b'])
      expect(await ask({ host: odd })).toEqual([422, 'undefined'])
    await server.close()
  })

  test.each(['github', '', 'Password', "pass'word"])('knows no provider %j', async (provider) => {
    expect(await detailOf(await start({ provider }), 422)).toBe(
      `Unknown provider '${provider}': there is only 'password'`,
    )
  })

  test.each(['', 'short', 'x'.repeat(44), `${'x'.repeat(42)}=`, `${'x'.repeat(42)}+`])(
    'refuses the challenge %j',
    async (code_challenge) => {
      expect(await detailOf(await start({ code_challenge }), 422)).toBe(
        'code_challenge must be a SHA-256 hash in base64url',
      )
    },
  )

  test('says what is missing or too long', async () => {
    expect(await faultsOf(await start({ redirect_uri: undefined }))).toMatchObject([
      { type: 'missing', loc: ['body', 'redirect_uri'] },
    ])
    const long = `${loopback}${'x'.repeat(500)}`
    expect(await faultsOf(await start({ redirect_uri: long }))).toHaveLength(1)
  })

  test.each([
    'http://127.0.0.1',
    'http://127.0.0.1/',
    'http://127.0.0.1:1/a/b?c=d&e=%20',
    'http://127.0.0.1?a',
    'http://localhost:65535/callback',
    'http://[::1]:8123/callback',
    'http://[::1]',
  ])('takes %s', async (redirect_uri) => {
    expect((await start({ redirect_uri })).status).toBe(200)
  })

  test.each([
    '',
    '/callback',
    '//127.0.0.1/',
    'javascript:alert(1)',
    'data:text/html,hello',
    'cq://127.0.0.1/',
    'https://127.0.0.1:8123/',
    'HTTP://127.0.0.1/',
    'http:127.0.0.1/',
    'http:/127.0.0.1/',
    'http:\\\\127.0.0.1/',
    'http://127.0.0.1.evil.com/',
    'http://127.0.0.1evil.com/',
    'http://127.0.0.1@evil.com/',
    'http://127.0.0.1:80@evil.com/',
    'http://127.0.0.1:@evil.com/',
    'http://127.0.0.1\\@evil.com/',
    'http://127.0.0.1/\\@evil.com/',
    'http://127.0.0.1#@evil.com/',
    'http://127.0.0.1%2eevil.com/',
    'http://127.0.0.1。evil.com/',
    'http://evil.com/?http://127.0.0.1/',
    'http://evil.com#http://127.0.0.1/',
    'http://user@127.0.0.1/',
    'http://user:word@127.0.0.1/',
    'http://localhost.evil.com/',
    'http://evil.localhost/',
    'http://localhost./',
    'http://0.0.0.0/',
    'http://127.1/',
    'http://127.0.0.2/',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://[::]/',
    'http://[::1%25lo]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::1].evil.com/',
    'http://::1/',
    'http://127.0.0.1:0/',
    'http://127.0.0.1:65536/',
    'http://127.0.0.1:x/',
    'http://127.0.0.1/#fragment',
    'http://127.0.0.1/#',
    'http://127.0.0.1/ space',
    'http://127.0.0.1/\r\nx: y',
    ' http://127.0.0.1/',
    'http://127.0.0.1/\t',
    'http://127.0.0.1/é',
    'http://127.0.0.1/\n',
  ])('refuses to bring a code to %j', async (redirect_uri) => {
    expect(await detailOf(await start({ redirect_uri }), 422)).toContain(
      'redirect_uri must be an address of this computer',
    )
  })
})

describe('the page', () => {
  const open = (request: string) => fetch(`${served.url}${page}?request=${request}`)

  test('asks for a name and a password, for the program that waits', async () => {
    const answer = await open(await requestFor())
    expect(answer.status).toBe(200)
    const html = await answer.text()
    expect(html).toContain('A program on this computer wants to sign in as you.')
    expect(html).toContain('<strong>127.0.0.1:8123</strong>')
    expect(html).not.toContain('<script')
  })

  test.each([
    [loopback, 'http://127.0.0.1:8123'],
    ['http://localhost/a', 'http://localhost'],
    // A policy cannot name an IPv6 address.
    ['http://[::1]:8123/a', 'http:'],
  ])('is framed by nobody, loads nothing, and leads to %s only', async (redirect_uri, source) => {
    const { headers } = await open(await requestFor({ redirect_uri }))
    expect(headers.get('content-security-policy')?.split(';')).toEqual([
      "default-src 'none'",
      expect.stringMatching(/^style-src 'sha256-[\w+/]{43}='$/),
      "base-uri 'none'",
      `form-action 'self' ${source}`,
      "frame-ancestors 'none'",
    ])
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    })
  })

  test('is open for ten minutes', async () => {
    const request = await requestFor()
    clock.advance(599_000)
    expect((await open(request)).status).toBe(200)
    clock.advance(1_000)
    const answer = await open(request)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await answer.text()).toContain('Start again: cq auth login')
    const late = await submit({ request, username: 'carol', password })
    expect(late.status).toBe(400)
    expect(late.headers.get('location')).toBeNull()
  })

  test('opens for no other token than that of a start', async () => {
    const [header, payload, signature] = (await requestFor()).split('.')
    const now = Math.floor(clock.now().getTime() / 1000)
    const sign = (claims: object, secret = jwtSecret) =>
      new SignJWT({ code_challenge: 'x'.repeat(43), exp: now + 60, ...claims })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from(secret))
    const aud = 'cq-store sign-in page'
    expect((await open(await sign({ aud, redirect_uri: loopback }))).status).toBe(200)
    for (const odd of [
      '',
      'x',
      `${header}.${payload}x.${signature}`,
      `${header}.${payload}.`,
      await served.login('carol'),
      await sign({ aud, redirect_uri: loopback }, 'another secret'),
      await sign({ redirect_uri: loopback }),
      await sign({ aud: 'another', redirect_uri: loopback }),
      await sign({ aud, redirect_uri: 'https://evil.com/' }),
      await sign({ aud, redirect_uri: loopback, code_challenge: 5 }),
      await sign({ aud, redirect_uri: loopback, exp: undefined }),
    ]) {
      expect((await open(odd)).status, odd).toBe(400)
      const { status } = await submit({ request: odd, username: 'carol', password })
      expect(status, odd).toBe(400)
    }
    for (const odd of ['', '?', `?request=${'x'.repeat(4_097)}`])
      expect((await fetch(served.url + page + odd)).status).toBe(422)
  })

  test('its token opens nothing as a login', async () => {
    expect(await me(await requestFor())).toBe(401)
    const sub = await new SignJWT({ sub: 'carol', aud: 'cq-store sign-in page' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(Math.floor(clock.now().getTime() / 1000) + 60)
      .sign(Buffer.from(jwtSecret))
    expect(await me(sub)).toBe(401)
  })

  test.each(['PUT', 'PATCH', 'DELETE'])('refuses %s', async (method) => {
    expect((await fetch(served.url + page, { method })).status).toBe(405)
  })
})

describe('the form', () => {
  test('sends the browser to the program with a code, and keeps the query', async () => {
    expect(await signIn()).toMatch(
      /^http:\/\/127\.0\.0\.1:8123\/cb\/token\?exchange_code=[\w-]{43}$/,
    )
    const redirect_uri = 'http://localhost:1?a=b%20c&d'
    expect(await signIn({ redirect_uri })).toMatch(
      /^http:\/\/localhost:1\?a=b%20c&d&exchange_code=[\w-]{43}$/,
    )
  })

  test.each([
    ['a wrong password', 'carol', 'wrong'],
    ['an unknown user', 'nobody', 'wrong'],
    ['nothing', '', ''],
    ['a password that is too long', 'carol', 'x'.repeat(100)],
  ])('shows itself again for %s, without the password', async (_what, username, wrong) => {
    const request = await requestFor()
    const answer = await submit({ request, username, password: wrong })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('location')).toBeNull()
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    const html = await answer.text()
    expect(html).toContain('<p role="alert" id="error">Invalid username or password</p>')
    expect(html).toContain(`name="username" value="${username}"`)
    expect(html).toContain(`value="${request}"`)
    if (wrong !== '') expect(html).not.toContain(wrong)
  })

  test('spells out what was typed, and runs none of it', async () => {
    const username = `"><script>alert('1')</script>&`
    const answer = await submit({ request: await requestFor(), username, password: 'x' })
    const html = await answer.text()
    expect(html).toContain('value="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;"')
    expect(html).not.toContain('<script')
  })

  test('says what is wrong with it, as a page', async () => {
    const request = await requestFor()
    for (const [fields, headers] of [
      [{ request }, {}],
      [{ username: 'carol', password }, {}],
      [{ request, username: 'carol', password }, { 'content-type': 'application/json' }],
      [{ request, username: 'carol', password }, { 'content-type': 'text/plain' }],
    ] as [Record<string, string>, Record<string, string>][]) {
      const answer = await submit(fields, headers)
      expect(answer.status).toBe(422)
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(await answer.text()).not.toContain(password)
    }
    const large = await submit({ request, username: 'carol', password: 'x'.repeat(20_000) })
    expect(large.status).toBe(413)
  })

  test.each(['cross-site', 'same-site'])('takes nothing from a page that is %s', async (site) => {
    const fields = { request: await requestFor(), username: 'carol', password }
    expect((await submit(fields, { 'sec-fetch-site': site })).status).toBe(403)
    expect((await submit(fields, { 'sec-fetch-site': 'same-origin' })).status).toBe(303)
  })

  test('shares the limit of failed logins', async () => {
    await using own = await serveStore({ now: clock.now, server: { loginFailures: 2 } })
    await own.store.createUser('carol', passwordHash)
    const request = await requestFor({}, own)
    const attempt = (word: string) =>
      submit({ request, username: 'carol', password: word }, {}, own)
    expect((await attempt('wrong')).status).toBe(401)
    const body = { username: 'carol', password: 'wrong' }
    expect((await own.send('POST', '/api/v1/auth/login', undefined, body)).status).toBe(401)
    const answer = await attempt(password)
    expect(answer.status).toBe(429)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await answer.text()).toContain('Too many failed logins, please try again later')
  })

  test('is there without the dashboard, too', async () => {
    await using own = await serveStore({ now: clock.now, server: { dashboard: false } })
    const request = await requestFor({}, own)
    expect((await fetch(`${own.url}${page}?request=${request}`)).status).toBe(200)
  })
})

describe('exchange', () => {
  test('gives a token as a login does, once', async () => {
    const verifier = newVerifier()
    const code = await newCode(verifier)
    const answer = await exchange(code, verifier)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const token = await tokenOf(answer)
    const currentDate = clock.now()
    const { payload } = await jwtVerify(token, Buffer.from(jwtSecret), { currentDate })
    expect(payload).toEqual({
      sub: 'carol',
      account: expect.stringMatching(/^[0-9a-f]{64}$/),
      generation: 0,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: expect.any(Number),
      exp: (payload.iat as number) + 86_400,
    })
    expect(await me(token)).toBe(200)
    expect(await detailOf(await exchange(code, verifier), 400)).toBe('invalid_grant')
  })

  test('gives one token where several ask at once', async () => {
    const verifier = newVerifier()
    const code = await newCode(verifier)
    const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(code, verifier)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(400)])
  })

  test('refuses a wrong verifier, and then the right one, too', async () => {
    const verifier = newVerifier()
    for (const wrong of [newVerifier(), '', challengeOf(verifier), `${verifier}x`]) {
      const code = await newCode(verifier)
      expect(await detailOf(await exchange(code, wrong), 400)).toBe('invalid_grant')
      expect(await detailOf(await exchange(code, verifier), 400)).toBe('invalid_grant')
    }
  })

  test('refuses a code of nobody, and says what is missing', async () => {
    for (const code of ['', 'x', newVerifier()])
      expect(await detailOf(await exchange(code, newVerifier()), 400)).toBe('invalid_grant')
    const path = '/api/v1/oauth/native/exchange'
    expect(await faultsOf(await served.send('POST', path, undefined, {}))).toHaveLength(2)
  })

  test('refuses a code after a minute', async () => {
    const verifier = newVerifier()
    const [early, late] = [await newCode(verifier), await newCode(verifier)]
    clock.advance(59_999)
    expect((await exchange(early, verifier)).status).toBe(200)
    clock.advance(1)
    expect(await detailOf(await exchange(late, verifier), 400)).toBe('invalid_grant')
  })

  test.each([
    ['logged out on all devices', (name: string) => served.store.endSessions(name)],
    ['got another password', (name: string) => served.store.setPassword(name, 'hash')],
    ['was removed', (name: string) => served.store.removeUser(name)],
  ])('refuses the code of a user who %s', async (_what, act) => {
    const username = await freshUser()
    const verifier = newVerifier()
    const code = await newCode(verifier, username)
    await act(username)
    expect(await detailOf(await exchange(code, verifier), 400)).toBe('invalid_grant')
  })
})

describe('log out', () => {
  test('ends the one session', async () => {
    const [one, other] = [await newToken(), await served.login('carol')]
    const answer = await logOut(one)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ message: 'Logged out.' })
    expect(await detailOf(await logOut(one), 401)).toBe('Invalid or expired token')
    expect([await me(one), await me(other)]).toEqual([401, 200])
  })

  test('ends it however its signature is spelled', async () => {
    const token = await newToken()
    await logOut(token)
    // The last character has bits that belong to no byte.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const last of alphabet) expect(await me(token.slice(0, -1) + last)).toBe(401)
  })

  test('ends all sessions, but none that begins afterwards', async () => {
    const username = await freshUser()
    const [one, other] = [await newToken(username), await served.login(username)]
    const answer = await logOut(one, '?all_devices=true')
    expect(await answer.json()).toEqual({ message: 'Logged out on all devices.' })
    // In the same second.
    const later = [await newToken(username), await served.login(username)]
    expect([await me(one), await me(other)]).toEqual([401, 401])
    for (const token of later) expect(await me(token)).toBe(200)
    expect(await me(await served.login('carol'))).toBe(200)
  })

  test('ends only this one where all_devices is false, and asks for a boolean', async () => {
    const username = await freshUser()
    const [one, other] = [await newToken(username), await newToken(username)]
    expect(await faultsOf(await logOut(one, '?all_devices=maybe'))).toHaveLength(1)
    await logOut(one, '?all_devices=false')
    expect([await me(one), await me(other)]).toEqual([401, 200])
  })

  test.each([
    ['alone', ''],
    ['with all others', '?all_devices=true'],
  ])('ends a login of the reference server, %s', async (_how, query) => {
    const username = await freshUser()
    const issued = Math.floor(clock.now().getTime() / 1000)
    const sign = (iat: number | undefined) =>
      new SignJWT({ sub: username, ...(iat !== undefined && { iat }), exp: issued + 3600 })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .sign(Buffer.from(jwtSecret))
    const [token, undated] = [await sign(issued), await sign(undefined)]
    expect([await me(token), await me(undated)]).toEqual([200, 200])
    await logOut(token, query)
    expect(await me(token)).toBe(401)
    expect(await me(undated)).toBe(query === '' ? 200 : 401)
    // Whoever logs in there after that is not logged out.
    expect(await me(await sign(issued + 1))).toBe(200)
  })

  test('is known to every server that shares the store', async () => {
    const options = { store: served.store, jwtSecret, apiKeyPepper }
    const other = await createServer(options)
    const token = await served.login('carol')
    const status = async () =>
      (
        await other.inject({
          url: '/api/v1/users/me',
          headers: { authorization: `Bearer ${token}` },
        })
      ).statusCode
    await logOut(token)
    expect(await status()).toBe(401)
    await other.close()
  })

  test('tells a user who was removed that the session is over', async () => {
    const username = await freshUser()
    const token = await newToken(username)
    await served.store.removeUser(username)
    expect(await detailOf(await logOut(token), 401)).toBe('Invalid or expired token')
  })
})

test('nothing is logged that opens anything', async () => {
  const { lines, logger } = recordedLog()
  await using own = await serveStore({ now: clock.now, server: { logger } })
  await own.store.createUser('carol', passwordHash)
  const verifier = newVerifier()
  const request = await requestFor({ code_challenge: challengeOf(verifier) }, own)
  await fetch(`${own.url}${page}?request=${request}`)
  await submit({ request, username: 'carol', password: 'the wrong one' }, {}, own)
  const answer = await submit({ request, username: 'carol', password }, {}, own)
  const address = new URL(answer.headers.get('location') as string)
  const code = address.searchParams.get('exchange_code') as string
  const token = await tokenOf(await exchange(code, verifier, own))
  await exchange(code, verifier, own)
  await own.send('POST', '/api/v1/auth/logout', token)
  const log = lines.join('')
  expect(log).toContain(page)
  for (const secret of [request, password, 'the wrong one', code, verifier, token])
    expect(log).not.toContain(secret)
})
