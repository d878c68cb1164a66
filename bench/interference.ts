import { createHistogram, monitorEventLoopDelay, type RecordableHistogram } from 'node:perf_hooks'
import { SqliteStore } from '../src/index.ts'
import { loopResolution } from './cell.ts'
import { Corpus } from './corpus.ts'

/** Point reads at a fixed rate, alone and beside the worst queries there are. */
export interface InterferenceRequest {
  readonly path: string
  readonly units: number
  readonly seed: number
  readonly readers: number
  /** Calls of `get`, due one after the other whether those before are answered or not. */
  readonly perSecond: number
  /** How long each of the two takes. */
  readonly seconds: number
}

export interface ReadFigures {
  readonly operations: number
  /** From when a call was due to when it was answered, in microseconds. */
  readonly latency: Readonly<Record<'p50' | 'p99' | 'p999' | 'max', number>>
  /** In milliseconds. */
  readonly eventLoopDelay: { readonly p99: number; readonly max: number }
}

export interface Interference {
  readonly units: number
  readonly readers: number
  readonly perSecond: number
  /** What `get` took with nothing beside it, and with one query after the other. */
  readonly alone: ReadFigures
  readonly beside: ReadFigures
  /** The queries, in microseconds. */
  readonly queries: { readonly count: number; readonly p50: number; readonly max: number }
}

const prepared = 4_096

export async function measureInterference(request: InterferenceRequest): Promise<Interference> {
  const { path, units, seed, readers, perSecond } = request
  const corpus = new Corpus(units, seed)
  await using store = await SqliteStore.open({ path, readers })
  const worst = corpus.worstQueries()
  let asked = 0
  const query = () => {
    const { domains = [], ...options } = worst[asked++ % worst.length] ?? {}
    return store.query(domains, options)
  }
  const ids = corpus.storedIds(prepared)
  const get = (number: number) => store.get(ids[number % prepared] ?? '')
  // Compiles what runs, and reads what is read.
  for (const _ of worst) await query()
  await readSteadily(get, request)

  const alone = await readSteadily(get, request)
  const latency = createHistogram()
  let goesOn = true
  const querying = (async () => {
    do latency.record(await nanosecondsOf(query))
    while (goesOn)
  })()
  const beside = await readSteadily(get, request)
  goesOn = false
  await querying
  const queries = {
    count: latency.count,
    p50: latency.percentile(50) / 1e3,
    max: latency.max / 1e3,
  }
  return { units, readers, perSecond, alone, beside, queries }
}

/** An open loop: whoever waits for an answer does not ask less often for it. */
async function readSteadily(
  get: (number: number) => Promise<unknown>,
  { perSecond, seconds }: Pick<InterferenceRequest, 'perSecond' | 'seconds'>,
): Promise<ReadFigures> {
  const latency = createHistogram()
  const loopDelay = monitorEventLoopDelay({ resolution: loopResolution })
  loopDelay.enable()
  const operations = Math.ceil(perSecond * seconds)
  const start = performance.now()
  const answers: Promise<void>[] = []
  while (answers.length < operations) {
    const due = start + (answers.length / perSecond) * 1_000
    if (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, 1))
    else answers.push(recordFrom(due, get(answers.length), latency))
  }
  await Promise.all(answers)
  loopDelay.disable()
  const microseconds = (percentile: number) => latency.percentile(percentile) / 1e3
  const delay = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - loopResolution)
  return {
    operations,
    latency: {
      p50: microseconds(50),
      p99: microseconds(99),
      p999: microseconds(99.9),
      max: latency.max / 1e3,
    },
    eventLoopDelay: { p99: delay(loopDelay.percentile(99)), max: delay(loopDelay.max) },
  }
}

async function recordFrom(
  due: number,
  answer: Promise<unknown>,
  latency: RecordableHistogram,
): Promise<void> {
  await answer
  latency.record(nanoseconds(performance.now() - due))
}

async function nanosecondsOf(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await call()
  return nanoseconds(performance.now() - start)
}

function nanoseconds(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds * 1e6))
}
