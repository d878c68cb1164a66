import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { Corpus } from '../corpus.ts'
import { TaskProcess } from '../task-process.ts'
import type { LoadFigures, LoadTasks } from './load-process.ts'
import { health, knowledge, type Route, readRoutes } from './routes.ts'
import type { ServerFigures, ServerTasks } from './server-process.ts'

export interface HttpBenchOptions {
  /** Requests in flight, each on a connection of its own. */
  readonly connections: number
  /** How long a measurement takes, warming up not included. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** How long it warms up where a server was not asked for a route before: what answers it is to be compiled. */
  readonly firstWarmUpSeconds: number
  /** The most requests in a measurement. */
  readonly requests: number
  /** How often what is compared is measured in turns; what counts is the median. */
  readonly rounds: number
  /** A seeded file, of which a copy is served, and what it was made with. */
  readonly path: string
  readonly units: number
  readonly seed: number
}

export interface HttpBenchSurroundings {
  /** A file of the bench's own folder, as it is or compiled: the processes are found beside it. */
  readonly entry: URL
  /** Ends the bench, its processes and its files. */
  readonly signal: AbortSignal
  /** Told what is being done. */
  readonly onProgress: (text: string) => void
}

/** One load on the server: what the clients saw, and what it took the server. */
export interface HttpFigures extends LoadFigures {
  readonly eventLoopDelay: ServerFigures['eventLoopDelay']
  /** CPU time in microseconds for each request; the main thread's only where Node tells it. */
  readonly cpu: { readonly mainThread: number | null; readonly process: number }
  readonly eventLoopUtilization: number
  readonly waitedForCore: number | null
  readonly rss: number
}

export interface RouteFigures {
  readonly route: string
  readonly figures: HttpFigures
}

/** Measured within seconds of each other. */
export interface HttpRound {
  readonly knowledge: HttpFigures
  /** As many requests per second as `knowledge` had, evenly spread. */
  readonly healthAtSameRate: HttpFigures
  /** As many as the server can answer. */
  readonly health: HttpFigures
}

export interface HttpResult {
  readonly options: HttpBenchOptions
  readonly routes: readonly RouteFigures[]
  readonly rounds: readonly HttpRound[]
}

/** How much more than its own time a task may take, in seconds. */
const patience = 120
/** What the review queue holds. */
const pending = 500

/**
 * Measures the server over HTTP: each route that reads, and what `GET /api/v1/knowledge` costs beside
 * `GET /health`. Server and clients have a process each. Leaves neither files nor processes, however it ends.
 * @throws where any answer does not have the status that its route is to have
 */
