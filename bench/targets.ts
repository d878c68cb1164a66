import type { BenchResult, ComparisonResult } from './bench.ts'
import type { Durability } from './contender.ts'
import { randomQueryCount } from './corpus.ts'
import { engineTargets } from './engine/report.ts'
import { documentedRow, grouped, spokenTime, type Target, targetRow } from './figures.ts'
import { httpTargets } from './http/report.ts'
import type { Interference } from './interference.ts'
import { mixedLoadTargets } from './mixed-load/report.ts'
import { directOnStoreTables, nameOf, type Purpose, targetInFlight } from './plan.ts'
import type { RankingCost } from './ranking.ts'
import {
  figuresOf,
  mainThreadCpu,
  perSecond,
  type ReadFigure,
  ratios,
  type Series,
  slowestCall,
  timePerCall,
} from './series.ts'
import type { WorkloadName } from './workload.ts'

const direct = 'better-sqlite3'
const [small, medium, large] = [10_000, 100_000, 1_000_000]
const atLoad = `${targetInFlight} in flight`

/** What the store is to reach, and whether it does. What was missed is told as what was reached. */
export function targets(bench: BenchResult): Target[] {
  return [
    ...offloadTargets(bench),
    ...writeTargets(bench),
    ...fileTargets(bench),
    ...queryTargets(bench),
    ...rankingTargets(bench),
    grown(bench, 'stats', '`stats`', 2),
    grown(bench, 'review-stats', '`reviewStats`', 2),
    documentedRow(
      `the worst kinds of query at ${grouped(large)} units, and what point reads wait meanwhile`,
      bench.interference?.units === large ? interferenceText(bench.interference) : undefined,
    ),
    ...(bench.engine ? engineTargets(bench.engine) : []),
    ...(bench.http ? httpTargets(bench.http) : []),
    ...(bench.mixedLoad ? mixedLoadTargets(bench.mixedLoad) : []),
  ]
}

function offloadTargets(bench: BenchResult): Target[] {
  const comparison = find(bench, 'contenders', 'get')
  const store = { comparison, entrant: nameOf('SqliteStore', 1), inFlight: targetInFlight }
  const base = { comparison, entrant: direct, inFlight: targetInFlight }
  const what = `\`get\`, ${atLoad}, one reader, against ${direct} on the main thread`
  return [
    targetRow({
      what: `${what}: calls per second`,
      least: 1,
      measured: ratios(store, base, perSecond),
    }),
    targetRow({
      what: `${what}: CPU of the main thread for each call`,
      most: 0.7,
      measured: ratios(store, base, mainThreadCpu),
    }),
  ]
}

function writeTargets(bench: BenchResult): Target[] {
  const against = (entrant: string, workload: WorkloadName, durability: Durability) => {
    const comparison = find(bench, 'contenders', workload, { durability })
    const series = { comparison, entrant: 'SqliteStore', inFlight: targetInFlight }
    return ratios(series, { ...series, entrant }, perSecond)
  }
  const what = (workload: WorkloadName) =>
    `\`${workload}\`, ${atLoad}, against ${direct} with a transaction each`
  const onPlainTables = (workload: WorkloadName, least: number) =>
    targetRow({
      what: `${what(workload)} on plain tables`,
      least,
      measured: against(direct, workload, 'normal'),
    })
  return [
    onPlainTables('confirm', 1),
    onPlainTables('decide', 1),
    onPlainTables('insert', 2.5),
    targetRow({
      what: `${what('insert')} on the store's tables, durability full`,
      least: 8,
      measured: against(directOnStoreTables, 'insert', 'full'),
    }),
  ]
}

function fileTargets({ templates }: BenchResult): Target[] {
  const largest = templates.at(-1)
  const migrated = templates.find(({ units }) => units === large)
  return [
    targetRow({
      what: `bytes on disk a unit${largest ? `, of ${grouped(largest.units)}` : ''}, against the reference server's own tables`,
      most: 1.3,
      measured: largest ? [largest.bytes / largest.referenceBytes] : [],
    }),
    targetRow({
      what: `bringing a file of the reference server with ${grouped(large)} units to this store's schema`,
      most: 60e6,
      measured: migrated ? [1e6 * migrated.migrateSeconds] : [],
      write: spokenTime,
    }),
  ]
}

