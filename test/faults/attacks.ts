import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Corpus } from '../../bench/corpus.ts'
import { makeTemplate } from '../../bench/template.ts'
import { RunningCommand, runCommand } from '../cli/command.ts'

/** Clients that mean harm, and the heaviest requests that are allowed, against `cq-store serve`. */

export interface AttackSizes {
  readonly pipelines: number
  readonly proposals: number
  readonly logins: number
  /** Of the store that the heaviest requests are made of. */
  readonly units: number
  readonly heavy: number
  /** How long a pipeline is left unread, in milliseconds. */
  readonly patience: number
}

export const longAttacks: AttackSizes = {
  pipelines: 50,
  proposals: 6_000,
  logins: 500,
  units: 100_000,
  heavy: 20,
  patience: 30_000,
}

/** What an attack did to the server and to others. */
export interface AttackFigures {
  readonly attack: string
  readonly isAlive: boolean
  /** The most memory that the process had, and what it had before, in MB. */
  readonly peak: number
  readonly before: number
  /** Of `GET /health` meanwhile, in milliseconds. */
  readonly health: Percentiles
  /** What came of it, in words. */
  readonly outcome: string
}

interface Percentiles {
  readonly count: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly most: number
}

const mebibyte = 2 ** 20
const password = 'correct horse battery staple'

/** A server, with somebody who may log in and an agent's key. */
class Target implements AsyncDisposable {
  readonly command: RunningCommand
  readonly port: number
  readonly key: string
  readonly #directory: string

  private constructor(command: RunningCommand, port: number, key: string, directory: string) {
    this.command = command
    this.port = port
    this.key = key
    this.#directory = directory
  }

