import { setTimeout as delay } from 'node:timers/promises'
import { SqliteStore } from '../../src/index.ts'
import { Corpus, randomNumbers } from '../corpus.ts'
import { drive } from '../drive.ts'
import { answerTasks } from '../task-process.ts'
import {
  type MixedCall,
  type MixedLoadOptions,
  type MixedLoadResult,
  type MixedLoadSample,
  shares,
} from './result.ts'

/** What a process of the bench runs under the mixed load: a store with default options, and who calls it. */

/** How many of an argument are prepared, to be used in turns. */
const prepared = 16_384

async function run(options: MixedLoadOptions): Promise<Omit<MixedLoadResult, 'options'>> {
  const { path, units, seed, inFlight, seconds, operations, sampleSeconds } = options
  const corpus = new Corpus(units, seed)
  await using store = await SqliteStore.open({ path })
  const calls: Record<MixedCall, number> = { get: 0, query: 0, insert: 0, confirm: 0 }
  const ids = corpus.storedIds(prepared)
  const pairs = corpus.domainPairs(prepared)
  const order = orderOfCalls()
  const perform: Readonly<Record<MixedCall, (number: number) => Promise<unknown>>> = {
    get: (number) => store.get(ids[number % prepared] ?? ''),
    query: (number) => store.query(pairs[number % prepared] ?? []),
    insert: (number) => store.insert(corpus.freshUnit(number)),
    confirm: (number) => store.confirm(ids[number % prepared] ?? ''),
  }
  const end = new AbortController()
  const sampling = takeSamples(store, calls, sampleSeconds, end.signal)
  try {
    const driven = await drive(
      async (number) => {
        const kind = order[number % prepared] ?? 'get'
        await perform[kind](number)
        calls[kind]++
      },
      { inFlight, seconds, operations, from: 0, blocks: false },
    )
    end.abort()
    const samples = await sampling
    const stored = await store.count()
    if (stored !== units + calls.insert)
      throw new Error(`${units} + ${calls.insert} units should be stored, found ${stored}`)
    return { calls, seconds: driven.seconds, samples }
  } finally {
    end.abort()
  }
}

function orderOfCalls(): MixedCall[] {
  const random = randomNumbers(prepared)
  const kinds = Object.entries(shares) as [MixedCall, number][]
  return Array.from({ length: prepared }, () => {
    let left = random()
    for (const [kind, share] of kinds) {
      left -= share
      if (left < 0) return kind
    }
    return 'get'
  })
}

async function takeSamples(
  store: SqliteStore,
  calls: Readonly<Record<MixedCall, number>>,
  sampleSeconds: number,
  end: AbortSignal,
): Promise<MixedLoadSample[]> {
  const start = performance.now()
  const samples: MixedLoadSample[] = []
  let before = { at: start, answered: 0 }
  while (!end.aborted) {
    await delay(sampleSeconds * 1_000, undefined, { signal: end }).catch(() => {})
    const { wal, database } = await store.fileSizes()
    const at = performance.now()
    const answered = Object.values(calls).reduce((sum, count) => sum + count, 0)
    samples.push({
      seconds: (at - start) / 1_000,
      perSecond: (answered - before.answered) / ((at - before.at) / 1_000),
      wal,
      database,
      rss: process.memoryUsage.rss(),
    })
    before = { at, answered }
  }
  return samples
}

const tasks = { run }
export type MixedLoadTasks = typeof tasks

answerTasks(tasks)
