import { createServer as createHttpServer, request as sendRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runInNewContext } from 'node:vm'
import { fastifySwagger } from '@fastify/swagger'
import { Ajv } from 'ajv'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cqServer } from '../../src/server/index.ts'
import type { OpenApi, OpenApiOperation } from './documented.ts'
import { apiKeyPepper, jwtSecret, type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let document: OpenApi
let operations: readonly { readonly path: string; readonly operation: OpenApiOperation }[]
beforeAll(async () => {
  served = await serveStore()
  document = (await served.documented()).document
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, operation })),
  )
})
afterAll(() => served[Symbol.asyncDispose]())

// The rules that redocly's linter counts as errors, and those of its warnings that are meant here.
describe('the OpenAPI document', () => {
  // Clients are generated from it: a change of it is to be reviewed.
  test('is the one that is kept beside this test', async () => {
    const isOwnServer = ({ url }: { url: string }) => url === served.url
    const servers = document.servers.map((server) => (isOwnServer(server) ? { url: '/' } : server))
    const kept = { ...document, servers, info: { ...document.info, version: '0.0.0' } }
    await expect(`${readable(kept)}\n`).toMatchFileSnapshot('openapi.json')
  })

  test('gives every operation a name of its own, which says where it is', () => {
    const names = operations.map(({ operation }) => operation.operationId)
    expect(names.filter((name) => !/^[a-z][A-Za-z]+$/.test(name ?? ''))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
  })

  test('says of every operation who may call it', () => {
    const schemes = Object.keys(document.components.securitySchemes)
    for (const { path, operation } of operations) {
      const { security = 'nothing is said', responses } = operation
      expect([path, security]).toEqual([path, expect.any(Array)])
      const named = (security as object[]).flatMap((one) => Object.keys(one))
      expect(schemes).toEqual(expect.arrayContaining(named))
      const isLogin = path.endsWith('/auth/login') || operation.operationId === 'signIn'
      const isOpen = named.length === 0 && !isLogin
      expect([path, '401' in responses]).toEqual([path, !isOpen])
    }
  })

  test('names a server and known tags, and gives each answer a description', () => {
    expect(document.servers).toHaveLength(1)
    const known = document.tags.map(({ name }) => name)
    for (const { operation } of operations) {
      expect(operation.tags).toHaveLength(1)
      expect(known).toEqual(expect.arrayContaining([...(operation.tags ?? [])]))
      for (const response of Object.values(operation.responses))
        expect(response).toHaveProperty('description', expect.stringMatching(/./))
    }
  })

  test('declares each gap of a path', () => {
    for (const { path, operation } of operations) {
      const gaps = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name)
      const named = operation.parameters?.filter((one) => one.in === 'path') ?? []
      expect([path, named.map(({ name }) => name)]).toEqual([path, gaps])
    }
  })

  test('knows the refusals of every route, and when to try again', () => {
    for (const { path, operation } of operations) {
      const { responses, requestBody } = operation
      if (requestBody)
        expect(Object.keys(responses)).toEqual(
          expect.arrayContaining(['413', path === '/mcp' ? '400' : '422']),
        )
      for (const status of ['429', '503'])
        if (responses[status]) expect(responses[status].headers).toHaveProperty('Retry-After')
      expect([path, Object.keys(responses)]).toEqual([path, expect.arrayContaining(['500'])])
    }
    const login = document.paths['/api/v1/auth/login']?.post
    expect(Object.keys(login?.responses ?? {})).toEqual([
      '200',
      '401',
      '413',
      '422',
      '429',
      '500',
      '503',
    ])
    expect(document.paths['/metrics']?.get?.responses['200']?.content).toHaveProperty('text/plain')
  })

  test('has an example of every body, which the server takes', () => {
    const bodies = operations.flatMap(({ operation }) => operation.requestBody ?? [])
    expect(bodies.length).toBeGreaterThan(0)
    for (const { content } of bodies) {
      const { schema, example } = Object.values(content)[0] ?? { schema: {} }
      const check = new Ajv({ strict: false }).compile(schema)
      expect(example).toBeDefined()
      expect([check(example), check.errors]).toEqual([true, null])
    }
  })

  test('has the current API first, and the earlier one last and deprecated', () => {
    const isDeprecated = operations.map(({ operation }) => operation.deprecated === true)
    expect(isDeprecated).toEqual([...isDeprecated].sort())
    expect(document.tags.at(-1)?.name).toBe('legacy')
    for (const { path, operation } of operations) {
      const isCurrentAtRoot = ['/health', '/ready', '/metrics', '/mcp'].includes(path)
      const isEarlier = /\/(query|propose|confirm|flag|stats|auth\/me|auth\/api-keys)\b/.test(
        path.replace('/knowledge/stats', '').replace('/review/stats', ''),
      )
      const isLegacy = isEarlier || !(path.startsWith('/api/v1/') || isCurrentAtRoot)
      expect([path, operation.deprecated === true]).toEqual([path, isLegacy])
      expect([path, operation.tags?.includes('legacy')]).toEqual([path, isLegacy])
    }
  })
})

