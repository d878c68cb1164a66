import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { detailOf } from './fault.ts'
import { jwtSecret, passwordHash, type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let session: string
let apiKey: string
/** Credentials that open nothing, by what is wrong with them. */
const bad: Record<string, string | undefined> = {}

const id = `ku_${'0'.repeat(32)}`
const legacy = (path: string) => [path, `/api/v1${path}`]

/** Every route that asks for an API key. */
const keyRoutes = [
  'POST /api/v1/knowledge',
  `POST /api/v1/knowledge/${id}/confirmations`,
  `POST /api/v1/knowledge/${id}/flags`,
  ...['/propose', `/confirm/${id}`, `/flag/${id}`].flatMap(legacy).map((path) => `POST ${path}`),
]
/** Every route that asks for a login, and refuses users who are gone. */
const userRoutes = [
  ...['/review/queue', '/review/stats', '/review/units', `/review/${id}`]
    .flatMap(legacy)
    .map((path) => `GET ${path}`),
  ...[`/review/${id}/approve`, `/review/${id}/reject`]
    .flatMap(legacy)
    .map((path) => `POST ${path}`),
  `DELETE /api/v1/review/${id}`,
  `PATCH /api/v1/review/${id}`,
  `GET /api/v1/review/${id}/history`,
  `GET /api/v1/review/${id}/similar`,
  ...['browse', 'count', 'decisions', 'insights'].map((name) => `GET /api/v1/review/${name}`),
  'POST /api/v1/review/decisions',
  'POST /api/v1/auth/logout',
]
/** Every route about oneself, which tells users who are gone that they are. */
const meRoutes = [
  ...['/auth/me', '/auth/api-keys'].flatMap(legacy).map((path) => `GET ${path}`),
  ...['/auth/api-keys', '/auth/api-keys/none/revoke'].flatMap(legacy).map((path) => `POST ${path}`),
  'GET /api/v1/users/me',
  'GET /api/v1/users/me/api-keys',
  'POST /api/v1/users/me/api-keys',
  'POST /api/v1/users/me/api-keys/none/revoke',
]
const openRoutes = [
  'GET /health',
  'GET /api/v1/health',
  'GET /ready',
  'GET /api/v1/knowledge',
  'GET /api/v1/knowledge/search',
  'GET /api/v1/knowledge/stats',
  ...['/query', '/stats'].flatMap(legacy).map((path) => `GET ${path}`),
  ...legacy('/auth/login').map((path) => `POST ${path}`),
  'GET /api/v1/oauth/providers',
  'POST /api/v1/oauth/native/start',
  'POST /api/v1/oauth/native/exchange',
  'GET /api/v1/oauth/native/authorize',
  'POST /api/v1/oauth/native/authorize',
]
/** Open, but for a wrong key; some of its tools ask for one, see `mcp.test.ts`. */
const mcpRoute = 'POST /mcp'

function sign(claims: object, secret = jwtSecret, alg = 'HS256'): Promise<string> {
  return new SignJWT({ ...claims }).setProtectedHeader({ alg }).sign(Buffer.from(secret))
}

beforeAll(async () => {
  served = await serveStore()
  session = await served.login('carol')
  apiKey = await served.apiKey('carol')
  const now = Math.floor(Date.now() / 1000)
  const revoked = await served.apiKey('carol')
  const carol = (await served.store.getUser('carol'))?.id as number
  await served.store.revokeApiKey({ userId: carol, keyId: revoked.split('.')[2] as string })
  const orphan = await served.apiKey('gone')
  await served.store.removeUser('gone')
  const [header, payload, signature] = session.split('.')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  Object.assign(bad, {
    'no header': undefined,
    'an empty header': '',
    'another scheme': `Basic ${Buffer.from('carol:x').toString('base64')}`,
    'a scheme in lower case': `bearer ${session}`,
    'a scheme without a space': `Bearer${session}`,
    'no token': 'Bearer ',
    'a token that is none': 'Bearer nonsense',
    'a second space': `Bearer  ${session}`,
    'a token that has expired': `Bearer ${await sign({ sub: 'carol', iat: now - 90_000, exp: now - 1 })}`,
    'a token without an end': `Bearer ${await sign({ sub: 'carol', iat: now })}`,
    'a token of nobody': `Bearer ${await sign({ exp: now + 60 })}`,
    'a token of a number': `Bearer ${await sign({ sub: 5, exp: now + 60 })}`,
    'a token under another secret': `Bearer ${await sign({ sub: 'carol', exp: now + 60 }, 'another')}`,
    'a token of another algorithm': `Bearer ${await sign({ sub: 'carol', exp: now + 60 }, jwtSecret, 'HS512')}`,
    'a token that nobody signed': `Bearer ${none}.${payload}.`,
    'a token that was changed': `Bearer ${header}.${payload}x.${signature}`,
    'a key that has expired': `Bearer ${await served.apiKey('carol', -1)}`,
    'a key that was revoked': `Bearer ${revoked}`,
    'a key of a user who is gone': `Bearer ${orphan}`,
    'a key with another secret': `Bearer ${apiKey.slice(0, -1)}b`,
    'a key in upper case': `Bearer ${apiKey.toUpperCase()}`,
    'a key of another version': `Bearer ${apiKey.replace('v1', 'v2')}`,
    'a key with a fifth part': `Bearer ${apiKey}.x`,
    'a key whose id has hyphens': `Bearer ${apiKey.replace(/\.(.{8})(.{24})\./, '.$1-$2.')}`,
    'a key whose id is empty': 'Bearer cqa.v1..x',
  })
})
afterAll(() => served[Symbol.asyncDispose]())

const names = [
  'no header',
  'an empty header',
  'another scheme',
  'a scheme in lower case',
  'a scheme without a space',
  'no token',
  'a token that is none',
  'a second space',
  'a token that has expired',
  'a token without an end',
  'a token of nobody',
  'a token of a number',
  'a token under another secret',
  'a token of another algorithm',
  'a token that nobody signed',
  'a token that was changed',
  'a key that has expired',
  'a key that was revoked',
  'a key of a user who is gone',
  'a key with another secret',
  'a key in upper case',
  'a key of another version',
  'a key with a fifth part',
  'a key whose id has hyphens',
  'a key whose id is empty',
]
/** Headers that are not taken for a bearer's at all: white space at the end is none of a header. */
const notBearer = names.slice(0, 6)

function ask(route: string, authorization: string | undefined, body?: string): Promise<Response> {
  const [method = '', path = ''] = route.split(' ')
  return served.ask(path, {
    method,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
  })
}

test('the list of bad credentials is whole', () => {
  expect(Object.keys(bad)).toEqual(names)
})

test('every route of the document is in one of the lists', async () => {
  const { document } = await served.documented()
  const filled = (path: string) => path.replace('{unit_id}', id).replace('{key_id}', 'none')
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${filled(path)}`),
  )
  const listed = [...keyRoutes, ...userRoutes, ...meRoutes, ...openRoutes, mcpRoute, 'GET /metrics']
  expect(routes.sort()).toEqual(listed.sort())
})

describe.each(keyRoutes)('%s', (route) => {
  test.each([...names, 'a login'])('refuses %s, and never tells why', async (name) => {
    const credential = name === 'a login' ? `Bearer ${session}` : bad[name]
    // Before it looks at the body, which is no JSON.
    const answer = await ask(route, credential, '{')
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(await detailOf(answer, 401)).toBe('Invalid API key')
  })

  test('takes an API key', async () => {
    expect([404, 422]).toContain((await ask(route, `Bearer ${apiKey}`, '{')).status)
  })
})

describe(mcpRoute, () => {
  test.each([...names.slice(1), 'a login'])('refuses %s', async (name) => {
    const credential = name === 'a login' ? `Bearer ${session}` : bad[name]
    const answer = await ask(mcpRoute, credential, '{')
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(await answer.json()).toMatchObject({ error: { message: 'Invalid API key' } })
  })

  test('takes an API key, or none', async () => {
    for (const credential of [`Bearer ${apiKey}`, undefined])
      expect((await ask(mcpRoute, credential, '{')).status).toBe(400)
  })
})

describe.each([...userRoutes, ...meRoutes])('%s', (route) => {
  const body = route.startsWith('POST') ? '{' : undefined

  test.each([...names, 'an API key'])('refuses %s', async (name) => {
    const credential = name === 'an API key' ? `Bearer ${apiKey}` : bad[name]
    const detail = notBearer.includes(name)
      ? 'Missing or invalid authorization header'
      : 'Invalid or expired token'
    expect(await detailOf(await ask(route, credential, body), 401)).toBe(detail)
  })

  test('takes a login', async () => {
    // Its own, which the route may end.
    const login = `Bearer ${await served.login('carol')}`
    expect([200, 404, 422]).toContain((await ask(route, login, body)).status)
  })
})

describe('a login whose user is gone', () => {
  let gone: string
  beforeAll(async () => {
    gone = `Bearer ${await served.login('leaver')}`
    await served.store.removeUser('leaver')
  })

  test.each(userRoutes)('opens %s no more', async (route) => {
    expect(await detailOf(await ask(route, gone), 401)).toBe('Invalid or expired token')
  })

  test.each(meRoutes.filter((route) => !/POST .*api-keys$/.test(route)))(
    'is told so by %s',
    async (route) => {
      expect(await detailOf(await ask(route, gone), 404)).toBe('User not found')
    },
  )
})

test.each([
  [
    'removed, and another one has the name',
    // Which says nothing that could be compared, but when it was issued, to the second.
    200,
    async (name: string) => {
      await served.store.removeUser(name)
      await served.store.createUser(name, passwordHash)
    },
  ],
  [
    'given another password',
    401,
    (name: string) => served.store.setPassword(name, `${passwordHash.slice(0, -1)}x`),
  ],
])('a login opens nothing once its user is %s', async (_what, oldStatus, change) => {
  const name = `user-${randomUUID()}`
  const [token, old] = [`Bearer ${await served.login(name)}`, await oldLogin(name)]
  for (const login of [token, old])
    expect((await ask('GET /api/v1/users/me', login)).status).not.toBe(401)
  await change(name)
  for (const route of [...userRoutes, ...meRoutes])
    expect(await detailOf(await ask(route, token), 401)).toBe('Invalid or expired token')
  expect((await ask('GET /api/v1/users/me', old)).status).toBe(oldStatus)
})

test.each(openRoutes)('%s asks for no credential', async (route) => {
  expect([200, 422]).toContain((await ask(route, undefined)).status)
})

/** As the reference server gives it. */
async function oldLogin(name: string, secondsAgo = 0): Promise<string> {
  const now = Math.floor(Date.now() / 1000) - secondsAgo
  return `Bearer ${await sign({ sub: name, iat: now, exp: now + 86_400 })}`
}

test('a login of the reference server opens, if the secret is the same', async () => {
  expect((await ask('GET /api/v1/users/me', await oldLogin('carol'))).status).toBe(200)
})

test('a login of the reference server opens no account that was made after it', async () => {
  const name = `user-${randomUUID()}`
  await served.store.createUser(name, passwordHash)
  const [before, after] = [await oldLogin(name, 60), await oldLogin(name)]
  expect((await ask('GET /api/v1/users/me', after)).status).toBe(200)
  expect((await ask('GET /api/v1/users/me', before)).status).toBe(401)
})