  /** @param fill makes the database before it is served */
  static async start(fill: (path: string) => Promise<unknown> = async () => {}): Promise<Target> {
    const directory = await mkdtemp(join(tmpdir(), 'cq-store-attack-'))
    const path = join(directory, 'cq.db')
    await fill(path)
    const environment = {
      CQ_DB_PATH: path,
      CQ_JWT_SECRET: randomBytes(48).toString('base64url'),
      CQ_API_KEY_PEPPER: randomBytes(48).toString('base64url'),
    }
    const run = async (args: string[], input?: string) => {
      const { code, stdout, stderr } = await runCommand({
        args,
        environment,
        ...(input !== undefined && { input }),
      })
      if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`)
      return stdout
    }
    await run(['user', 'add', 'carol'], password)
    const key = await run(['key', 'create', 'carol', '--name', 'agent', '--ttl', '1d'])
    const command = new RunningCommand({
      args: ['serve', '--port', '0', '--host', '0.0.0.0'],
      environment,
    })
    const [, port] = await command.tells(/listening at http:\/\/127\.0\.0\.1:(\d+)/)
    const target = new Target(command, Number(port), /cqa\.v1\S+/.exec(key)?.[0] ?? '', directory)
    while ((await target.ask('GET', '/ready')).status !== 200) await delay(100)
    return target
  }

  get isAlive(): boolean {
    return this.command.process.exitCode === null && this.command.process.signalCode === null
  }

  /** In MB. `peak` since `forgetPeak`. */
  memory(): { now: number; peak: number } {
    try {
      const status = readFileSync(`/proc/${this.command.process.pid}/status`, 'utf8')
      const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
      return { now: Math.round(of('VmRSS')), peak: Math.round(of('VmHWM')) }
    } catch {
      return { now: 0, peak: 0 }
    }
  }

  ask(
    method: string,
    path: string,
    { body, token, address }: { body?: string; token?: string; address?: string } = {},
  ): Promise<{ status: number; text: string; milliseconds: number }> {
    const began = performance.now()
    return new Promise((resolve) => {
      const done = (status: number, text: string) =>
        resolve({ status, text, milliseconds: performance.now() - began })
      const client = request(
        {
          method,
          path,
          port: this.port,
          host: '127.0.0.1',
          localAddress: address,
          headers: {
            'content-type': 'application/json',
            ...(token && { authorization: `Bearer ${token}` }),
            ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
          },
          agent: new Agent({ keepAlive: false }),
        },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => {
            text += chunk
          })
          answer.on('end', () => done(answer.statusCode ?? 0, text))
          answer.on('error', () => done(0, text))
        },
      )
      client.on('error', ({ message }) => done(0, message))
      client.end(body)
    })
  }

  async logIn(address?: string) {
    const body = JSON.stringify({ username: 'carol', password })
    const answer = await this.ask('POST', '/auth/login', { body, ...(address && { address }) })
    const token = /"token":"([^"]+)"/.exec(answer.text)?.[1] ?? ''
    return { ...answer, token }
  }

  /** A socket to it, whose errors are nobody's affair. */
  socket(): Socket {
    return connect(this.port, '127.0.0.1').on('error', () => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command[Symbol.asyncDispose]()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

/** Asks for a path again and again, from a thread of its own, which no attack keeps waiting. */
class Probe {
  readonly #worker: Worker

  constructor(port: number, path = '/health', token = '') {
    this.#worker = new Worker(new URL('./probe.ts', import.meta.url), {
      workerData: { port, path, token },
    })
  }

  async end(): Promise<Percentiles> {
    const { promise, resolve } = Promise.withResolvers<Percentiles>()
    this.#worker.once('message', resolve)
    this.#worker.postMessage('end')
    return promise
  }
}

async function measured(
  target: Target,
  attack: string,
  make: () => Promise<string>,
): Promise<AttackFigures> {
  const before = target.memory().now
  const probe = new Probe(target.port)
  const outcome = await make()
  const health = await probe.end()
  if (!target.isAlive) console.error(await target.command.outcome)
  return { attack, isAlive: target.isAlive, before, peak: target.memory().peak, health, outcome }
}

function counted(values: readonly (string | number)[]): string {
  const counts = new Map<string | number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].map(([value, count]) => `${count} x ${value}`).join(', ')
}

async function unreadPipelines({ pipelines, patience }: AttackSizes): Promise<AttackFigures> {
  await using target = await Target.start()
  const one = 'GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n'
  const requests = one.repeat(Math.floor(65_536 / one.length))
  return await measured(target, `${pipelines} unread pipelines of 64 KiB`, async () => {
    const sockets = Array.from({ length: pipelines }, () => target.socket().pause())
    for (const socket of sockets) socket.write(requests)
    await delay(patience)
    // Who does not read does not see either that it was closed.
    for (const socket of sockets) socket.resume()
    await delay(500)
    const closed = sockets.filter(({ destroyed }) => destroyed).length
    for (const socket of sockets) socket.destroy()
    return `after ${patience / 1000} s ${closed} were closed`
  })
}

async function largeProposals({ proposals }: AttackSizes): Promise<AttackFigures> {
  await using target = await Target.start()
  const unit = {
    domains: ['a'],
    insight: { summary: 's', detail: 'd', action: 'a' },
    extensions: { 'a:b': '' },
  }
  const room = mebibyte - JSON.stringify(unit).length - 100
  const body = JSON.stringify({ ...unit, extensions: { 'a:b': 'x'.repeat(room) } })
  const name = `${proposals} proposals of 1 MB at once`
  return await measured(target, name, async () => {
    const answers = await Promise.all(
      // Each of another domain, since the same proposal would be answered with the unit that is there.
      Array.from({ length: proposals }, (_, index) =>
        target.ask('POST', '/api/v1/knowledge', {
          body: body.replace('"a"', `"a${index}"`),
          token: target.key,
        }),
      ),
    )
    const stats = await target.ask('GET', '/api/v1/knowledge/stats')
    const stored = Number(/"total_count":(\d+)/.exec(stats.text)?.[1])
    const acknowledged = answers.filter(({ status }) => status === 201).length
    return `${counted(answers.map(({ status }) => status || 'closed'))}; ${acknowledged} acknowledged, ${stored} stored`
  })
}

async function manyLogins({ logins }: AttackSizes): Promise<AttackFigures> {
  await using target = await Target.start()
  // Has been there before, from here only.
  await target.logIn()
  return await measured(target, `${logins} wrong logins at once`, async () => {
    const wrong = Array.from({ length: logins }, (_, index) =>
      target.ask('POST', '/auth/login', {
        body: JSON.stringify({ username: `user-${index}`, password: 'wrong' }),
      }),
    )
    await delay(200)
    const [other, same] = await Promise.all([target.logIn('127.0.0.2'), target.logIn()])
    const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`
    const answers = await Promise.all(wrong)
    return (
      `a right login from elsewhere: ${other.status} after ${seconds(other.milliseconds)}, ` +
      `from the same address: ${same.status} after ${seconds(same.milliseconds)}; ` +
      `the wrong ones: ${counted(answers.map(({ status }) => status))}`
    )
  })
}

async function aMebibyteOfAnything(): Promise<AttackFigures> {
  await using target = await Target.start()
  const { token } = await target.logIn()
  const fill = (text: string) => text.repeat(Math.floor((mebibyte - 200) / text.length))
  const insight = '"insight":{"summary":"s","detail":"d","action":"a"}'
  const keys = Array.from({ length: 80_000 }, (_, index) => `"k${index}":1`).join()
  const bodies = [
    fill('['),
    fill('{"a":'),
    `{"domains":[${fill('"",').slice(0, -1)}],${insight}}`,
    `{"domains":[${fill('1,').slice(0, -1)}],${insight}}`,
    `{"domains":["a"],${insight},"extensions":{${keys}}}`,
    `{"domains":["a"],${insight},"extensions":{"a:b":${fill('[')}${fill(']')}}}`.slice(0, mebibyte),
    `{"domains":["${fill('x')}"],${insight}}`,
    `"${fill('\\u0041')}"`,
    fill('1'),
    fill(' '),
    `{"username":"${fill(' ')}","password":"x"}`,
  ]
  const posts = ['/auth/login', '/api/v1/knowledge', '/api/v1/knowledge/ku_x/flags', '/propose']
  const digits = '1'.repeat(15_500)
  const gets = [
    `/review/units?confidence_min=${digits}a`,
    `/review/units?limit=${digits}a`,
    `/api/v1/knowledge?limit=${digits}a&domains=a`,
    `/api/v1/knowledge?${'domains=&'.repeat(1_700)}`,
    `/api/v1/knowledge?domains=${'%20'.repeat(5_000)}`,
    `/review/${'x'.repeat(15_000)}`,
  ]
  return await measured(target, '1 MiB of anything, and queries of 15 KB', async () => {
    let longest = { milliseconds: 0, what: '' }
    const statuses: number[] = []
    const asked = async (method: string, path: string, body?: string) => {
      const bearer = path.startsWith('/review') ? token : target.key
      const answer = await target.ask(method, path, { ...(body && { body }), token: bearer })
      statuses.push(answer.status)
      if (answer.milliseconds > longest.milliseconds)
        longest = {
          milliseconds: answer.milliseconds,
          what: `${path.slice(0, 40)} ${body?.slice(0, 20) ?? ''}`,
        }
    }
    for (const path of posts) for (const body of bodies) await asked('POST', path, body)
    for (const path of gets) await asked('GET', path)
    return `${counted(statuses)}; the longest took ${Math.round(longest.milliseconds)} ms (${longest.what.trim()})`
  })
}

