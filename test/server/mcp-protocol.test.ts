import { once } from 'node:events'
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit } from '../../src/knowledge/knowledge-unit.ts'
import type { KnowledgeUnit } from '../../src/knowledge/records.ts'
import { McpClient } from './mcp-client.ts'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let apiKey: string
let guest: McpClient

const insight = { summary: 's', detail: 'd', action: 'a' }
const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

beforeAll(async () => {
  served = await serveStore()
  apiKey = await served.apiKey('carol')
  guest = await McpClient.connect(`${served.url}/mcp`)
})
afterAll(async () => {
  await guest.close()
  await served[Symbol.asyncDispose]()
})

async function approved(domains: readonly string[]): Promise<KnowledgeUnit> {
  const unit = createKnowledgeUnit({ domains, insight, created_by: 'ada' })
  await served.store.insert(unit)
  await served.store.decide(unit.id, 'approved', 'eve')
  return unit
}

/** Sends what no client of the SDK would. */
function post(body: unknown, more: Readonly<Record<string, string>> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return served.ask('/mcp', { method: 'POST', headers: { ...headers, ...more }, body: text })
}

const message = (method: string, params?: object, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  ...(params && { params }),
})
const call = (name: unknown, input?: unknown, id: unknown = 1) =>
  message('tools/call', { name, arguments: input } as object, id)

interface Answer {
  readonly id: unknown
  readonly result?: { readonly isError?: boolean; readonly content: readonly { text: string }[] }
  readonly error?: { readonly code: number; readonly message: string }
}

async function answerTo(body: unknown): Promise<Answer> {
  const answer = await post(body)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Answer
}

