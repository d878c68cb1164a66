import { describe, expect, test } from 'vitest'
import type { BenchResult, ComparisonResult } from '../../bench/bench.ts'
import type { CellFigures } from '../../bench/cell.ts'
import type { Interference } from '../../bench/interference.ts'
import { directOnStoreTables } from '../../bench/plan.ts'
import { summaryPage } from '../../bench/report.ts'
import { perSecond, ratios } from '../../bench/series.ts'
import { targets } from '../../bench/targets.ts'
import { inventedBench } from './invented-bench.ts'

interface Changes {
  readonly perSecond: number
  readonly mainThread?: number
  readonly slowest?: number
}

/** Figures as a test has them, for those that it names. */
type Given = (
  comparison: ComparisonResult,
  entrant: string,
  inFlight: number,
) => Changes | undefined

function benchOf(given: Given, runs = 1): BenchResult {
  const bench = inventedBench()
  return {
    ...bench,
    comparisons: bench.comparisons.map((comparison) => ({
      ...comparison,
      measurements: comparison.measurements.flatMap((measurement) => {
        const figures = given(comparison, measurement.entrant, measurement.inFlight)
        if (!figures) return []
        return Array.from({ length: runs }, (_, run) => ({
          ...measurement,
          run,
          figures: changed(measurement.figures, figures),
        }))
      }),
    })),
  }
}

function changed(figures: CellFigures, changes: Changes): CellFigures {
  const { perSecond, mainThread = 1, slowest = null } = changes
  return { ...figures, perSecond, slowest, cpu: { ...figures.cpu, mainThread } }
}

/** The verdict on the target whose text has all of the words. */
function verdictOn(bench: BenchResult, ...words: string[]): string | undefined {
  return targets(bench).find(({ what }) => words.every((word) => what.includes(word)))?.verdict
}

