import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { detailOf, faultsOf } from './fault.ts'
import { apiKeyPepper, passwordHash, type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let token: string
beforeAll(async () => {
  served = await serveStore()
  token = await served.login('carol')
})
afterAll(() => served[Symbol.asyncDispose]())

interface Key {
  readonly id: string
  readonly prefix: string
  readonly token: string
  readonly [name: string]: unknown
}

const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/)

async function keyOf(answer: Response): Promise<Key> {
  expect(answer.status).toBe(201)
  return (await answer.json()) as Key
}

describe.each([
  ['/api/v1/users/me', '/api/v1/users/me/api-keys', false],
  ['/api/v1/auth/me', '/api/v1/auth/api-keys', true],
  ['/auth/me', '/auth/api-keys', true],
])('%s and %s', (me, keys, isLegacy) => {
  const create = (body: unknown, login = token) => served.send('POST', keys, login, body)

  test('tell who is logged in', async () => {
    const answer = await served.send('GET', me, token)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({
      username: 'carol',
      created_at: timestamp,
      ...(!isLegacy && { role: 'admin' }),
    })
  })

  test('tell a user who is gone so, until the login ends', async () => {
    const gone = await served.login(`gone-${isLegacy}-${me}`)
    await served.store.removeUser(`gone-${isLegacy}-${me}`)
    const id = 'f'.repeat(32)
    for (const [method, path, body] of [
      ['GET', me],
      ['GET', keys],
      ['POST', keys, { name: 'n', ttl: '1d' }],
      ['POST', `${keys}/${id}/revoke`],
    ] as const)
      expect(await detailOf(await served.send(method, path, gone, body), 404)).toBe(
        'User not found',
      )
    // What is wrong with the request is told first.
    await faultsOf(await create({ name: '', ttl: '1d' }, gone))
    expect(await detailOf(await create({ name: 'n', ttl: 'long' }, gone), 422)).toMatch(/long/)
  })

  test('make a key that opens, and tell it once', async () => {
    const before = Date.now()
    const key = await keyOf(
      await create({ name: 'laptop', ttl: '30d', labels: [' a ', 'b', 'a', ''] }),
    )
    expect(key).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      name: 'laptop',
      labels: ['a', 'b'],
      prefix: expect.stringMatching(/^[a-z2-7]{8}$/),
      key_prefix: key.prefix,
      ttl: '30d',
      expires_at: timestamp,
      created_at: timestamp,
      last_used_at: null,
      revoked_at: null,
      is_expired: false,
      is_active: true,
      token: expect.stringMatching(/^cqa\.v1\.[0-9a-f]{32}\.[a-z2-7]{52}$/),
      api_key: key.token,
    })
    const lifetime = Date.parse(key.expires_at as string) - before
    expect(lifetime).toBeGreaterThanOrEqual(30 * 86_400_000)
    const secret = key.token.split('.')[3] as string
    expect(key.token.split('.')[2]).toBe(key.id)
    expect(secret.startsWith(key.prefix)).toBe(true)
    const stored = await served.store.getActiveApiKeyById(key.id)
    expect(stored?.key_hash).toBe(createHmac('sha256', apiKeyPepper).update(secret).digest('hex'))
    const insight = { summary: 's', detail: 'd', action: 'a' }
    const proposed = await served.send('POST', '/api/v1/knowledge', key.token, {
      domains: ['x'],
      insight,
    })
    expect(proposed.status).toBe(201)
    const listed = await (await served.send('GET', keys, token)).text()
    expect(listed).toContain(key.id)
    expect(listed).not.toContain(secret)
    expect(listed).not.toContain(stored?.key_hash)
  })

  test('list every key, newest first, expired and revoked ones included', async () => {
    const username = `lister-${me}`
    const login = await served.login(username)
    const first = await keyOf(await create({ name: 'first', ttl: '1h' }, login))
    await served.apiKey(username, -60)
    const last = await keyOf(await create({ name: 'last', ttl: '1h' }, login))
    await served.send('POST', `${keys}/${first.id}/revoke`, login)
    const answer = await served.send('GET', keys, login)
    expect(answer.status).toBe(200)
    const { data, ...rest } = (await answer.json()) as { data: Key[] }
    expect(rest).toEqual(isLegacy ? { count: 3 } : {})
    expect(data.map(({ name, is_active, is_expired }) => [name, is_active, is_expired])).toEqual([
      ['last', true, false],
      ['test', false, true],
      ['first', false, false],
    ])
    expect(data[0]?.id).toBe(last.id)
    expect(data[2]?.revoked_at).toEqual(timestamp)
  })

  test('revoke a key as often as one likes, and only one’s own', async () => {
    const key = await keyOf(await create({ name: 'n', ttl: '1h' }))
    const revoke = (login: string, id = key.id) =>
      served.send('POST', `${keys}/${id}/revoke`, login)
    const stranger = await served.login(`stranger-${me}`)
    expect(await detailOf(await revoke(stranger), 404)).toBe('API key not found')
    expect(await detailOf(await revoke(token, 'f'.repeat(32)), 404)).toBe('API key not found')
    for (const _ of ['once', 'twice']) {
      const answer = await revoke(token)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({ message: 'API key revoked.' })
    }
    expect(await served.store.getActiveApiKeyById(key.id)).toBeNull()
  })

  test('give out no more than twenty keys that are active', async () => {
    const username = `many-${me}`
    const login = await served.login(username)
    const made = await Promise.all(
      Array.from({ length: 20 }, () => create({ name: 'n', ttl: '1h' }, login)),
    )
    for (const answer of made) expect(answer.status).toBe(201)
    const tooMany = await create({ name: 'n', ttl: '1h' }, login)
    expect(await detailOf(tooMany, 409)).toBe('Maximum of 20 active API keys per user')
    // The lifetime is looked at first.
    expect((await create({ name: 'n', ttl: 'x' }, login)).status).toBe(422)
    const { id } = await keyOf(made[0] as Response)
    await served.send('POST', `${keys}/${id}/revoke`, login)
    expect((await create({ name: 'n', ttl: '1h' }, login)).status).toBe(201)
  })

  test.each([
    [{ ttl: '1d' }, ['name'], 'missing', 'Field required'],
    [
      { name: '', ttl: '1d' },
      ['name'],
      'string_too_short',
      'String should have at least 1 character',
    ],
    [
      { name: 'x'.repeat(65), ttl: '1d' },
      ['name'],
      'string_too_long',
      'String should have at most 64 characters',
    ],
    [
      { name: 'n', ttl: '' },
      ['ttl'],
      'string_too_short',
      'String should have at least 1 character',
    ],
    [
      { name: 'n', ttl: `${'0'.repeat(16)}1d` },
      ['ttl'],
      'string_too_long',
      'String should have at most 16 characters',
    ],
    [{ name: 'n', ttl: 5 }, ['ttl'], 'string_type', 'Input should be a valid string'],
    [
      { name: 'n', ttl: '1d', labels: null },
      ['labels'],
      'list_type',
      'Input should be a valid list',
    ],
    [
      { name: 'n', ttl: '1d', labels: Array(17).fill('a') },
      ['labels'],
      'too_long',
      'List should have at most 16 items after validation, not 17',
    ],
    [
      { name: 'n', ttl: '1d', labels: ['a', 1] },
      ['labels', 1],
      'string_type',
      'Input should be a valid string',
    ],
  ])('refuse %j', async (body, loc, type, msg) => {
    expect(await faultsOf(await create(body))).toMatchObject([{ type, loc: ['body', ...loc], msg }])
  })

  test.each(
    isLegacy
      ? [
          [' 1d', "Invalid TTL ' 1d'; expected format like '30s', '15m', '2h', or '90d'"],
          ['1D', "Invalid TTL '1D'; expected format like '30s', '15m', '2h', or '90d'"],
          ['0s', 'TTL must be greater than zero'],
          ['366d', "TTL '366d' exceeds maximum of 365d"],
        ]
      : [
          [' ', 'ttl is required'],
          ['1w', "'1w' is not a valid duration: expected <integer><s|m|h|d>, e.g. 30d, 12h"],
          ['0s', "'0s': ttl must be greater than zero"],
          ['366d', "'366d' exceeds the maximum of 365d"],
        ],
  )('refuse a lifetime of %j in one sentence', async (ttl, detail) => {
    expect(await detailOf(await create({ name: 'n', ttl }), 422)).toBe(detail)
  })
})

