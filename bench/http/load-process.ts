import { createHistogram } from 'node:perf_hooks'
import autocannon from 'autocannon'
import { answerTasks } from '../task-process.ts'

/** What a process of the bench runs as the clients: autocannon, which keeps asking until it is told to stop. */

export interface LoadRequest {
  readonly url: string
  readonly paths: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly expectedStatus: number
  readonly connections: number
  /** Requests per second in all; without it, each connection asks again as soon as it is answered. */
  readonly rate?: number
  /** When it has warmed up: after this time, or as many answers. */
  readonly warmUpSeconds: number
  readonly warmUpRequests: number
}

export interface MeasureRequest {
  readonly seconds: number
  /** The most answers. */
  readonly requests: number
}

/** What the clients saw. */
export interface LoadFigures {
  readonly requests: number
  readonly seconds: number
  readonly perSecond: number
  /** In microseconds. */
  readonly latency: Percentiles
  /** Of an answer, its head included. */
  readonly bytes: number
  /** CPU time of the clients' process, in microseconds for each request. */
  readonly clientCpu: number
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** How often autocannon looks whether it is to stop, in milliseconds. */
const stopsWithin = 20
/** Far beyond what any measurement takes, in seconds: autocannon has to be told a time. */
const longest = 3_600
/** An answer that takes longer counts as none, in seconds. */
const timeout = 60

/** A load that is on its way. */
interface Load {
  onAnswer: (microseconds: number, bytes: number) => void
  onFailure: (error: Error) => void
  /** The first answer that was not as expected, or did not come. */
  failure?: Error
  readonly stop: () => Promise<void>
}

let load: Load | undefined

/** Begins to ask. Done when warmed up, and goes on asking. */
async function start(request: LoadRequest): Promise<void> {
  const { expectedStatus, connections, rate, warmUpSeconds, warmUpRequests } = request
  const { promise: warm, resolve, reject } = Promise.withResolvers<void>()
  let answers = 0
  const cannons =
    rate === undefined
      ? [fire(request, 0, connections, undefined)]
      : // Autocannon sends the requests of each second at its beginning, as fast as it can. So that they
        // come evenly, every connection has a second that begins at another time.
        await inTurns(connections, (place) =>
          fire(request, place, 1, Math.max(1, Math.round(rate / connections))),
        )
  const current: Load = {
    onAnswer: () => ++answers >= warmUpRequests && resolve(),
    onFailure: reject,
    async stop() {
      for (const { instance } of cannons) instance.stop()
      await Promise.all(cannons.map(({ ended }) => ended))
    },
  }
  load = current
  const fail = (message: string) => {
    current.failure ??= new Error(message)
    current.onFailure(current.failure)
  }
  for (const { instance } of cannons) {
    instance.on('response', (_, status, bytes, milliseconds) => {
      if (status === expectedStatus) current.onAnswer(milliseconds * 1_000, bytes)
      else fail(`answered ${status}, expected ${expectedStatus}`)
    })
    instance.on('reqError', (error: unknown) => fail(`no answer: ${error}`))
  }
  const timer = setTimeout(resolve, warmUpSeconds * 1_000)
  try {
    await warm
  } finally {
    clearTimeout(timer)
  }
}

async function inTurns<T>(count: number, make: (place: number) => T): Promise<T[]> {
  const made: T[] = []
  for (let place = 0; place < count; place++) {
    made.push(make(place))
    await new Promise((resolve) => setTimeout(resolve, 1_000 / count))
  }
  return made
}

/** Every connection asks for paths of its own, so that no two ask for the same in step. */
function fire(
  { url, paths, headers, connections: all }: LoadRequest,
  firstPlace: number,
  connections: number,
  rate: number | undefined,
) {
  let place = firstPlace
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const instance = autocannon(
    {
      url,
      connections,
      duration: longest,
      timeout,
      sampleInt: stopsWithin,
      skipAggregateResult: true,
      ...(rate !== undefined && { overallRate: rate }),
      setupClient(client) {
        const own = paths.filter((_, index) => index % all === place % paths.length)
        place++
        client.setRequests(own.map((path) => ({ method: 'GET' as const, path, headers })))
      },
    },
    (error: unknown) => (error ? reject(error) : resolve()),
  )
  return { instance, ended }
}

/** What is answered from now on. Goes on asking after that, so that whoever measures the server has time. */
async function measure({ seconds, requests }: MeasureRequest): Promise<LoadFigures> {
  if (!load) throw new Error('nothing was started')
  const current = load
  if (current.failure) throw current.failure
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const latency = createHistogram()
  let bytes = 0
  const cpu = process.cpuUsage()
  const begun = performance.now()
  current.onFailure = reject
  current.onAnswer = (microseconds, size) => {
    bytes += size
    latency.record(Math.max(1, Math.round(microseconds * 1_000)))
    if (isTimeUp || latency.count >= requests) resolve()
  }
  let isTimeUp = false
  const timer = setTimeout(() => {
    isTimeUp = true
    // Where a single answer takes longer, that one is waited for.
    if (latency.count > 0) resolve()
  }, seconds * 1_000)
  try {
    await promise
  } finally {
    clearTimeout(timer)
    current.onAnswer = () => {}
  }
  const took = (performance.now() - begun) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const microseconds = (percent: number) => latency.percentile(percent) / 1_000
  return {
    requests: latency.count,
    seconds: took,
    perSecond: latency.count / took,
    latency: {
      p50: microseconds(50),
      p99: microseconds(99),
      p999: microseconds(99.9),
      max: latency.max / 1_000,
    },
    bytes: bytes / latency.count,
    clientCpu: (user + system) / latency.count,
  }
}

async function stop(): Promise<void> {
  await load?.stop()
  load = undefined
}

const tasks = { start, measure, stop: (_: null) => stop() }
export type LoadTasks = typeof tasks

answerTasks(tasks)
