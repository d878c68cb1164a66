import { request } from 'node:http'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cqServer } from '../../src/server/index.ts'
import { noBrowser } from '../dashboard/browser.ts'
import { apiKeyPepper, jwtSecret, type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let prefixed: ServedStore

beforeAll(async () => {
  served = await serveStore()
  prefixed = await serveStore({ server: { prefix: '/team/cq' } })
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await prefixed[Symbol.asyncDispose]()
})

const ask = (url: string, init: RequestInit = {}) => fetch(url, { redirect: 'manual', ...init })
const isBuilt = noBrowser === undefined || !noBrowser.includes('not built')

describe.skipIf(!isBuilt)('the dashboard', () => {
  test.each([
    ['/', 'ui/'],
    ['/?unit=1', 'ui/'],
    ['/ui', 'ui/'],
  ])('is where %s leads to', async (path, location) => {
    const answer = await ask(served.url + path)
    expect([answer.status, answer.headers.get('location')]).toEqual([302, location])
  })

  test.each([
    ['/team/cq', 'cq/ui/'],
    ['/team/cq/', 'ui/'],
    ['/team/cq/ui', 'ui/'],
  ])('is where %s leads to under a prefix', async (path, location) => {
    const answer = await ask(prefixed.url + path)
    expect([answer.status, answer.headers.get('location')]).toEqual([302, location])
    const page = await fetch(prefixed.url + path)
    expect([page.status, new URL(page.url).pathname]).toEqual([200, '/team/cq/ui/'])
  })

  test.each([
    ['/ui/', './'],
    ['/ui/review', './'],
    ['/ui/library/ku_0', '../'],
    ['/ui/a/b/c', '../../'],
    ['/ui/a%2Fb/c', '../'],
    ['/ui//x', '../'],
  ])('has one page at every address, whose links are right at %s', async (path, base) => {
    const answer = await ask(served.url + path)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('cache-control')).toBe('no-cache')
    const text = await answer.text()
    expect(text).toContain(`<base href="${base}"`)
    const [, script = ''] = /<script type="module"[^>]* src="([^"]+)"/.exec(text) ?? []
    const address = new URL(script, new URL(base, served.url + path))
    const loaded = await ask(String(address))
    expect([loaded.status, loaded.headers.get('content-type')]).toEqual([
      200,
      'text/javascript; charset=utf-8',
    ])
    expect(loaded.headers.get('cache-control')).toContain('immutable')
  })

  test('answers HEAD, as for a probe', async () => {
    const answer = await ask(`${served.url}/ui/`, { method: 'HEAD' })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })

  test('runs nothing but its own files, and no script stands in the page', async () => {
    const answer = await ask(`${served.url}/ui/`)
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    const text = await answer.text()
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/)
  })

  test('is at most 120 kB at first load, compressed', async () => {
    const page = await (await ask(`${served.url}/ui/`)).text()
    const files = [...page.matchAll(/(?:src|href)="(\.\/assets\/[^"]+)"/g)].map(([, name]) => name)
    expect(files.length).toBeGreaterThan(1)
    const sizes = await Promise.all(
      files.map((name) => bytesOf(new URL(`${name}`, `${served.url}/ui/`))),
    )
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(120_000)
  })

  test.each(['/ui/assets/none.js', '/ui/assets/', '/ui/index.html', '/ui/a/b/c/d/e/f/g/h/i/j'])(
    'has nothing at %s, and says so in JSON',
    async (path) => {
      const answer = await ask(served.url + path)
      expect(answer.status).toBe(404)
      expect(await answer.json()).toEqual({ detail: 'Not Found' })
    },
  )

  test.each([
    '/ui/../../package.json',
    '/ui/%2e%2e/%2e%2e/package.json',
    '/ui/..%2f..%2fpackage.json',
  ])('gives away no other file: %s', async (path) => {
    const text = await rawAnswer(path)
    expect(text).not.toContain('"dependencies"')
  })

  test('may be turned off, and then everything is as it was', async () => {
    await using off = await serveStore({ server: { dashboard: false } })
    for (const path of ['/', '/ui', '/ui/', '/ui/review']) {
      const answer = await ask(off.url + path)
      expect([answer.status, await answer.json()]).toEqual([404, { detail: 'Not Found' }])
    }
  })

  test.each([[{ ignoreTrailingSlash: true }], [{}]])(
    'leaves the root of a host with %j alone',
    async (routerOptions) => {
      const host = fastify({ routerOptions })
      const { store } = served
      await host.register(cqServer, { store, jwtSecret, apiKeyPepper, metrics: false })
      host.get('/', async () => 'the host')
      expect((await host.inject('/')).body).toBe('the host')
      expect((await host.inject('/ui/')).body).toContain('<base href="./"')
      expect((await host.inject('/ui')).headers.location).toBe('ui/')
      await host.close()
    },
  )
})

/** How many bytes go over the wire. */
async function bytesOf(url: URL): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  request(url, { headers: { 'accept-encoding': 'gzip' } }, (answer) => {
    let bytes = 0
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    answer.on('end', () => resolve(bytes))
  })
    .on('error', reject)
    .end()
  return promise
}

/** The answer to a path that `fetch` would tidy up. */
async function rawAnswer(path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const { hostname, port } = new URL(served.url)
  request({ hostname, port, path }, (answer) => {
    let text = ''
    answer.on('data', (chunk: Buffer) => {
      text += chunk
    })
    answer.on('end', () => resolve(text))
  })
    .on('error', reject)
    .end()
  return promise
}
