import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type BenchOptions,
  type BenchResult,
  entrantsFor,
  inOrderOf,
  runBench,
} from '../../bench/bench.ts'
import { Corpus } from '../../bench/corpus.ts'
import { drive } from '../../bench/drive.ts'
import { ratio, summaryPage, workloadPage } from '../../bench/report.ts'
import { type WorkloadName, workloads } from '../../bench/workload.ts'

const entry = new URL('../../bench/contender-process.ts', import.meta.url)
const everyWorkload = Object.keys(workloads) as WorkloadName[]

/** As small as it can be; calls are counted, so that no time has a part in it. */
const tiny: BenchOptions = {
  workloads: everyWorkload,
  inFlight: [4],
  runs: 1,
  seconds: 600,
  warmUpSeconds: 600,
  operations: 12,
  units: 60,
  readers: 1,
  seed: 7,
}

const quiet = () => {}

describe('the bench', () => {
  const usualDirectory = process.env.TMPDIR
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cq-store-test-bench-'))
    process.env.TMPDIR = directory
  })
  afterEach(async () => {
    if (usualDirectory === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usualDirectory
    const leftFiles = await readdir(directory)
    await rm(directory, { recursive: true })
    expect(leftFiles).toEqual([])
    expect(process.getActiveResourcesInfo()).not.toContain('ProcessWrap')
  })

  test('measures every contender under every workload, and says so in tables and JSON', async () => {
    const { signal } = new AbortController()
    const bench = await runBench(tiny, { entry, signal, onProgress: quiet })
    expect(bench.results.map(({ workload }) => workload)).toEqual(everyWorkload)
    for (const result of bench.results) {
      const entrants = entrantsFor(result.workload, tiny.readers)
      expect(new Set(entrants.map(({ contender }) => contender)).size).toBe(3)
      expect(result.measurements).toHaveLength(entrants.length * tiny.inFlight.length)
      for (const { figures } of result.measurements) {
        expect(figures.operations).toBe(tiny.operations)
        const { latency, eventLoopDelay, cpu, ...rest } = figures
        for (const [name, value] of Object.entries({ ...latency, ...eventLoopDelay, ...rest }))
          expect(value, name).toBeGreaterThanOrEqual(0)
        expect(cpu.process).toBeGreaterThanOrEqual(0)
      }
      const page = workloadPage(bench, result)
      for (const { name } of entrants) expect(page).toContain(`| ${name} |`)
      expect(page).not.toMatch(/NaN|undefined|Infinity/)
    }
    expect(Object.keys(bench.versions)).toEqual(
      expect.arrayContaining(['node', 'sqlite', 'better-sqlite3', 'piscina', 'cq-store']),
    )
    expect(JSON.parse(JSON.stringify(bench))).toEqual(bench)
  })

  test('goes backwards in every other run', () => {
    const entrants = entrantsFor('get', tiny.readers)
    expect(inOrderOf(0, entrants)).toEqual(entrants)
    expect(inOrderOf(1, entrants)).toEqual(entrants.toReversed())
    expect(inOrderOf(2, entrants)).toEqual(entrants)
  })

  test('ends when it is interrupted, in the middle of a measurement that would go on', async () => {
    const interruption = new AbortController()
    const reason = new Error('enough')
    const endless: BenchOptions = { ...tiny, operations: Number.MAX_SAFE_INTEGER }
    const running = runBench(endless, {
      entry,
      signal: interruption.signal,
      onProgress: (text) => {
        if (text.includes('in flight')) setImmediate(() => interruption.abort(reason))
      },
    })
    await expect(running).rejects.toBe(reason)
  })
})