describe('what clients are told', () => {
  test('of the server', () => {
    expect(guest.getServerVersion()).toMatchObject({ name: 'cq', version: expect.any(String) })
    expect(guest.getServerCapabilities()).toEqual({ tools: {}, resources: {}, completions: {} })
    for (const word of ['query', 'propose', 'confirm', 'flag', 'private'])
      expect(guest.getInstructions()).toContain(word)
  })

  test('of the protocol: the newest version', async () => {
    const params = {
      protocolVersion: LATEST_PROTOCOL_VERSION,
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    }
    const answer = await post(message('initialize', params))
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(answer.headers.get('mcp-session-id')).toBeNull()
    expect(await answer.json()).toMatchObject({ result: { protocolVersion: '2025-11-25' } })
  })

  test('of the tools', async () => {
    const { tools } = await guest.listTools()
    const [adding, reading] = [
      { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
      { readOnlyHint: true, openWorldHint: false },
    ]
    expect(
      tools.map(({ name, annotations, inputSchema }) => [
        name,
        annotations,
        Object.keys(inputSchema.properties ?? {}),
        inputSchema.required,
      ]),
    ).toEqual([
      [
        'query',
        reading,
        ['domains', 'languages', 'frameworks', 'pattern', 'text', 'limit'],
        ['domains'],
      ],
      [
        'propose',
        adding,
        [
          ...['summary', 'detail', 'action', 'domains'],
          ...['languages', 'frameworks', 'pattern', 'extensions', 'similar'],
        ],
        ['summary', 'detail', 'action', 'domains'],
      ],
      ['confirm', adding, ['unit_id'], ['unit_id']],
      ['flag', adding, ['unit_id', 'reason', 'detail', 'duplicate_of'], ['unit_id', 'reason']],
      ['status', reading, [], undefined],
    ])
    for (const { title, description, outputSchema } of tools) {
      expect(title).toMatch(/^[A-Z]/)
      expect(description).toMatch(/\.$/)
      expect(outputSchema).toMatchObject({ type: 'object', required: expect.any(Array) })
    }
    expect(tools[1]?.inputSchema.properties).toMatchObject({
      summary: { type: 'string', maxLength: 500 },
      domains: { type: 'array', minItems: 1, maxItems: 16, items: { type: 'string' } },
      extensions: { type: 'object', additionalProperties: true },
    })
    expect(tools[3]?.inputSchema.properties).toMatchObject({
      reason: { type: 'string', enum: ['stale', 'incorrect', 'duplicate'] },
    })
  })
})

describe('resources', () => {
  test('are listed', async () => {
    const { resources } = await guest.listResources()
    expect(resources.map(({ uri }) => uri)).toEqual(['cq://domains'])
    const { resourceTemplates } = await guest.listResourceTemplates()
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'cq://unit/{id}',
      'cq://domain/{domain}',
    ])
  })

  async function read(uri: string): Promise<unknown> {
    const { contents } = await guest.readResource({ uri })
    expect(contents).toEqual([{ uri, mimeType: 'application/json', text: expect.any(String) }])
    return JSON.parse((contents[0] as { text: string }).text)
  }

  test('a unit is read as agents see it, and only if approved', async () => {
    const { id } = await approved(['r1'])
    const rest = await served.ask('/api/v1/knowledge?domains=r1')
    const { data } = (await rest.json()) as { data: unknown[] }
    expect([await read(`cq://unit/${id}`)]).toEqual(data)
    const pending = createKnowledgeUnit({ domains: ['r1'], insight })
    await served.store.insert(pending)
    for (const uri of [`cq://unit/${pending.id}`, 'cq://unit/', 'cq://unit/%00', 'cq://unit/%zz'])
      await expect(guest.readResource({ uri })).rejects.toMatchObject({
        code: -32_002,
        message: expect.stringContaining('there is no such resource'),
      })
  })

  test('domains are read with their numbers of units, and their units', async () => {
    await using own = await serveStore()
    const add = async (domains: readonly string[]) => {
      const unit = createKnowledgeUnit({ domains, insight })
      await own.store.insert(unit)
      await own.store.decide(unit.id, 'approved', 'eve')
    }
    for (const domains of [['2026', 'rust'], ['rust'], ['c/c++', 'ruby'], ['rust', 'trust']])
      await add(domains)
    await using client = await McpClient.connect(`${own.url}/mcp`)
    const { contents } = await client.readResource({ uri: 'cq://domains' })
    expect(JSON.parse((contents[0] as { text: string }).text)).toEqual({
      domains: [
        { domain: 'rust', units: 3 },
        { domain: '2026', units: 1 },
        { domain: 'c/c++', units: 1 },
        { domain: 'ruby', units: 1 },
        { domain: 'trust', units: 1 },
      ],
    })
    const uri = `cq://domain/${encodeURIComponent('c/c++')}`
    const units = await client.readResource({ uri })
    expect(JSON.parse((units.contents[0] as { text: string }).text)).toMatchObject([
      { domains: ['c/c++', 'ruby'] },
    ])
    const complete = async (value: string) => {
      const ref = { type: 'ref/resource', uri: 'cq://domain/{domain}' } as const
      return (await client.complete({ ref, argument: { name: 'domain', value } })).completion
    }
    expect(await complete('RU')).toEqual({
      values: ['rust', 'ruby', 'trust'],
      total: 3,
      hasMore: false,
    })
    expect((await complete('')).values).toEqual(['rust', '2026', 'c/c++', 'ruby', 'trust'])
    expect((await complete('zig')).values).toEqual([])
  })

  test('nothing else is completed', async () => {
    const argument = { name: 'id', value: '' }
    const unit = { type: 'ref/resource', uri: 'cq://unit/{id}' } as const
    expect((await guest.complete({ ref: unit, argument })).completion.values).toEqual([])
    for (const ref of [
      { type: 'ref/resource', uri: 'cq://no' } as const,
      { type: 'ref/prompt', name: 'no' } as const,
    ])
      await expect(guest.complete({ ref, argument })).rejects.toMatchObject({ code: -32_602 })
  })
})

