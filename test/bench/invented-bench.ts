import type { BenchResult, ComparisonResult } from '../../bench/bench.ts'
import type { CellFigures } from '../../bench/cell.ts'
import { contenderNames } from '../../bench/contenders.ts'
import type { HttpBenchOptions, HttpFigures, HttpResult } from '../../bench/http/http-bench.ts'
import { readRoutes } from '../../bench/http/routes.ts'
import type { MixedLoadResult } from '../../bench/mixed-load/result.ts'
import { plan } from '../../bench/plan.ts'
import { workloadNames } from '../../bench/workload.ts'

/** Figures that nobody measured, of everything that the bench measures. */

const sizes = [10_000, 20_000, 100_000, 1_000_000]

export function inventedHttpFigures(figures: Partial<HttpFigures>): HttpFigures {
  const perSecond = figures.perSecond ?? 1_000
  return {
    requests: perSecond,
    seconds: 1,
    perSecond,
    latency: { p50: 200, p99: 3_000, p999: 40_000, max: 50_000 },
    bytes: 1_234,
    clientCpu: 60,
    eventLoopDelay: { p50: 0.1, p99: 1.5, max: 8 },
    cpu: { mainThread: 100, process: 250 },
    eventLoopUtilization: 0.5,
    waitedForCore: 0.1,
    rss: 2e8,
    ...figures,
  }
}

const httpOptions: HttpBenchOptions = {
  connections: 32,
  seconds: 1,
  warmUpSeconds: 1,
  firstWarmUpSeconds: 5,
  requests: 1_000,
  rounds: 1,
  seed: 7,
  path: 'a.db',
  units: 100_000,
}

export function inventedHttp(result: Partial<HttpResult> = {}): HttpResult {
  return {
    options: httpOptions,
    routes: readRoutes.map(({ name: route }, place) => ({
      route,
      figures: inventedHttpFigures({ perSecond: 20_000 / (1 + place) }),
    })),
    rounds: [
      {
        knowledge: inventedHttpFigures({ perSecond: 5_000 }),
        healthAtSameRate: inventedHttpFigures({ perSecond: 5_000 }),
        health: inventedHttpFigures({ perSecond: 20_000 }),
      },
    ],
    ...result,
  }
}

export function inventedMixedLoad(
  sample: (seconds: number) => { readonly wal?: number; readonly rss?: number } = () => ({}),
): MixedLoadResult {
  const samples = Array.from({ length: 240 }, (_, place) => {
    const seconds = (place + 1) / 4
    return { seconds, perSecond: 30_000, wal: 16e6, database: 3e7, rss: 3e8, ...sample(seconds) }
  })
  return {
    options: {
      inFlight: 64,
      seconds: 60,
      operations: 1e9,
      settleSeconds: 10,
      sampleSeconds: 0.25,
      path: 'a.db',
      units: 10_000,
      seed: 7,
    },
    calls: { get: 80, query: 10, insert: 5, confirm: 5 },
    seconds: 60,
    samples,
  }
}

export function inventedBench(runs = 1): BenchResult {
  const options = {
    workloads: workloadNames,
    sizes,
    inFlight: [1, 16, 64, 256],
    readers: 1,
    runs,
    seconds: 1,
    warmUpSeconds: 1,
    operations: 1_000,
    seed: 7,
  }
  const comparisons = plan({ ...options, contenders: contenderNames }).map(
    (comparison): ComparisonResult => ({
      ...comparison,
      measurements: comparison.entrants.flatMap(({ name, inFlight: counts }, place) =>
        counts.flatMap((inFlight) =>
          Array.from({ length: runs }, (_, run) => ({
            entrant: name,
            inFlight,
            run,
            figures: inventedCellFigures(
              comparison.workload.length * 10 * (place + 1) + inFlight + run / 7,
            ),
          })),
        ),
      ),
    }),
  )
  return {
    date: '2026-11-22T03:04:05.678Z',
    seconds: 600,
    machine: {
      cpu: 'a <cpu> & co',
      cores: 2,
      memoryBytes: 24 * 2 ** 30,
      system: 'a system',
      fileSystem: 'ext4',
      loadBefore: 0,
    },
    versions: { node: '24.0.0', 'better-sqlite3': '13.0.2', 'SQLite of better-sqlite3': '3.54.1' },
    options,
    absent: [],
    templates: sizes.map((units) => ({
      units,
      fillSeconds: units / 20_000,
      migrateSeconds: units / 30_000,
      referenceBytes: 1_700 * units,
      bytes: 2_000 * units,
    })),
    comparisons,
    ranking: sizes.flatMap((units) =>
      Array.from({ length: runs }, (_, run) => ({
        units,
        openMilliseconds: 50 + run,
        loadMilliseconds: units / 200 + run,
        bytes: (180 + run) * units,
        rssGrowth: 3e7 + 300 * units,
      })),
    ),
    http: inventedHttp(),
    mixedLoad: inventedMixedLoad((seconds) => ({ wal: (seconds % 8) * 2e6 })),
  }
}

function inventedCellFigures(microseconds: number): CellFigures {
  return {
    operations: 1_000,
    seconds: 1,
    perSecond: 3e6 / microseconds,
    slowest: 2 * microseconds,
    latency: { p50: microseconds, p99: 2 * microseconds, p999: 3 * microseconds, max: 1e5 },
    eventLoopDelay: { p99: 1, max: 2 },
    cpu: { mainThread: 10, process: 20 },
    eventLoopUtilization: 0.5,
    rss: 1e8,
    bytes: { database: 1e7, wal: 1e6 },
  }
}
