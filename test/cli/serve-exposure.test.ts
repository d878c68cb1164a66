import { createServer as createTcpServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { RunningCommand, runCommand } from './command.ts'

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
})
afterEach(() => directory[Symbol.asyncDispose]())

const served = /^at (http:[^\s,]+)/m

/** A development server on a free port, in a folder of its own. */
function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return new RunningCommand({
    args: ['serve', '--dev', '--port', '0', ...args],
    environment: { CQ_DB_PATH: directory.file('cq.db'), ...environment },
  })
}

async function statusOf(url: string, path: string): Promise<number> {
  const answer = await fetch(new URL(path, url))
  await answer.arrayBuffer()
  return answer.status
}

describe('--prefix', () => {
  test.each([['of the environment', [], { CQ_PREFIX: '/team/cq' }]])(
    '%s puts everything below it, and leaves probes at the root',
    async (_name, args, variables) => {
      await using command = start(args, variables)
      const [, url = ''] = await command.tells(served)
      expect(new URL(url).pathname).toBe('/team/cq')
      const [, line = ''] = await command.tells(/curl '(.*)'\n/)
      expect(((await (await fetch(line)).json()) as { data: unknown[] }).data.length).toBe(3)
      for (const path of ['/health', '/ready', '/metrics', '/docs'])
        expect(await statusOf(url, `/team/cq${path}`)).toBe(200)
      for (const path of ['/health', '/ready']) expect(await statusOf(url, path)).toBe(200)
      for (const path of ['/metrics', '/docs', '/api/v1/health'])
        expect(await statusOf(url, path)).toBe(404)
    },
  )
})

describe('--metrics and --docs', () => {
  test.each([['of the environment', [], { CQ_METRICS: 'off', CQ_DOCS: 'off' }]])(
    '%s close them',
    async (_name, args, variables) => {
      await using command = start(args, variables)
      const [text, url = ''] = await command.tells(new RegExp(`${served.source}.*`, 'm'))
      expect(text).not.toContain('/docs')
      for (const path of ['/metrics', '/docs', '/docs/', '/openapi.json'])
        expect(await statusOf(url, path)).toBe(404)
      expect(await statusOf(url, '/api/v1/health')).toBe(200)
    },
  )

  test.each([
    ['a port', ['--metrics', '0'], {}],
    ['a host and a port of the environment', [], { CQ_METRICS: 'localhost:0' }],
  ])('puts metrics alone at %s', async (_name, args, variables) => {
    await using command = start(args, variables)
    const [, metrics = ''] = await command.tells(/metrics at (http:[^"]+)"/)
    const [, url = ''] = await command.tells(served)
    expect(await (await fetch(metrics)).text()).toMatch(/^cq_store_pending_units 12$/m)
    expect(await statusOf(metrics, '/api/v1/health')).toBe(404)
    expect(await statusOf(url, '/metrics')).toBe(404)
    command.process.kill('SIGTERM')
    expect((await command.outcome).code).toBe(0)
  })
})

describe('--mcp', () => {
  const ask = (url: string, origin: string) =>
    fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        origin,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    })

  test('closes /mcp, or opens it to pages of other origins', async () => {
    await using command = start([], {
      CQ_MCP_ORIGINS: 'https://one.example, https://two.example:8443',
    })
    const [, url = ''] = await command.tells(served)
    expect((await ask(url, 'https://one.example')).status).toBe(200)
    expect((await ask(url, 'https://two.example:8443')).status).toBe(200)
    expect((await ask(url, 'https://three.example')).status).toBe(403)
    await using closed = start(['--mcp', 'off'], { CQ_DB_PATH: directory.file('other.db') })
    const [, other = ''] = await closed.tells(served)
    expect((await ask(other, 'https://one.example')).status).toBe(404)
  })
})

describe('what they may not be', () => {
  test.each([
    [['--prefix', 'cq'], {}, /--prefix.*'cq' is invalid.*begins with a slash/],
    [[], { CQ_PREFIX: '/cq/' }, /CQ_PREFIX.*does not end with one/],
    [['--metrics', 'maybe'], {}, /--metrics.*on, off, a port, or host:port/],
    [['--metrics', '127.0.0.1:70000'], {}, /--metrics.*0 to 65535/],
    [[], { CQ_METRICS: ':' }, /CQ_METRICS.*on, off, a port, or host:port/],
    [['--metrics', '3100', '--port', '3100'], {}, /--metrics.*another port than.*3100/],
    [['--docs', '8080'], {}, /--docs.*on or off/],
    [['--mcp', 'maybe'], {}, /--mcp.*on or off/],
    [['--mcp-origins', 'https://a.example,b'], {}, /--mcp-origins.*each must be an origin/],
    [['--log-format', 'xml'], {}, /--log-format.*auto, json, pretty/],
  ])('%j with %j is refused, and said why', async (args, environment, message) => {
    const { code, stdout, stderr } = await runCommand({
      args: ['serve', '--dev', ...args],
      environment: { CQ_DB_PATH: directory.file('cq.db'), ...environment },
    })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(await directory.list()).toEqual([])
  })

  describe('a port for metrics that is taken', () => {
    let other: Server
    beforeEach(async () => {
      other = createTcpServer()
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    })
    afterEach(() => new Promise<void>((resolve) => other.close(() => resolve())))

    test('is told with the setting, and the database is let go', async () => {
      const { port } = other.address() as { port: number }
      const { code, stderr } = await start(['--metrics', String(port)]).outcome
      expect(code).toBe(1)
      expect(stderr).toBe(
        `cq-store: can't listen on 127.0.0.1:${port} for metrics: another program listens there. ` +
          'Choose another port with --metrics\n',
      )
      expect(await directory.list()).toEqual(['cq.db', 'dev.env'])
    })
  })
})