describe('who may call', () => {
  test.each(['Bearer wrong', 'Basic abc', 'Bearer', `Bearer cqa.v1.${'0'.repeat(32)}.abc`])(
    '%s is refused for every call',
    async (authorization) => {
      for (const body of [message('ping'), call('query', { domains: ['a'] }), '{']) {
        const answer = await post(body, { authorization })
        expect(answer.status).toBe(401)
        expect(answer.headers.get('www-authenticate')).toBe('Bearer')
        expect(await answer.json()).toEqual({
          jsonrpc: '2.0',
          error: { code: -32_000, message: 'Invalid API key' },
          id: null,
        })
      }
    },
  )

  test('neither an expired key, nor a login', async () => {
    for (const token of [await served.apiKey('carol', -1), await served.login('carol')]) {
      expect((await post(message('ping'), { authorization: `Bearer ${token}` })).status).toBe(401)
      await expect(McpClient.connect(`${served.url}/mcp`, token)).rejects.toThrow('Invalid API key')
    }
  })

  test('a key was used when something was written with it', async () => {
    const key = await served.apiKey('dora')
    const userId = (await served.store.getUser('dora'))?.id as number
    const used = async () => (await served.store.listApiKeysForUser(userId))[0]?.last_used_at
    await using client = await McpClient.connect(`${served.url}/mcp`, key)
    await client.call('query', { domains: ['a'] })
    expect(await client.refusal('confirm', {})).toBe('unit_id is required')
    expect(await used()).toBeNull()
    await client.call('propose', { ...insight, domains: ['a'] })
    // It is noted beside the answer.
    await expect.poll(used).not.toBeNull()
  })

  test.each([
    ['https://evil.example', undefined, 403],
    ['null', undefined, 403],
    ['nonsense', undefined, 403],
    ['http://cq.example:81', 'cq.example', 403],
    ['http://cq.example/', 'cq.example', 403],
    ['http://localhost', 'localhost', 200],
    ['http://cq.localhost:3000', 'cq.localhost:3000', 200],
    ['http://[::1]:3000', '[::1]:3000', 200],
    // Its name was made to mean this machine.
    ['http://evil.example:3000', 'evil.example:3000', 403],
    ['http://127.evil.example', '127.evil.example', 403],
    ['https://cq.example', 'cq.example:443', 200],
    ['https://cq.example', 'CQ.example', 200],
    [undefined, 'cq.example', 200],
  ])('a page of %s at the host %s gets %d', async (origin, host, status) => {
    expect(await postAs(served.url, { ...(origin && { origin }), ...(host && { host }) })).toBe(
      status,
    )
  })

  test('pages that are listed, and pages of a host that a trusted proxy names', async () => {
    await using own = await serveStore({
      server: { trustProxy: '127.0.0.1', mcp: { allowedOrigins: ['https://pages.example'] } },
    })
    expect(await postAs(own.url, { origin: 'https://pages.example' })).toBe(200)
    expect(await postAs(own.url, { origin: 'https://other.example' })).toBe(403)
    const plain = { origin: 'http://cq.lan', 'x-forwarded-host': 'cq.lan' }
    expect(await postAs(own.url, plain)).toBe(403)
    const proxied = { origin: 'https://cq.example', 'x-forwarded-host': 'cq.example' }
    expect(await postAs(own.url, proxied)).toBe(200)
    expect(await postAs(served.url, proxied)).toBe(403)
  })
})

/** The status that a ping gets; `fetch` would not set these headers. */
async function postAs(url: string, more: OutgoingHttpHeaders): Promise<number | undefined> {
  const sent = request(`${url}/mcp`, {
    method: 'POST',
    headers: { ...headers, ...more },
    agent: false,
  })
  sent.end(JSON.stringify(message('ping')))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode
}