test('a lifetime is stored and answered in its canonical form', async () => {
  const answer = await served.send('POST', '/api/v1/users/me/api-keys', token, {
    name: 'n',
    ttl: ' 12H ',
  })
  expect(await keyOf(answer)).toMatchObject({ ttl: '12h' })
})

test('a key that was used says when, once its request is answered', async () => {
  await using other = await serveStore()
  await other.store.createUser('dave', passwordHash)
  const key = await other.apiKey('dave')
  const body = { domains: ['x'], insight: { summary: '', detail: '', action: '' } }
  const userId = (await other.store.getUser('dave'))?.id as number
  expect((await other.send('POST', '/api/v1/knowledge', key, { domains: 5 })).status).toBe(422)
  expect((await other.store.listApiKeysForUser(userId))[0]?.last_used_at).toBeNull()
  expect((await other.send('POST', '/api/v1/knowledge', key, body)).status).toBe(201)
  // A write that is made after the note is stored after it.
  await other.store.createUser('after', 'x')
  expect((await other.store.listApiKeysForUser(userId))[0]?.last_used_at).toEqual(timestamp)
})

test('that a key was used is noted once a minute, since each note is a write', async () => {
  let time = Date.parse('2026-11-26T12:00:00Z')
  const now = () => new Date(time)
  await using other = await serveStore({ now })
  const key = await other.apiKey('dave', 1e9)
  const userId = (await other.store.getUser('dave'))?.id as number
  const body = { domains: ['x'], insight: { summary: '', detail: '', action: '' } }
  const notes: (string | null | undefined)[] = []
  for (const seconds of [0, 1, 58, 2, -30, -61]) {
    time += seconds * 1000
    expect((await other.send('POST', '/api/v1/knowledge', key, body)).status).toBe(201)
    // A write that is made after the note is stored after it.
    await other.store.createUser(`after ${notes.length}`, 'x')
    notes.push((await other.store.listApiKeysForUser(userId))[0]?.last_used_at?.slice(11, 19))
  }
  expect(notes).toEqual(['12:00:00', '12:00:00', '12:00:00', '12:01:01', '12:01:01', '11:59:30'])
})
