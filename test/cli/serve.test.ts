import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer as createTcpServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { samples } from '../../src/cli/sample-units.ts'
import { apiKeyPepper, jwtSecret } from '../server/served-store.ts'
import { RunningCommand, runCommand } from './command.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cq-store-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const served = /^at (http:[^\s,]+)/m

/** What `npm start` runs, on a free port and in a folder of its own. */
function startDevelopment(more: { nodeArgs?: readonly string[] } = {}): RunningCommand {
  const path = join(directory, 'data', 'cq.db')
  return new RunningCommand({
    args: ['serve', '--dev', '--port', '0'],
    environment: { CQ_DB_PATH: path },
    ...more,
  })
}

describe('serve --dev', () => {
  test.each([
    ['as Node runs TypeScript', []],
    ['under tsx', ['--import', 'tsx']],
  ])('fills a new database with samples and serves it, %s', async (_name, nodeArgs) => {
    await using command = startDevelopment({ nodeArgs })
    const [, url] = await command.tells(served)
    const answer = await fetch(`${url}/api/v1/knowledge/stats`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ total_count: samples.length })
  })

  test('prints a curl line that finds ranked units', async () => {
    await using command = startDevelopment()
    const [, line = ''] = await command.tells(/curl '(.*)'\n/)
    const answer = await fetch(line)
    const { data } = (await answer.json()) as { data: { domains: string[] }[] }
    expect(data.length).toBeGreaterThan(1)
    for (const { domains } of data) expect(domains.join(' ')).toMatch(/sqlite|nodejs/)
  })

  test('keeps what it has at the next start', async () => {
    for (const _start of ['first', 'second']) {
      await using command = startDevelopment()
      const [, count] = await command.tells(/serves (\d+) knowledge units/)
      expect(Number(count)).toBe(samples.length)
      command.process.kill('SIGTERM')
      expect((await command.outcome).code).toBe(0)
    }
  })

  test('keeps its database in the folder that it is started in', async () => {
    await using command = new RunningCommand({
      args: ['serve', '--dev', '--port', '0'],
      directory,
    })
    await command.tells(served)
    expect(existsSync(join(directory, 'data', 'cq.db'))).toBe(true)
  })
})

describe('what --dev keeps beside the database', () => {
  const secretsOf = async () => parseEnv(await readFile(join(directory, 'data', 'dev.env'), 'utf8'))
  const login = (url: string, username = '', password = '') =>
    fetch(`${url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    })
  const propose = (url: string, key = '') =>
    fetch(`${url}/api/v1/knowledge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: '{"domains":["x"],"insight":{"summary":"s","detail":"d","action":"a"}}',
    })

  test('is a demo login and an API key, for the owner alone, and the same at the next start', async () => {
    let before: NodeJS.Dict<string> | undefined
    for (const _start of ['first', 'second']) {
      await using command = startDevelopment()
      const [, url = ''] = await command.tells(served)
      const secrets = await secretsOf()
      expect((await stat(join(directory, 'data', 'dev.env'))).mode & 0o777).toBe(0o600)
      expect((await login(url, secrets.CQ_DEMO_USER, secrets.CQ_DEMO_PASSWORD)).status).toBe(200)
      expect((await propose(url, secrets.CQ_DEMO_API_KEY)).status).toBe(201)
      expect(secrets).toEqual(before ?? secrets)
      before = secrets
      command.process.kill('SIGTERM')
      const { stdout } = await command.outcome
      for (const name of [
        'CQ_JWT_SECRET',
        'CQ_API_KEY_PEPPER',
        'CQ_DEMO_PASSWORD',
        'CQ_DEMO_API_KEY',
      ])
        expect(stdout).not.toContain(secrets[name])
    }
  })

  test('is made anew where it was lost', async () => {
    for (const start of ['first', 'second']) {
      await using command = startDevelopment()
      const [, url = ''] = await command.tells(served)
      const secrets = await secretsOf()
      expect((await login(url, secrets.CQ_DEMO_USER, secrets.CQ_DEMO_PASSWORD)).status).toBe(200)
      expect((await propose(url, secrets.CQ_DEMO_API_KEY)).status).toBe(201)
      command.process.kill('SIGTERM')
      expect((await command.outcome).code).toBe(0)
      if (start === 'first') await rm(join(directory, 'data', 'dev.env'))
    }
  })
})