/** The scripts and styles of a page, as a browser at `url` asks for them. */
async function assetsOf(url: string): Promise<string[]> {
  const page = await fetch(url)
  expect(page.status).toBe(200)
  const html = await page.text()
  const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)]
  return links.map(([, link = '']) => new URL(link, page.url).href)
}

interface BrowserWindow {
  onload?: () => void
  readonly location: { readonly href: string }
}

/** Runs a page's own script as a browser would that is at `url`, and tells what it was asked to show. */
async function openPage(url: string) {
  const script = (await assetsOf(url)).find((link) => link.endsWith('/swagger-initializer.js'))
  const source = await (await fetch(script ?? '')).text()
  const folded: (readonly string[])[] = []
  let config: { url?: string; onComplete?: () => void } = {}
  const ui = {
    layoutActions: {
      show: (thing: readonly string[], isShown: boolean) => isShown || folded.push(thing),
    },
    initOAuth: () => {},
  }
  const SwaggerUIBundle = Object.assign(
    (given: typeof config) => {
      config = given
      return ui
    },
    { presets: {}, plugins: {} },
  )
  const page = {
    // As an anchor of the page's document reads what it is given.
    createElement: () => ({
      set href(link: string) {
        this.resolved = new URL(link, url).href
      },
      get href() {
        return this.resolved
      },
      resolved: '',
    }),
    querySelector: () => ({ appendChild: () => {} }),
  }
  const window: BrowserWindow = { location: { href: url } }
  runInNewContext(source, {
    window,
    document: page,
    SwaggerUIBundle,
    SwaggerUIStandalonePreset: {},
  })
  window.onload?.()
  config.onComplete?.()
  return { documentUrl: config.url ?? '', folded }
}

/** Where a page's "try it" sends what is asked of a path. */
async function triedAt(documentUrl: string, path: string): Promise<string> {
  const answer = await fetch(documentUrl)
  const { servers, paths } = (await answer.json()) as OpenApi
  expect(Object.keys(paths)).toContain(path)
  return new URL(servers[0]?.url ?? '', documentUrl).href.replace(/\/$/, '') + path
}

/** Asks that the pages, what they load, and what can be tried there are all where `base` is. */
async function expectPages(base: string): Promise<void> {
  for (const url of [`${base}/docs`, `${base}/docs/`]) {
    const assets = await assetsOf(url)
    expect(assets.length).toBeGreaterThan(4)
    for (const asset of assets) {
      expect(asset).toMatch(new RegExp(`^${base}/docs/static/`))
      const answer = await fetch(asset)
      expect([asset, answer.status]).toEqual([asset, 200])
      await answer.arrayBuffer()
    }
    const { documentUrl } = await openPage(url)
    for (const from of [documentUrl, `${base}/openapi.json`]) {
      const tried = await triedAt(from, '/api/v1/health')
      expect(tried).toBe(`${base}/api/v1/health`)
      expect((await fetch(tried)).status).toBe(200)
    }
  }
}