export async function runHttpBench(
  options: HttpBenchOptions,
  surroundings: HttpBenchSurroundings,
  routes: readonly Route[] = readRoutes,
): Promise<HttpResult> {
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-bench-http-'))
  try {
    await using processes = new AsyncDisposableStack()
    const start = <Done extends ServerTasks | LoadTasks>(name: string) => {
      const file = new URL(
        `./http/${name}${extname(surroundings.entry.pathname)}`,
        surroundings.entry,
      )
      return processes.use(new TaskProcess<Done>(file, surroundings.signal))
    }
    const { units, seed } = options
    surroundings.onProgress(`HTTP: serving ${units} units`)
    const path = join(directory, 'served.db')
    await copyFile(options.path, path)
    const process = start<ServerTasks>('server-process')
    const { url, login } = await process.perform('serve', { path, units, seed, pending }, patience)
    const address = { url, headers: await logIn(url, login), corpus: new Corpus(units, seed) }
    const clients = start<LoadTasks>('load-process')
    const server = new Server(address, process, clients, options, surroundings)
    return {
      options,
      routes: await measureRoutes(routes, server, options),
      rounds: await measureRounds(server, options),
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function measureRoutes(
  routes: readonly Route[],
  server: Server,
  { connections }: HttpBenchOptions,
): Promise<RouteFigures[]> {
  const measured: RouteFigures[] = []
  for (const route of routes)
    measured.push({ route: route.name, figures: await server.measure(route, { connections }) })
  return measured
}

async function measureRounds(
  server: Server,
  { rounds, connections }: HttpBenchOptions,
): Promise<HttpRound[]> {
  const measured: HttpRound[] = []
  for (let round = 0; round < rounds; round++) {
    const asked = await server.measure(knowledge, { connections })
    const rate = asked.perSecond
    measured.push({
      knowledge: asked,
      healthAtSameRate: await server.measure(health, { connections, rate }),
      health: await server.measure(health, { connections }),
    })
  }
  return measured
}

interface Address {
  readonly url: string
  /** What shows that one is logged in. */
  readonly headers: Readonly<Record<string, string>>
  readonly corpus: Corpus
}

interface Demand {
  readonly connections: number
  /** Requests per second; without it, as many as the server can answer. */
  readonly rate?: number
}

/** A server in a process of its own. */
class Server {
  readonly #address: Address
  readonly #process: TaskProcess<ServerTasks>
  readonly #clients: TaskProcess<LoadTasks>
  readonly #options: HttpBenchOptions
  readonly #surroundings: HttpBenchSurroundings
  readonly #asked = new Set<string>()

  constructor(
    address: Address,
    process: TaskProcess<ServerTasks>,
    clients: TaskProcess<LoadTasks>,
    options: HttpBenchOptions,
    surroundings: HttpBenchSurroundings,
  ) {
    this.#address = address
    this.#process = process
    this.#clients = clients
    this.#options = options
    this.#surroundings = surroundings
  }

  get units(): number {
    return this.#address.corpus.size
  }

  /** @throws where an answer does not have the status that the route is to have */
  async measure(route: Route, demand: Demand): Promise<HttpFigures> {
    const { connections, rate } = demand
    const { onProgress, signal } = this.#surroundings
    const at = rate === undefined ? '' : ` at ${Math.round(rate)}/s`
    onProgress(
      `${route.name}, ${this.units} units, ${connections} ${connections === 1 ? 'connection' : 'connections'}${at}`,
    )
    try {
      return await this.#measure(route, demand)
    } catch (error) {
      signal.throwIfAborted()
      throw new Error(`${route.name}: ${(error as Error).message}`, { cause: error })
    }
  }

  async #measure(route: Route, demand: Demand): Promise<HttpFigures> {
    const { url, headers, corpus } = this.#address
    const { requests } = this.#options
    const warmUpSeconds = this.#asked.has(route.name)
      ? this.#options.warmUpSeconds
      : this.#options.firstWarmUpSeconds
    this.#asked.add(route.name)
    // A rate is one per second, so nothing shorter has it.
    const seconds =
      demand.rate === undefined ? this.#options.seconds : Math.ceil(this.#options.seconds)
    await this.#clients.perform(
      'start',
      {
        ...demand,
        url,
        paths: route.paths(corpus),
        headers: route.login ? headers : {},
        expectedStatus: route.expectedStatus ?? 200,
        warmUpSeconds,
        warmUpRequests: requests,
      },
      warmUpSeconds + patience,
    )
    // The load goes on before and after, so that the server is not watched while it idles.
    await this.#process.perform('begin', null, patience)
    const seen = await this.#clients.perform('measure', { seconds, requests }, seconds + patience)
    const server = await this.#process.perform('end', null, patience)
    await this.#clients.perform('stop', null, patience)
    await this.#process.perform('rest', null, patience)
    const each = (microseconds: number) => microseconds / seen.requests
    const { mainThread, process } = server.cpu
    return {
      ...seen,
      ...server,
      cpu: { mainThread: mainThread === null ? null : each(mainThread), process: each(process) },
    }
  }
}

async function logIn(
  url: string,
  login: { readonly username: string; readonly password: string },
): Promise<Record<string, string>> {
  const { token } = (await post(`${url}/api/v1/auth/login`, login)) as { token: string }
  const headers = { authorization: `Bearer ${token}` }
  // So that there is something to list.
  for (const name of ['laptop', 'desktop', 'server'])
    await post(`${url}/api/v1/users/me/api-keys`, { name, ttl: '30d' }, headers)
  return headers
}

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(patience * 1_000),
  })
  if (!response.ok) throw new Error(`POST ${url} answered ${response.status}`)
  return response.json()
}