describe('serve without --dev', () => {
  test.each([
    [{ CQ_API_KEY_PEPPER: apiKeyPepper }, 'CQ_JWT_SECRET must be set'],
    [{ CQ_JWT_SECRET: jwtSecret }, 'CQ_API_KEY_PEPPER must be set'],
    [{ CQ_JWT_SECRET: jwtSecret, CQ_API_KEY_PEPPER: ' ' }, 'CQ_API_KEY_PEPPER must be set'],
    [{ CQ_JWT_SECRET: '...', CQ_API_KEY_PEPPER: '...' }, 'CQ_JWT_SECRET is a placeholder'],
    [
      { CQ_JWT_SECRET: 'Vk3q', CQ_API_KEY_PEPPER: apiKeyPepper },
      'CQ_JWT_SECRET is shorter than 32',
    ],
  ])('refuses to start with %j, and touches no file', async (secrets, message) => {
    const path = join(directory, 'cq.db')
    const environment = { ...secrets, CQ_DB_PATH: path }
    const { code, stderr } = await runCommand({ args: ['serve'], environment })
    expect(code).toBe(2)
    expect(stderr).toMatch(
      new RegExp(`^cq-store: ${message}.*; make one with: node -p "crypto.*\n$`),
    )
    expect(stderr).not.toContain('Vk3q')
    expect(existsSync(path)).toBe(false)
  })

  test('serves an empty database with the secrets of the environment, and logs as JSON', async () => {
    await using command = new RunningCommand({
      args: ['serve', '--port', '0', '--db-path', join(directory, 'cq.db')],
      // A blank variable is none: it would have it listen on every address.
      environment: { CQ_JWT_SECRET: jwtSecret, CQ_API_KEY_PEPPER: 'pepper', CQ_HOST: '' },
    })
    const [, url = ''] = await command.tells(/listening at (http:\/\/127\.0\.0\.1:[^"]+)"/)
    const stats = await fetch(`${url}/api/v1/knowledge/stats`)
    expect(await stats.json()).toMatchObject({ total_count: 0 })
    command.process.kill('SIGTERM')
    const { code, stdout, stderr } = await command.outcome
    expect(code).toBe(0)
    expect(stderr).toBe('')
    const lines = stdout.trim().split('\n')
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
    expect(messages).toContain('request')
    // A short pepper is only warned of, and once.
    const warnings = messages.filter((message) => message.startsWith('the pepper of API keys'))
    expect(warnings).toEqual([expect.stringContaining('is a placeholder')])
    expect(stdout).not.toContain(jwtSecret)
    expect(messages.slice(-2)).toEqual(['stopping: finishing what is under way', 'stopped'])
  })
})

describe('a server that is told to stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'ends well at %s, and folds the write-ahead log in',
    async (signal) => {
      await using command = startDevelopment()
      await command.tells(served)
      command.process.kill(signal)
      const { code, stderr } = await command.outcome
      expect(code).toBe(0)
      expect(stderr).toBe('')
      expect(
        (await readdir(join(directory, 'data'))).filter((name) => /-(wal|shm)$/.test(name)),
      ).toEqual([])
    },
  )

  test('finishes the request that is under way, then ends well', async () => {
    await using command = startDevelopment()
    const [, url = ''] = await command.tells(served)
    const unfinished = await sendHalf(url)
    command.process.kill('SIGTERM')
    await command.tells(/finishing/)
    expect(await unfinished.finish()).toBe(404)
    expect((await command.outcome).code).toBe(0)
  })

  test('ends well after the longest grace period that can be set, too', async () => {
    const path = join(directory, 'data', 'cq.db')
    await using command = new RunningCommand({
      args: ['serve', '--dev', '--port', '0', '--grace-period', '2147483647'],
      environment: { CQ_DB_PATH: path },
    })
    await command.tells(served)
    command.process.kill('SIGTERM')
    expect(await command.outcome).toMatchObject({ code: 0, signal: null })
  })

  test('ends at once at a second signal, whatever is under way', async () => {
    await using command = startDevelopment()
    const [, url = ''] = await command.tells(served)
    const unfinished = await sendHalf(url)
    command.process.kill('SIGTERM')
    await command.tells(/finishing/)
    command.process.kill('SIGTERM')
    // Which a shell tells as 143.
    expect(await command.outcome).toMatchObject({ code: null, signal: 'SIGTERM' })
    await expect(unfinished.finish()).rejects.toThrow()
  })
})

