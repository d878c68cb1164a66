import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KnowledgeUnit } from '../../src/knowledge/records.ts'
import { cqMcp, cqServer, createServer } from '../../src/server/index.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { McpClient } from './mcp-client.ts'
import { apiKeyPepper, jwtSecret, serveStore } from './served-store.ts'

let path: string
let store: SqliteStore
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'cq-store-')), 'cq.db')
  store = await SqliteStore.open({ path, readers: 1 })
})
afterEach(async () => {
  await store.close()
  await rm(join(path, '..'), { recursive: true, force: true })
})

const proposal = { summary: 's', detail: 'd', action: 'a', domains: ['mounts'] }

async function listen(server: FastifyInstance): Promise<string> {
  await server.listen({ host: '127.0.0.1', port: 0 })
  return `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
}

async function toolsAt(url: string): Promise<number> {
  await using client = await McpClient.connect(url)
  return (await client.listTools()).tools.length
}

describe('MCP is served', () => {
  test('under the prefix of a server', async () => {
    await using served = await serveStore({ server: { prefix: '/team/cq' } })
    expect(await toolsAt(`${served.url}/team/cq/mcp`)).toBe(5)
    expect((await fetch(`${served.url}/mcp`, { method: 'POST' })).status).toBe(404)
    const metrics = await (await fetch(`${served.url}/team/cq/metrics`)).text()
    expect(metrics).toMatch(/duration_seconds_count.*method="POST",route="\/team\/cq\/mcp"/)
  })

  test('by cqServer in somebody’s own server', async () => {
    const host = fastify()
    await host.register(cqServer, { prefix: '/cq', store, jwtSecret, apiKeyPepper })
    expect(await toolsAt(`${await listen(host)}/cq/mcp`)).toBe(5)
    await host.close()
  })

  test('by cqMcp alone, which notes the use of keys', async () => {
    await using served = await serveStore()
    const key = await served.apiKey('carol')
    const host = fastify()
    const options = { store: served.store, apiKeyPepper, allowedOrigins: ['https://a.example'] }
    await host.register(cqMcp, { prefix: '/cq', ...options })
    host.get('/mine', async () => 'mine')
    const url = await listen(host)
    await using client = await McpClient.connect(`${url}/cq/mcp`, key)
    const unit = await client.result<KnowledgeUnit>('propose', proposal)
    expect(unit.created_by).toBe('carol')
    const userId = (await served.store.getUser('carol'))?.id as number
    await expect
      .poll(async () => (await served.store.listApiKeysForUser(userId))[0]?.last_used_at)
      .not.toBeNull()
    expect(await (await fetch(`${url}/mine`)).text()).toBe('mine')
    expect((await fetch(`${url}/cq/mcp`)).status).toBe(405)
    await host.close()
  })

  test('unless it is turned off', async () => {
    await using served = await serveStore({ server: { mcp: false } })
    expect((await served.ask('/mcp', { method: 'POST', body: '{}' })).status).toBe(404)
    expect((await served.documented()).document.paths).not.toHaveProperty('/mcp')
  })
})

test.each<[object, string]>([
  [{ mcp: 'yes' }, 'mcp must be true, false or { allowedOrigins }, and is yes'],
  [{ mcp: { origins: [] } }, 'the options of mcp must not have "origins"; known names are'],
  [{ mcp: { allowedOrigins: 'https://a.example' } }, 'mcp.allowedOrigins must be an array'],
  [{ mcp: { allowedOrigins: ['https://a.example/'] } }, 'must be an origin as browsers send it'],
  [{ mcp: { allowedOrigins: ['*'] } }, "one is '*'"],
])('%o is refused', async (options, message) => {
  await expect(createServer({ store, jwtSecret, apiKeyPepper, ...options })).rejects.toThrow(
    message,
  )
})

test.each<[object, string]>([
  [{ apiKeyPepper: '' }, 'apiKeyPepper must be set'],
  [{ store: undefined }, 'cqMcp needs a Store as its store'],
  [{ jwtSecret }, 'the options of cqMcp must not have "jwtSecret"'],
  [{ allowedOrigins: ['a'] }, 'must be an origin'],
])('cqMcp with %o is refused', async (options, message) => {
  const host = fastify()
  await expect(host.register(cqMcp, { store, apiKeyPepper, ...options })).rejects.toThrow(message)
})

test('servers of one database answer one client in turns', async () => {
  const other = await SqliteStore.open({ path, readers: 1 })
  const servers = await Promise.all(
    [store, other].map((one) => createServer({ store: one, jwtSecret, apiKeyPepper })),
  )
  const urls = await Promise.all(servers.map(listen))
  let requests = 0
  const inTurns: typeof fetch = (input, init) => {
    const base = urls[requests++ % 2] as string
    return fetch(base + new URL(String(input)).pathname, init)
  }
  await using client = await McpClient.connect(`${urls[0]}/mcp`, undefined, inTurns)
  await client.listTools()
  for (let turn = 0; turn < 4; turn++) {
    const { total_count } = await client.result<{ total_count: number }>('status')
    expect(total_count).toBe(0)
    expect(await client.result('query', { domains: ['a'] })).toEqual([])
  }
  expect(requests).toBeGreaterThan(8)
  await Promise.all(servers.map((server) => server.close()))
  await other.close()
})