describe('targets', () => {
  const get =
    (times: number, cpu: number): Given =>
    ({ workload, purpose }, entrant, inFlight) => {
      if (workload !== 'get' || purpose !== 'contenders' || inFlight !== 64) return undefined
      if (entrant === 'better-sqlite3') return { perSecond: 1_000, mainThread: 100 }
      if (entrant === 'SqliteStore, 1 reader')
        return { perSecond: 1_000 * times, mainThread: 100 * cpu }
      return { perSecond: 1, mainThread: 1 }
    }

  test('compare get with the same read on the main thread, in calls and in CPU', () => {
    const good = benchOf(get(1, 0.7))
    expect(verdictOn(good, '`get`', 'calls per second')).toBe('reached')
    expect(verdictOn(good, '`get`', 'CPU')).toBe('reached')
    const bad = benchOf(get(0.999, 0.701))
    expect(verdictOn(bad, '`get`', 'calls per second')).toBe('missed')
    expect(verdictOn(bad, '`get`', 'CPU')).toBe('missed')
  })

  test.each([
    ['confirm', 'normal', 1],
    ['decide', 'normal', 1],
    ['insert', 'normal', 2.5],
    ['insert', 'full', 8],
  ] as const)('compare %s at durability %s', (workload, durability, times) => {
    const against = durability === 'normal' ? 'better-sqlite3' : directOnStoreTables
    const given =
      (factor: number): Given =>
      (comparison, entrant, inFlight) => {
        if (comparison.workload !== workload || inFlight !== 64) return undefined
        if (comparison.durability !== durability) return { perSecond: 1 }
        if (entrant === 'SqliteStore') return { perSecond: 100 * factor }
        return { perSecond: entrant === against ? 100 : 50 }
      }
    const what = [`\`${workload}\``, durability === 'normal' ? 'plain tables' : 'durability full']
    expect(verdictOn(benchOf(given(times)), ...what)).toBe('reached')
    expect(verdictOn(benchOf(given(times - 0.01)), ...what)).toBe('missed')
  })

  test.each([
    ['query-top-two', 'two most popular domains', 1.5],
    ['stats', '`stats`', 2],
    ['review-stats', '`reviewStats`', 2],
  ] as const)(
    'compare the time of %s in a large store with that in a small one',
    (name, what, most) => {
      const given =
        (factor: number): Given =>
        ({ workload, units, purpose }, _, inFlight) => {
          if (workload !== name || purpose !== 'growth' || inFlight !== 64) return undefined
          return { perSecond: units === 1_000_000 ? 1_000 / factor : 1_000 }
        }
      expect(verdictOn(benchOf(given(most)), what)).toBe('reached')
      expect(verdictOn(benchOf(given(most + 0.01)), what)).toBe('missed')
    },
  )

  test.each([
    ['2,000 random queries', 'query-random', 20_000, 100],
    ['2,000 random queries', 'query-random', 100_000, 300],
    ['2,000 random queries', 'query-random', 1_000_000, 3_000],
    ['the worst query', 'query-worst', 100_000, 5_000],
    ['the worst query', 'query-worst', 1_000_000, 30_000],
  ] as const)('bound the time of %s (%s) at %i units', (what, name, size, microseconds) => {
    const given =
      (time: number): Given =>
      ({ workload, units, purpose }, entrant) => {
        if (workload !== name || units !== size || purpose !== 'growth') return undefined
        if (entrant !== 'SqliteStore, 1 reader') return undefined
        return { perSecond: 1e6 / time, slowest: time }
      }
    const words = [what, `${size.toLocaleString('en-GB')} units`]
    expect(verdictOn(benchOf(given(microseconds)), ...words)).toBe('reached')
    expect(verdictOn(benchOf(given(microseconds + 1)), ...words)).toBe('missed')
  })

  test('bound the size of the file, and the time that a file of the reference server takes', () => {
    const bench = inventedBench()
    const made = (bytes: number, migrateSeconds: number) => ({
      ...bench,
      templates: bench.templates.map((one) => ({
        ...one,
        bytes: bytes * one.units,
        migrateSeconds,
      })),
    })
    for (const [bytes, seconds, verdict] of [
      [2_210, 60, 'reached'],
      [2_211, 60.1, 'missed'],
    ] as const) {
      expect(verdictOn(made(bytes, seconds), 'bytes on disk')).toBe(verdict)
      expect(verdictOn(made(bytes, seconds), 'bringing')).toBe(verdict)
    }
  })

  test('bound what queries cost in memory, and until they are answered', () => {
    const bench = inventedBench()
    const costing = (bytes: number, loadMilliseconds: (units: number) => number) => ({
      ...bench,
      ranking: bench.ranking.map((cost) => ({
        ...cost,
        bytes: bytes * cost.units,
        loadMilliseconds: loadMilliseconds(cost.units),
      })),
    })
    const most = (units: number) => (units === 100_000 ? 800 : 10_000)
    for (const [bench, verdict] of [
      [costing(250, most), 'reached'],
      [costing(251, (units) => most(units) + 1), 'missed'],
    ] as const)
      for (const what of ['opening, 100,000', 'opening, 1,000,000', 'memory of the index'])
        expect(verdictOn(bench, what)).toBe(verdict)
  })

  test('are judged by the median of the runs, and told with their range', () => {
    const bench = benchOf(get(1.5, 0.5), 3)
    const [row] = targets({
      ...bench,
      comparisons: bench.comparisons.map((comparison) => ({
        ...comparison,
        measurements: comparison.measurements.map((one) =>
          one.entrant === 'SqliteStore, 1 reader' && one.run === 0
            ? { ...one, figures: changed(one.figures, { perSecond: 900 }) }
            : one,
        ),
      })),
    })
    expect(row).toMatchObject({ measured: '1.50 × (0.90 × to 1.50 ×)', verdict: 'reached' })
  })

  test('that were not measured are told so', () => {
    const { http: _, mixedLoad: __, ...bench } = benchOf(() => undefined)
    const told = targets({ ...bench, templates: [], ranking: [] })
    expect(told).toHaveLength(20)
    for (const { verdict } of told) expect(verdict).toBe('not measured')
  })

  test('have the worst query documented', () => {
    const figures = {
      operations: 10,
      latency: { p50: 100, p99: 2_500, p999: 3_000, max: 4_000 },
      eventLoopDelay: { p99: 0.5, max: 1 },
    }
    const interference: Interference = {
      units: 1_000_000,
      readers: 2,
      perSecond: 1_000,
      alone: figures,
      beside: { ...figures, latency: { ...figures.latency, p99: 7_700 } },
      queries: { count: 5, p50: 250_000, max: 300_000 },
    }
    const bench = { ...inventedBench(), interference }
    const row = targets(bench).find(({ what }) => what.includes('meanwhile'))
    expect(row?.verdict).toBe('documented')
    expect(row?.measured).toMatch(/250 ms .*7\.70 ms.*2\.50 ms alone/)
  })

  test('that are missed stand in the summary as what they are', () => {
    const page = summaryPage(benchOf(get(0.5, 0.5)))
    expect(page).toMatch(/`get`.*calls per second \| at least 1\.00 × \| 0\.50 × \| \*\*missed\*\*/)
    expect(page).toMatch(/`get`.*CPU.* \| at most 0\.70 × \| 0\.50 × \| reached/)
  })
})

describe('ratios', () => {
  test('are taken within a run', () => {
    const bench = inventedBench()
    const [comparison] = bench.comparisons
    if (!comparison) throw new Error('nothing is compared')
    const [some] = comparison.measurements
    if (!some) throw new Error('nothing is measured')
    // A machine that is ten times as fast in its second run.
    const measured = (entrant: string, run: number, perSecond: number) => ({
      entrant,
      inFlight: 64,
      run,
      figures: changed(some.figures, { perSecond }),
    })
    const measurements = [
      measured('one', 2, 95),
      measured('other', 0, 100),
      measured('one', 0, 90),
      measured('other', 1, 1_000),
      measured('one', 1, 800),
      measured('other', 2, 100),
    ]
    const series = { comparison: { ...comparison, measurements }, inFlight: 64 }
    const found = ratios({ ...series, entrant: 'one' }, { ...series, entrant: 'other' }, perSecond)
    expect(found).toEqual([0.9, 0.8, 0.95])
  })
})
