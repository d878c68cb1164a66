import { describe, expect, test } from 'vitest'
import { createServer } from '../../src/server/server.ts'
import { apiKeyPepper, jwtSecret, serveStore } from './served-store.ts'

describe('a server under a prefix', () => {
  test('answers everything below it, and at the root only probes', async () => {
    await using served = await serveStore({ server: { prefix: '/team/cq' } })
    const statusOf = async (path: string) => (await fetch(served.url + path)).status
    for (const path of [
      '/health',
      '/ready',
      '/metrics',
      '/openapi.json',
      '/docs',
      '/query?domains=a',
    ])
      expect(await statusOf(`/team/cq${path}`)).toBe(200)
    expect(await statusOf('/team/cq/api/v1/knowledge?domains=a')).toBe(200)
    expect(await statusOf('/health')).toBe(200)
    expect(await statusOf('/ready')).toBe(200)
    for (const path of ['/metrics', '/docs', '/api/v1/health', '/query?domains=a', '/team'])
      expect(await statusOf(path)).toBe(404)
  })

  test.each(['/nowhere', '/team/cq/nowhere'])(
    'refuses %s as alone, whatever comes with it',
    async (path) => {
      await using served = await serveStore({ server: { prefix: '/team/cq' } })
      for (const type of ['text/strange', 'application/json', 'x']) {
        const headers = { 'content-type': type }
        const answer = await fetch(served.url + path, { method: 'POST', headers, body: '{' })
        expect(answer.status).toBe(404)
        expect(await answer.json()).toEqual({ detail: 'Not Found' })
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      }
    },
  )

  test('answers HEAD and slashes at the root and below as alone', async () => {
    await using served = await serveStore({ server: { prefix: '/team/cq' } })
    for (const path of ['/health', '/team/cq/health']) {
      expect((await fetch(served.url + path, { method: 'HEAD' })).status).toBe(200)
      expect((await fetch(`${served.url}${path}/`)).url).toBe(served.url + path)
      const refused = await fetch(served.url + path, { method: 'PUT' })
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    }
    await served.store.close()
    expect((await fetch(`${served.url}/ready`)).status).toBe(503)
    expect((await fetch(`${served.url}/health`)).status).toBe(200)
  })

  test.each(['cq', '/cq/', '/', '/:id', '/a*', '//cq', '/a b'])('is none: %j', async (prefix) => {
    await using served = await serveStore()
    const { store } = served
    await expect(createServer({ store, jwtSecret, apiKeyPepper, prefix })).rejects.toThrow(
      'prefix must be a path that begins with a slash and does not end with one, as in /cq',
    )
  })
})
