import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import Database from 'better-sqlite3'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { createKnowledgeUnit } from '../../src/index.ts'
import { cqServer } from '../../src/server/index.ts'
import { createServer } from '../../src/server/server.ts'
import { recordedLog } from './recorded-log.ts'
import { apiKeyPepper, jwtSecret, password, serveStore } from './served-store.ts'

const insight = { summary: 's', detail: 'd', action: 'a' }
const units = (count: number) =>
  Array.from({ length: count }, () => createKnowledgeUnit({ domains: ['x'], insight }))

describe('the figures', () => {
  test('tell what is running', async () => {
    await using served = await serveStore()
    const text = await (await served.ask('/metrics')).text()
    using db = { sqlite: new Database(':memory:'), [Symbol.dispose]: () => db.sqlite.close() }
    const sqlite = db.sqlite.prepare('select sqlite_version()').pluck().get()
    const labels = `version="${manifest.version}",node="${process.versions.node}",sqlite="${sqlite}"`
    expect(text).toContain(`\ncq_store_build_info{${labels}} 1\n`)
  })

  test('tell how many units wait for review, as it is now', async () => {
    await using served = await serveStore()
    const pending = async () =>
      /^cq_store_pending_units (\d+)$/m.exec(await (await served.ask('/metrics')).text())?.[1]
    expect(await pending()).toBe('0')
    const proposed = units(3)
    await served.store.insertMany(proposed)
    expect(await pending()).toBe('3')
    await served.store.decide(proposed[0]?.id as string, 'rejected', 'carol')
    expect(await pending()).toBe('2')
  })

  test.each([
    ['is closed', () => Promise.reject(new Error('of this test'))],
    ['does not answer', () => new Promise<number>(() => {})],
  ])('are told without those units where the store %s', async (_name, pendingCount) => {
    await using served = await serveStore()
    await served.store.insertMany(units(1))
    await served.ask('/metrics')
    Object.defineProperty(served.store, 'pendingCount', { value: pendingCount })
    const answer = await served.ask('/metrics')
    expect(answer.status).toBe(200)
    const text = await answer.text()
    expect(text).not.toMatch(/^cq_store_pending_units/m)
    expect(text).toMatch(/^cq_store_database_bytes \d+$/m)
  })

  test('count the logins that failed, those that came too soon among them', async () => {
    await using served = await serveStore({ server: { loginFailures: 2 } })
    const failed = async () =>
      /^cq_failed_logins_total (\d+)$/m.exec(await (await served.ask('/metrics')).text())?.[1]
    const login = async (username: string, pass: string) =>
      (await served.send('POST', '/auth/login', undefined, { username, password: pass })).status
    await served.login('carol')
    expect(await failed()).toBe('0')
    expect(await login('nobody', password)).toBe(401)
    expect(await login('carol', 'wrong')).toBe(401)
    expect(await failed()).toBe('2')
    expect(await login('carol', 'wrong')).toBe(401)
    expect(await login('carol', password)).toBe(429)
    expect(await failed()).toBe('4')
    // A request that makes no sense is no login.
    expect((await served.send('POST', '/auth/login', undefined, {})).status).toBe(422)
    expect(await failed()).toBe('4')
  })
})

/** Where the log says that metrics are. */
function addressIn(lines: readonly string[]): string {
  const [, address] = /metrics at (http:[^"]+)"/.exec(lines.join('')) ?? []
  return address ?? 'nowhere'
}

describe('metrics', () => {
  test('are not there where that is said', async () => {
    await using served = await serveStore({ server: { metrics: false } })
    expect((await fetch(`${served.url}/metrics`)).status).toBe(404)
    const { document } = await served.documented()
    expect(document.paths).not.toHaveProperty('/metrics')
    // What would count has nothing to count with.
    const login = { username: 'nobody', password }
    expect((await served.send('POST', '/auth/login', undefined, login)).status).toBe(401)
  })

  test('are at a port of their own where one is named, and nothing else is there', async () => {
    const { lines, logger } = recordedLog()
    const served = await serveStore({ server: { logger, metrics: { port: 0 } } })
    const address = addressIn(lines)
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    expect((await fetch(`${served.url}/metrics`)).status).toBe(404)
    await served.ask('/api/v1/knowledge?domains=a')
    const text = await (await fetch(address)).text()
    expect(text).toContain(
      'cq_http_request_duration_seconds_count{method="GET",route="/api/v1/knowledge",status="200"} 1',
    )
    expect((await fetch(address, { method: 'HEAD' })).status).toBe(200)
    const refused = await fetch(address, { method: 'POST', body: 'x' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    for (const path of ['/', '/api/v1/health', '/query?domains=a', '/docs']) {
      const answer = await fetch(new URL(path, address))
      expect([path, answer.status]).toEqual([path, 404])
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    }
    await served[Symbol.asyncDispose]()
    await expect(fetch(address)).rejects.toThrow()
  })

  test('of a plugin may have a port of their own, too', async () => {
    await using served = await serveStore()
    const { lines, logger } = recordedLog()
    const host = fastify({ loggerInstance: logger })
    const { store } = served
    const options = { store, jwtSecret, apiKeyPepper, metrics: { port: 0 } }
    await host.register(cqServer, { ...options, prefix: '/cq' })
    expect((await host.inject('/cq/metrics')).statusCode).toBe(404)
    expect(await (await fetch(addressIn(lines))).text()).toMatch(/^cq_store_build_info{/m)
    await host.close()
    await expect(fetch(addressIn(lines))).rejects.toThrow()
  })

  test('whose port is taken keep the server from starting, which then can be closed', async () => {
    const other = createTcpServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    await using served = await serveStore()
    const { store } = served
    const server = await createServer({ store, jwtSecret, apiKeyPepper, metrics: { port } })
    await expect(server.listen({ port: 0 })).rejects.toThrow(
      `can't listen on 127.0.0.1:${port} for metrics: listen EADDRINUSE`,
    )
    await server.close()
    await new Promise<void>((resolve) => other.close(() => resolve()))
  })
})
