import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cqServer, createServer, type ServerOptions } from '../../src/server/index.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { apiKeyPepper, jwtSecret } from './served-store.ts'

let directory: string
let store: SqliteStore
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cq-store-'))
  store = await SqliteStore.open({ path: join(directory, 'cq.db'), readers: 1 })
})
afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true, force: true })
})

describe('cqServer, as a plugin of somebody’s own server', () => {
  test('answers under its prefix, and leaves everything else to its host', async () => {
    const host = fastify()
    await host.register(cqServer, { prefix: '/cq', store, jwtSecret, apiKeyPepper })
    host.post('/echo', async ({ body }) => ({ body }))
    host.get('/fail', async () => {
      throw new Error('of the host')
    })
    const own = await host.inject('/cq/api/v1/knowledge?domains=a')
    expect([own.statusCode, own.json()]).toEqual([200, { data: [] }])
    expect((await host.inject('/cq/health')).json()).toEqual({ status: 'ok' })
    const unknown = await host.inject('/cq/nowhere')
    expect([unknown.statusCode, unknown.json()]).toEqual([404, { detail: 'Not Found' }])
    const wrong = await host.inject({ method: 'DELETE', url: '/cq/health' })
    expect([wrong.statusCode, wrong.json()]).toEqual([405, { detail: 'Method Not Allowed' }])
    const echo = await host.inject({ method: 'POST', url: '/echo', payload: { a: 1 } })
    expect(echo.json()).toEqual({ body: { a: 1 } })
    expect((await host.inject('/fail')).json()).toMatchObject({ message: 'of the host' })
    expect((await host.inject('/nowhere')).json()).toMatchObject({ error: 'Not Found' })
    await host.close()
  })

  test('redirects, refuses and answers probes under its prefix as alone, whatever its host does', async () => {
    for (const options of [
      {},
      { exposeHeadRoutes: false },
      { routerOptions: { ignoreTrailingSlash: true } },
    ]) {
      const host = fastify(options)
      await host.register(cqServer, { prefix: '/cq', store, jwtSecret, apiKeyPepper })
      for (const path of ['/cq/health', '/cq/ready', '/cq/metrics', '/cq/api/v1/health']) {
        const probe = await host.inject({ method: 'HEAD', url: path })
        expect([probe.statusCode, probe.body]).toEqual([200, ''])
      }
      const refused = await host.inject({ method: 'HEAD', url: '/cq/review/queue' })
      expect([refused.statusCode, refused.headers.allow]).toEqual([405, 'GET'])
      const slash = await host.inject('/cq/api/v1/knowledge/?domains=a')
      if ('routerOptions' in options) expect(slash.statusCode).toBe(200)
      else
        expect([slash.statusCode, slash.headers.location]).toEqual([307, '../knowledge?domains=a'])
      expect((await host.inject('/nowhere/')).json()).toMatchObject({ error: 'Not Found' })
      await host.close()
    }
  })

  test('may be registered twice, over stores of their own', async () => {
    const other = await SqliteStore.open({ path: join(directory, 'other.db'), readers: 1 })
    await other.createUser('carol', 'hash')
    const host = fastify()
    await host.register(cqServer, { prefix: '/one', store, jwtSecret, apiKeyPepper })
    await host.register(cqServer, { prefix: '/two', store: other, jwtSecret, apiKeyPepper })
    for (const prefix of ['/one', '/two'])
      expect((await host.inject(`${prefix}/ready`)).statusCode).toBe(200)
    await host.close()
    await other.close()
  })

  test('decorates nothing, and leaves the store open', async () => {
    const host = fastify()
    const names = (object: object) => Object.getOwnPropertyNames(object).sort()
    const before = names(host)
    await host.register(cqServer, { store, jwtSecret, apiKeyPepper })
    await host.ready()
    expect(names(host)).toEqual(before)
    await host.close()
    expect(await store.count()).toBe(0)
  })

  test.each([
    [{ jwtSecret: '' }, 'jwtSecret must be set'],
    [{ jwtSecret: ' '.repeat(40) }, 'jwtSecret must be set'],
    [{ jwtSecret: undefined as unknown as string }, 'jwtSecret must be set'],
    [{ jwtSecret: 'x7Qm2'.repeat(6) }, 'jwtSecret is a placeholder'],
    [{ jwtSecret: '0ZkDp1fQyVw9sLc4tHbR8mEaXjU3nGo' }, 'jwtSecret is shorter than 32 bytes'],
    [{ apiKeyPepper: '' }, 'apiKeyPepper must be set'],
    [{ apiKeyPepper: ' ' }, 'apiKeyPepper must be set'],
  ])('refuses %j, as a whole server does, and tells what makes a secret', async (weak, message) => {
    const options = { store, jwtSecret, apiKeyPepper, ...weak }
    const host = fastify()
    const registered = async () => {
      await host.register(cqServer, options)
    }
    for (const refused of [registered(), createServer(options)]) {
      const error = await refused.then(
        () => expect.fail('it was taken'),
        (error: unknown) => error as Error,
      )
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain(message)
      expect(error.message).toContain('node -p "crypto.')
      for (const secret of Object.values(weak))
        if (secret?.trim()) expect(error.message).not.toContain(secret)
    }
    await host.close()
  })

  test('takes what Fastify itself takes where a plugin is registered, and undefined', async () => {
    const host = fastify()
    const options = { prefix: '/cq', logLevel: 'warn', logSerializers: {} } as const
    const unsaid = { loginFailures: undefined }
    await host.register(cqServer, { store, jwtSecret, apiKeyPepper, ...options, ...unsaid })
    expect((await host.inject('/cq/health')).statusCode).toBe(200)
    await host.close()
  })

  test('refuses an option that there is not', async () => {
    const host = fastify()
    const misspelt = { store, jwtSecret, apiKeyPepper, loginFailure: 3 }
    const registered = async () => {
      await host.register(cqServer, misspelt)
    }
    await expect(registered()).rejects.toThrow(
      'the options of cqServer must not have "loginFailure"; known names are store, jwtSecret,',
    )
    await host.close()
    await expect(createServer(misspelt)).rejects.toThrow('must not have "loginFailure"')
    // Which are those of a whole server, and would be of no effect here.
    const whole = fastify()
    const trusting = { store, jwtSecret, apiKeyPepper, trustProxy: true }
    const taken = async () => {
      await whole.register(cqServer, trusting)
    }
    await expect(taken()).rejects.toThrow('must not have "trustProxy"')
    await whole.close()
  })

  test.each([
    [{ metrics: 'off' }, 'metrics must be true, false or { port, host }, and is off'],
    [{ metrics: 0 }, 'metrics must be'],
    [{ metrics: null }, 'metrics must be'],
    [{ docs: 'off' }, 'docs must be true or false, and is off'],
    [{ store: {} }, 'needs a Store as its store'],
    [{ store: null }, 'needs a Store as its store'],
    [{ prefix: '/..' }, 'prefix must be'],
  ])('refuses the value %j', async (wrong, message) => {
    const options = { store, jwtSecret, apiKeyPepper, ...wrong } as unknown as ServerOptions
    await expect(createServer(options)).rejects.toThrow(message)
  })

  test('is a whole server, too, whose options may be undefined', async () => {
    const unsaid = { logger: undefined, trustProxy: undefined, loginFailures: undefined }
    const server = await createServer({ store, jwtSecret, apiKeyPepper, ...unsaid })
    expect((await server.inject('/health')).statusCode).toBe(200)
    await server.close()
  })
})