/** A reverse proxy that serves `target` under `/proxied`, which it strips unless it keeps it. */
async function proxyTo(target: string, prefix: 'kept' | 'stripped') {
  const proxy = createHttpServer((request, response) => {
    const path = request.url ?? ''
    if (!path.startsWith('/proxied/')) {
      response.writeHead(404).end()
      return
    }
    const url = target + (prefix === 'kept' ? path : path.slice('/proxied'.length))
    const { method, headers } = request
    const passed = sendRequest(url, { method, headers: { ...headers, host: new URL(target).host } })
    passed.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    request.pipe(passed)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    base: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/proxied`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => proxy.close(() => resolve())),
  }
}

describe('the pages', () => {
  test('fold the earlier API', async () => {
    const { folded } = await openPage(`${served.url}/docs`)
    expect(folded).toEqual([['operations-tag', 'legacy']])
  })

  test('find everything at the root', () => expectPages(served.url))

  test('find everything under a prefix', async () => {
    await using under = await serveStore({ server: { prefix: '/team/cq' } })
    await expectPages(`${under.url}/team/cq`)
  })

  test('find everything behind a proxy that strips a prefix, as redirects do', async () => {
    await using proxy = await proxyTo(served.url, 'stripped')
    await expectPages(proxy.base)
    expect((await fetch(`${proxy.base}/health/`)).url).toBe(`${proxy.base}/health`)
  })

  test('find everything behind a proxy that keeps a prefix', async () => {
    await using under = await serveStore({ server: { prefix: '/proxied' } })
    await using proxy = await proxyTo(under.url, 'kept')
    await expectPages(proxy.base)
  })

  test('find everything in a plugin under a prefix, twice in a host', async () => {
    const { store } = served
    const host = fastify()
    for (const prefix of ['/one', '/two/cq'])
      await host.register(cqServer, { prefix, store, jwtSecret, apiKeyPepper, docs: true })
    await host.listen({ host: '127.0.0.1', port: 0 })
    const { port } = host.server.address() as AddressInfo
    for (const prefix of ['/one', '/two/cq']) await expectPages(`http://127.0.0.1:${port}${prefix}`)
    await host.close()
  })

  test('are off where that is said, and in a plugin where nothing is', async () => {
    await using closed = await serveStore({ server: { docs: false } })
    for (const path of ['/docs', '/docs/', '/docs/json', '/openapi.json'])
      expect((await fetch(closed.url + path)).status).toBe(404)
    expect((await fetch(`${closed.url}/api/v1/knowledge?domains=a`)).status).toBe(200)
    const host = fastify()
    await host.register(cqServer, { store: served.store, jwtSecret, apiKeyPepper })
    for (const path of ['/docs', '/openapi.json'])
      expect((await host.inject(path)).statusCode).toBe(404)
    await host.close()
  })

  test('are left to a host that has its own, which names each operation once', async () => {
    const options = { store: served.store, jwtSecret, apiKeyPepper }
    const host = fastify()
    await host.register(fastifySwagger, { openapi: {} })
    const withPages = async () => {
      await host.register(cqServer, { ...options, prefix: '/a', docs: true })
    }
    await expect(withPages()).rejects.toThrow('docs must be off, since this server has')
    await host.close()

    const other = fastify()
    const bearer = { type: 'http', scheme: 'bearer' } as const
    const securitySchemes = { apiKey: bearer, login: bearer }
    await other.register(fastifySwagger, { openapi: { components: { securitySchemes } } })
    await other.register(cqServer, { ...options, prefix: '/cq' })
    other.get('/own.json', async () => other.swagger())
    const { paths } = (await other.inject('/own.json')).json<OpenApi>()
    expect(paths['/cq/api/v1/knowledge']?.post?.operationId).toBe('proposeUnit')
    expect(paths['/cq/propose']?.post).toMatchObject({
      operationId: 'legacyProposeUnitAtRoot',
      deprecated: true,
    })
    await other.close()
  })
})

/** JSON whose short parts are on a line each. */
function readable(value: unknown, indent = ''): string {
  const line = JSON.stringify(value)
  if (line.length + indent.length <= 110 || typeof value !== 'object' || value === null) return line
  const deeper = `${indent}  `
  const parts = Object.entries(value).map(([name, part]) => {
    const key = Array.isArray(value) ? '' : `${JSON.stringify(name)}: `
    return `\n${deeper}${key}${readable(part, deeper)}`
  })
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return `${open}${parts.join(',')}\n${indent}${close}`
}