function queryTargets(bench: BenchResult): Target[] {
  const mean = (what: string, series: Series, read: ReadFigure, milliseconds: number) =>
    targetRow({
      what: `${what}: mean time`,
      most: 1_000 * milliseconds,
      measured: figuresOf(series).map(read),
      write: spokenTime,
    })
  const random = (units: number, most: number) =>
    mean(
      `${grouped(randomQueryCount)} random queries at ${grouped(units)} units, ${atLoad}`,
      grownStore(bench, 'query-random', units, targetInFlight),
      timePerCall,
      most,
    )
  const worst = (units: number, most: number) =>
    mean(
      `the worst query known at ${grouped(units)} units, one at a time`,
      grownStore(bench, 'query-worst', units, 1),
      slowestCall,
      most,
    )
  return [
    random(20_000, 0.1),
    random(medium, 0.3),
    random(large, 3),
    grown(bench, 'query-top-two', '`query` over the two most popular domains', 1.5),
    worst(medium, 5),
    worst(large, 30),
  ]
}

function rankingTargets({ ranking }: BenchResult): Target[] {
  const loaded = (units: number, seconds: number) =>
    targetRow({
      what: `index loaded after opening, ${grouped(units)} units`,
      most: 1e6 * seconds,
      measured: costsAt(ranking, units).map(({ loadMilliseconds }) => 1_000 * loadMilliseconds),
      write: spokenTime,
    })
  return [
    loaded(medium, 0.8),
    loaded(large, 10),
    targetRow({
      what: 'memory of the index a unit',
      most: 250,
      measured: costsAt(ranking, ranking.at(-1)?.units ?? 0).map(
        ({ bytes, units }) => bytes / units,
      ),
      write: (bytes) => `${Math.round(bytes)} bytes`,
    }),
  ]
}

export function costsAt(ranking: readonly RankingCost[], size: number): RankingCost[] {
  return ranking.filter(({ units }) => units === size)
}

function grown(bench: BenchResult, workload: WorkloadName, what: string, most: number): Target {
  return targetRow({
    what: `${what}, ${atLoad}: time for each call at ${grouped(large)} units against ${grouped(small)}`,
    most,
    measured: ratios(
      grownStore(bench, workload, large, targetInFlight),
      grownStore(bench, workload, small, targetInFlight),
      timePerCall,
    ),
  })
}

function grownStore(
  bench: BenchResult,
  workload: WorkloadName,
  units: number,
  inFlight: number,
): Series {
  const comparison = find(bench, 'growth', workload, { units })
  return { comparison, entrant: nameOf('SqliteStore', 1), inFlight }
}

/** What `interference` says, in a sentence. */
export function interferenceText({ readers, perSecond, ...told }: Interference): string {
  const { alone, beside, queries } = told
  return [
    `${spokenTime(queries.p50)} (median of ${queries.count}, at most ${spokenTime(queries.max)})`,
    `of ${grouped(perSecond)} \`get\` a second with ${readers} readers, 99 % take at most ${spokenTime(beside.latency.p99)} while such queries run one after the other, and ${spokenTime(alone.latency.p99)} alone`,
    `the event loop is at most ${beside.eventLoopDelay.p99.toFixed(1)} ms late 99 % of the time, and ${alone.eventLoopDelay.p99.toFixed(1)} ms alone`,
  ].join('; ')
}

export function find(
  bench: BenchResult,
  purpose: Purpose,
  workload: WorkloadName,
  { units, durability = 'normal' }: { units?: number; durability?: Durability } = {},
): ComparisonResult | undefined {
  return bench.comparisons.find(
    (one) =>
      one.purpose === purpose &&
      one.workload === workload &&
      one.durability === durability &&
      (units === undefined || one.units === units),
  )
}