async function heaviestRequests({ units, heavy }: AttackSizes): Promise<AttackFigures> {
  const corpus = new Corpus(units, 1)
  await using target = await Target.start((path) => makeTemplate({ path, units, seed: 1 }))
  const { token } = await target.logIn()
  const names = (name: string, values: readonly string[]) =>
    values.map((value) => `${name}=${encodeURIComponent(value)}`).join('&')
  const popular = corpus.popularDomains(64)
  const words = (kind: string) => Array.from({ length: 64 }, (_, index) => `${kind}-${index}`)
  const requests = [
    `/api/v1/knowledge?${names('domains', popular)}&limit=50`,
    `/api/v1/knowledge?${names('domains', popular)}&${names('languages', words('l'))}&${names('frameworks', words('f'))}&limit=50`,
    '/review/units?limit=500',
    `/review/units?limit=500&domain=${popular[0]}`,
    '/review/units?limit=500&confidence_min=0.301&confidence_max=0.302',
    '/review/queue?limit=500&offset=1000000',
    '/review/stats',
    '/api/v1/knowledge/stats',
  ]
  const others = [
    new Probe(target.port, `/api/v1/knowledge?domains=${popular[40]}`),
    new Probe(target.port, `/review/${corpus.idAt(7)}`, token),
  ]
  return await measured(target, `${heavy} at once of each of the heaviest requests`, async () => {
    let longest = { milliseconds: 0, path: '' }
    const statuses: number[] = []
    for (const path of requests) {
      const answers = await Promise.all(
        Array.from({ length: heavy }, () => target.ask('GET', path, { token })),
      )
      for (const { status, milliseconds } of answers) {
        statuses.push(status)
        if (milliseconds > longest.milliseconds) longest = { milliseconds, path: path.slice(0, 70) }
      }
    }
    const [query, get] = await Promise.all(others.map((probe) => probe.end()))
    return (
      `${counted(statuses)}; the longest took ${Math.round(longest.milliseconds)} ms (${longest.path}); ` +
      `others' queries p99 ${query?.p99.toFixed(0)} ms, units by id p99 ${get?.p99.toFixed(0)} ms`
    )
  })
}

async function endsUnder(attack: string, hold: (target: Target, token: string) => Promise<void>) {
  await using target = await Target.start()
  const { token } = await target.logIn()
  await hold(target, token)
  const before = target.memory().now
  const began = performance.now()
  target.command.process.kill('SIGTERM')
  const { code, signal } = await target.command.outcome
  const took = (performance.now() - began) / 1000
  const none = { count: 0, failed: 0, p50: 0, p99: 0, most: 0 }
  return {
    attack: `SIGTERM while ${attack}`,
    isAlive: true,
    before,
    peak: before,
    health: none,
    outcome: `ended after ${took.toFixed(1)} s with ${signal ?? code}`,
  }
}

async function signals(): Promise<AttackFigures[]> {
  const holding = (text: string, count: number) => async (target: Target) => {
    for (let index = 0; index < count; index++) target.socket().write(text)
    await delay(300)
  }
  return [
    await endsUnder('200 connections say nothing', holding('', 200)),
    await endsUnder('200 have sent half a header', holding('GET /health HTTP/1.1\r\nho', 200)),
    await endsUnder(
      '200 have sent half a body',
      holding('POST /auth/login HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\n{"user', 200),
    ),
    await endsUnder('50 read none of their answers', (target) =>
      holding('GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(100), 50)(target),
    ),
  ]
}

export async function attacks(
  sizes: AttackSizes,
  tell: (figures: AttackFigures) => void,
): Promise<AttackFigures[]> {
  const all: AttackFigures[] = []
  const note = (figures: AttackFigures) => {
    all.push(figures)
    tell(figures)
  }
  for (const attack of [unreadPipelines, largeProposals, manyLogins, heaviestRequests])
    note(await attack(sizes))
  note(await aMebibyteOfAnything())
  for (const figures of await signals()) note(figures)
  return all
}