describe('the report', () => {
  const figures = (perSecond: number) => ({
    operations: 1,
    seconds: 1,
    perSecond,
    latency: { p50: 1, p99: 1, max: 1 },
    eventLoopDelay: { p99: 0, max: 0 },
    cpu: { mainThread: null, process: 1 },
    eventLoopUtilization: 1,
    rss: 1,
  })
  const store = entrantsFor('get', tiny.readers).at(-1)?.name ?? ''
  const measured = (entrant: string, run: number, perSecond: number) => ({
    entrant,
    inFlight: 64,
    run,
    figures: figures(perSecond),
  })
  const bench: BenchResult = {
    date: '2026-11-22T00:00:00.000Z',
    machine: {
      cpu: 'a cpu',
      cores: 2,
      memoryBytes: 2 ** 30,
      system: 'a system',
      fileSystem: 'ext4',
      loadBefore: 0,
    },
    versions: { node: '24' },
    options: { ...tiny, inFlight: [64], runs: 3 },
    results: [
      {
        workload: 'get',
        entrants: entrantsFor('get', tiny.readers),
        // A machine that is ten times as fast in its second run.
        measurements: [
          measured(store, 2, 95),
          measured('direct', 0, 100),
          measured(store, 0, 90),
          measured('direct', 1, 1_000),
          measured(store, 1, 800),
          measured('direct', 2, 100),
        ],
      },
    ],
  }

  test('compares within a run, and takes the median of what it finds', () => {
    const [result] = bench.results
    expect(result && ratio(result, store, 'direct', 64)).toBe(0.9)
  })

  test('says of each target whether it is reached, or that it was not measured', () => {
    const page = summaryPage(bench)
    expect(page).toContain(`| \`get\`, ${store}, against direct | at least 0.85 | 0.90 | reached |`)
    expect(page).toContain(
      '| `insert`, SqliteStore, against direct | at least 1.5 | not measured |',
    )
  })
})

describe('the load', () => {
  test('keeps as many calls under way as asked for, and no more', async () => {
    let underWay = 0
    const seen: number[] = []
    const perform = async () => {
      underWay++
      await Promise.resolve()
      seen.push(underWay)
      underWay--
    }
    const limits = { inFlight: 8, seconds: 600, operations: 80, from: 0, blocks: false }
    const driven = await drive(perform, limits)
    expect(driven.operations).toBe(80)
    expect(driven.latency.count).toBe(80)
    expect(Math.max(...seen)).toBe(8)
  })

  test('has the event loop turn between rounds of calls that hold it up', async () => {
    const order: unknown[] = []
    let turns = 0
    const perform = (number: number) => {
      if (number % 2 === 0) setImmediate(() => order.push(`turn ${++turns}`))
      order.push(number)
    }
    await drive(perform, { inFlight: 2, seconds: 600, operations: 4, from: 0, blocks: true })
    expect(order).toEqual([0, 1, 'turn 1', 2, 3, 'turn 2'])
  })

  test('is the same for the same seed, and another for another', () => {
    const of = (seed: number) => {
      const corpus = new Corpus(100, seed)
      return [corpus.unitAt(5), corpus.freshUnit(5), corpus.storedIds(9), corpus.domainPairs(9)]
    }
    expect(of(1)).toEqual(of(1))
    expect(of(1)).not.toEqual(of(2))
  })

  test('has units of about a kilobyte, with skewed domains and ids that never repeat', () => {
    const corpus = new Corpus(2_000, 1)
    const units = Array.from({ length: 2_000 }, (_, index) => corpus.unitAt(index))
    const fresh = Array.from({ length: 2_000 }, (_, number) => corpus.freshUnit(number))
    expect(new Set([...units, ...fresh].map(({ id }) => id)).size).toBe(4_000)
    const bytes = units.reduce((sum, unit) => sum + JSON.stringify(unit).length, 0) / units.length
    expect(bytes).toBeGreaterThan(800)
    expect(bytes).toBeLessThan(1_400)
    const uses = new Map<string, number>()
    for (const domain of units.flatMap(({ domains }) => domains))
      uses.set(domain, (uses.get(domain) ?? 0) + 1)
    const sorted = [...uses.values()].sort((one, other) => other - one)
    expect(sorted[0]).toBeGreaterThan(20 * (sorted[99] ?? 0))
  })
})