/** Sends a request up to the middle of its body, and resolves once the server has begun to read it. */
async function sendHalf(url: string): Promise<{ finish(): Promise<number | undefined> }> {
  const headers = { expect: '100-continue', 'content-length': 2 }
  const half = request(`${url}/nowhere`, { method: 'POST', headers })
  const answer = new Promise<number | undefined>((resolve, reject) => {
    half.on('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    half.on('error', reject)
  })
  answer.catch(() => {})
  half.flushHeaders()
  await once(half, 'continue')
  half.write('x')
  return {
    finish: () => {
      half.end('y')
      return answer
    },
  }
}

describe('a server that cannot start', () => {
  let other: Server
  beforeEach(async () => {
    other = createTcpServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  })
  afterEach(() => new Promise<void>((resolve) => other.close(() => resolve())))

  test('says that the port is taken and what to do, and lets go of the database', async () => {
    const { port } = other.address() as { port: number }
    const path = join(directory, 'cq.db')
    const { code, stdout, stderr } = await runCommand({
      args: ['serve', '--dev', '--db-path', path],
      environment: { CQ_PORT: String(port) },
    })
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toBe(
      `cq-store: can't listen on 127.0.0.1:${port}: another program listens there. ` +
        'Choose another port with CQ_PORT\n',
    )
    expect((await readdir(directory)).sort()).toEqual(['cq.db', 'dev.env'])
  })

  test.each([
    [['--port', '70000'], {}, /'70000' is invalid.*0 to 65535/],
    [['--readers', '0'], {}, /--readers.*'0' is invalid.*1 to 64/],
    [['--rankers', '0'], {}, /--rankers.*'0' is invalid.*1 to 64/],
    [[], { CQ_DURABILITY: 'some' }, /'some' from env 'CQ_DURABILITY' is invalid.*normal, full/],
    [['--trust-proxy', 'everybody'], {}, /'--trust-proxy <.*'everybody' is none of these: an add/],
    [[], { CQ_TRUST_PROXY: '10.0.0' }, /'CQ_TRUST_PROXY' is invalid. '10.0.0' is none of these/],
    [[], { CQ_PORT: 'http' }, /'http' from env 'CQ_PORT' is invalid.*0 to 65535/],
    [
      ['--database-url', 'postgresql://carol:secret@host/cq', '--read-only'],
      {},
      /--read-only is for/,
    ],
    [
      ['--database-url', 'postgresql://carol:secret@host/cq', '--replicas', 'mysql://a:secret@b/c'],
      {},
      /--replicas must be URLs/,
    ],
    [
      ['--db-path', 'cq.db', '--replicas', 'postgresql://carol:secret@host/cq'],
      {},
      /--replicas is for a PostgreSQL database/,
    ],
  ])(
    'refuses %j with %j, naming the setting and no password',
    async (args, environment, message) => {
      const { code, stderr } = await runCommand({ args: ['serve', ...args], environment })
      expect(code).toBe(2)
      expect(stderr).toMatch(message)
      expect(stderr).not.toContain('secret')
    },
  )

  test('refuses a file that is no database, in one line', async () => {
    const path = join(import.meta.dirname, 'serve.test.ts')
    const { code, stderr } = await runCommand({ args: ['serve', '--dev', '--db-path', path] })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^cq-store: .*not a SQLite database.*\(database: .*serve\.test\.ts\)\n$/)
  })
})
