import { describe, expect, test } from 'vitest'
import type { BenchResult, ComparisonResult } from '../../bench/bench.ts'
import type { CellFigures } from '../../bench/cell.ts'
import type { Interference } from '../../bench/interference.ts'
import { directOnStoreTables } from '../../bench/plan.ts'
import { summaryPage } from '../../bench/report.ts'
import { perSecond, ratio } from '../../bench/series.ts'
import { targets } from '../../bench/targets.ts'
import { inventedBench } from './invented-bench.ts'

/** Figures as a test has them, for those that it names. */
type Given = (
  comparison: ComparisonResult,
  entrant: string,
  inFlight: number,
) => { readonly perSecond: number; readonly mainThread?: number } | undefined

function benchOf(given: Given, runs = 1): BenchResult {
  const bench = inventedBench()
  return {
    ...bench,
    comparisons: bench.comparisons.map((comparison) => ({
      ...comparison,
      measurements: comparison.measurements.flatMap((measurement) => {
        const figures = given(comparison, measurement.entrant, measurement.inFlight)
        if (!figures) return []
        const { perSecond, mainThread = 1 } = figures
        return Array.from({ length: runs }, (_, run) => ({
          ...measurement,
          run,
          figures: changed(measurement.figures, perSecond, mainThread),
        }))
      }),
    })),
  }
}

function changed(figures: CellFigures, perSecond: number, mainThread: number): CellFigures {
  return { ...figures, perSecond, cpu: { ...figures.cpu, mainThread } }
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
    ['normal', 2.5],
    ['full', 8],
  ] as const)('compare insert at durability %s', (durability, times) => {
    const given =
      (factor: number): Given =>
      (comparison, entrant, inFlight) => {
        if (comparison.workload !== 'insert' || inFlight !== 64) return undefined
        if (comparison.durability !== durability) return { perSecond: 1 }
        if (entrant === 'SqliteStore') return { perSecond: 100 * factor }
        return { perSecond: entrant === directOnStoreTables ? 100 : 200 }
      }
    const what = ['`insert`', `durability ${durability}`]
    expect(verdictOn(benchOf(given(times)), ...what, 'same file')).toBe('reached')
    expect(verdictOn(benchOf(given(times - 0.01)), ...what, 'same file')).toBe('missed')
    expect(verdictOn(benchOf(given(times)), ...what, 'no indexes')).toBe('documented')
  })

  test('compare a query with fetch-and-score at a hundred thousand units', () => {
    const given =
      (factor: number): Given =>
      ({ workload, units, purpose }, entrant) => {
        if (workload !== 'query-top-two' || purpose !== 'growth') return undefined
        if (units !== 100_000) return { perSecond: 1 }
        return { perSecond: entrant === 'better-sqlite3' ? 2 : 2 * factor }
      }
    expect(verdictOn(benchOf(given(200)), 'fetch-and-score')).toBe('reached')
    expect(verdictOn(benchOf(given(199)), 'fetch-and-score')).toBe('missed')
  })

  test.each([
    ['query-top-two', 'the same query'],
    ['stats', '`stats`'],
    ['review-stats', '`reviewStats`'],
  ] as const)('compare the time of %s in a large store with that in a small one', (name, what) => {
    const given =
      (factor: number): Given =>
      ({ workload, units, purpose }, _, inFlight) => {
        if (workload !== name || purpose !== 'growth' || inFlight !== 64) return undefined
        return { perSecond: units === 1_000_000 ? 1_000 / factor : 1_000 }
      }
    expect(verdictOn(benchOf(given(2)), what)).toBe('reached')
    expect(verdictOn(benchOf(given(2.01)), what)).toBe('missed')
  })

  test('that were not measured are told so', () => {
    const bench = benchOf(() => undefined)
    const told = targets(bench).filter(({ what }) => !what.includes('/') && !what.includes('load'))
    expect(told).toHaveLength(11)
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
    const row = targets(bench).find(({ what }) => what.includes('worst'))
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
  test('are taken within a run, and the median of what is found', () => {
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
      figures: changed(some.figures, perSecond, 1),
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
    const found = ratio({ ...series, entrant: 'one' }, { ...series, entrant: 'other' }, perSecond)
    expect(found).toBe(0.9)
  })
})