describe('what is sent wrongly', () => {
  test.each(['GET', 'DELETE', 'PUT', 'HEAD', 'OPTIONS'])('%s is not allowed', async (method) => {
    const answer = await served.ask('/mcp', { method, headers })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('POST')
  })

  test.each<[string, unknown, Record<string, string>, number, number]>([
    ['broken JSON', '{"jsonrpc":', {}, 400, -32_700],
    ['nothing', '', {}, 400, -32_700],
    ['null', 'null', {}, 400, -32_700],
    ['no message', { hello: 1 }, {}, 400, -32_700],
    ['a message with a wrong id', { jsonrpc: '2.0', id: {}, method: 'ping' }, {}, 400, -32_700],
    ['a large batch', Array(11).fill(message('ping')), {}, 400, -32_000],
    ['too much', ' '.repeat(1_048_577), {}, 413, -32_000],
    ['another type', message('ping'), { 'content-type': 'text/plain' }, 415, -32_000],
    ['no type', message('ping'), { 'content-type': '*' }, 415, -32_000],
    ['a client that reads no stream', message('ping'), { accept: 'text/html' }, 406, -32_000],
    ['another version', message('ping'), { 'mcp-protocol-version': '1999-01-01' }, 400, -32_000],
  ])('%s is refused', async (_what, body, more, status, code) => {
    const answer = await post(body, more)
    expect(answer.status).toBe(status)
    const { error } = (await answer.json()) as Answer
    expect(error).toEqual({ code, message: expect.stringMatching(/^[^\n]+$/) })
  })

  test.each<[object, number, string]>([
    [message('no/method'), -32_601, 'Method not found'],
    [message('toString'), -32_601, 'Method not found'],
    [message('prompts/list'), -32_601, 'Method not found'],
    [call('no'), -32_602, 'there is no such tool; there are query, propose, confirm, flag, status'],
    [call('__proto__'), -32_602, 'there is no such tool'],
    [call(7), -32_602, 'name must be a text, and arguments an object'],
    [call('query', 'x'), -32_602, 'name must be a text, and arguments an object'],
    [call('query', ['x']), -32_602, 'name must be a text, and arguments an object'],
    [message('tools/call'), -32_602, 'name must be a text'],
    [message('resources/read', {}), -32_602, 'uri must be a text'],
    [message('completion/complete', { ref: 1 }), -32_602, 'ref must name a resource template'],
  ])('%o is told what is wrong', async (body, code, words) => {
    const { error } = await answerTo(body)
    expect(error).toEqual({ code, message: expect.stringContaining(words) })
  })

  test('a megabyte of arguments is told in a line', async () => {
    for (const input of [
      { domains: 'x'.repeat(1_000_000) },
      { domains: Array(300_000).fill(1) },
      { domains: ['a'], ['x'.repeat(1_000_000)]: 1 },
      { domains: ['a'], pattern: 'x'.repeat(1_000_000) },
    ]) {
      const { result } = await answerTo(call('query', input))
      expect(result?.content[0]?.text.length).toBeLessThan(200)
    }
  })

  test('arguments that nest deep, or have odd names, are data', async () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
    const odd = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":
      {"domains":["a"],"__proto__":{"limit":1},"constructor":1,"x":${deep}}}}`
    const answer = await post(odd)
    expect(await answer.json()).toMatchObject({ result: { content: [{ text: '[]' }] } })
  })

  test('numbers that no double holds come back as they were', async () => {
    const input = JSON.stringify({ ...insight, domains: ['a'], extensions: { 'a:b': 1 } })
    const proposal = input.replace('"a:b":1', '"a:b":[9007199254740993,1e-7]')
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"propose","arguments":${proposal}}}`
    const text = await (await post(body, { authorization: `Bearer ${apiKey}` })).text()
    expect(text).toContain('"structuredContent":{"id":"ku_')
    expect(text).toContain('"extensions":{"a:b":[9007199254740993,1e-7]}')
  })

  test('null is taken for no arguments', async () => {
    const { result } = await answerTo(call('status', null))
    expect(result?.isError).toBeUndefined()
  })
})

describe('several messages', () => {
  test('are answered together, each on its own', async () => {
    const answer = await post([
      call('query', { domains: ['none'] }, 'one'),
      call('query', {}, 2),
      message('no/method', {}, 3),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
    ])
    const answers = (await answer.json()) as Answer[]
    expect(answers.map(({ id }) => id)).toEqual(['one', 2, 3])
    expect(answers[1]?.result?.isError).toBe(true)
  })

  test('are answered even if one cancels another, or two have one id', async () => {
    const cancelled = {
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 1 },
    }
    const answer = await post([call('status'), cancelled])
    expect(await answer.json()).toMatchObject({ id: 1, result: {} })
    expect((await post([call('status'), call('status')])).status).toBe(200)
  })

  test('that ask for nothing are accepted', async () => {
    const answer = await post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    expect(answer.status).toBe(202)
    expect(await answer.text()).toBe('')
  })
})

test('a key with wrong arguments proposes nothing', async () => {
  await using client = await McpClient.connect(`${served.url}/mcp`, apiKey)
  const before = await served.store.count()
  for (const input of [{}, { ...insight, domains: [] }, { ...insight, domains: 'a' }])
    await client.refusal('propose', input)
  expect(await served.store.count()).toBe(before)
})
