import type { BenchResult, ComparisonResult } from './bench.ts'
import type { Durability } from './contender.ts'
import { documentedRow, grouped, spokenTime, type Target, targetRow, times } from './figures.ts'
import { httpTargets } from './http/report.ts'
import type { Interference } from './interference.ts'
import { mixedLoadTargets } from './mixed-load/report.ts'
import { directOnStoreTables, nameOf, type Purpose, targetInFlight } from './plan.ts'
import { mainThreadCpu, perSecond, ratio, type Series, timePerCall } from './series.ts'
import type { WorkloadName } from './workload.ts'

const direct = 'better-sqlite3'
const [small, medium, large] = [10_000, 100_000, 1_000_000]

/** What the store is to reach, and whether it does. What was missed is told as what was reached. */
export function targets(bench: BenchResult): Target[] {
  return [
    ...offloadTargets(bench),
    ...insertTargets(bench),
    ...growthTargets(bench),
    documentedRow(
      `the worst kind of query at ${grouped(large)} units, and what point reads wait meanwhile`,
      bench.interference?.units === large ? interferenceText(bench.interference) : undefined,
    ),
    ...(bench.http ? httpTargets(bench.http) : []),
    ...(bench.mixedLoad ? mixedLoadTargets(bench.mixedLoad) : []),
  ]
}

function offloadTargets(bench: BenchResult): Target[] {
  const comparison = find(bench, 'contenders', 'get')
  const store = { comparison, entrant: nameOf('SqliteStore', 1), inFlight: targetInFlight }
  const base = { comparison, entrant: direct, inFlight: targetInFlight }
  const what = `\`get\`, ${targetInFlight} in flight, one reader, against ${direct} on the main thread`
  return [
    targetRow({
      what: `${what}: calls per second`,
      least: 1,
      measured: ratio(store, base, perSecond),
    }),
    targetRow({
      what: `${what}: CPU of the main thread for each call`,
      most: 0.7,
      measured: ratio(store, base, mainThreadCpu),
    }),
  ]
}

function insertTargets(bench: BenchResult): Target[] {
  const least: Readonly<Record<Durability, number>> = { normal: 2.5, full: 8 }
  return (['normal', 'full'] as const).flatMap((durability) => {
    const comparison = find(bench, 'contenders', 'insert', { durability })
    const against = (entrant: string) =>
      ratio(
        { comparison, entrant: 'SqliteStore', inFlight: targetInFlight },
        { comparison, entrant, inFlight: targetInFlight },
        perSecond,
      )
    const what = `\`insert\`, ${targetInFlight} in flight, durability ${durability}, against ${direct} with a transaction each`
    const onPlainTables = against(direct)
    return [
      targetRow({
        what: `${what} on the same file`,
        least: least[durability],
        measured: against(directOnStoreTables),
      }),
      documentedRow(
        `${what} on a file that has no indexes of this store to keep`,
        Number.isNaN(onPlainTables) ? undefined : times(onPlainTables),
      ),
    ]
  })
}

function growthTargets(bench: BenchResult): Target[] {
  const store = (workload: WorkloadName, units: number, inFlight: number): Series => ({
    comparison: find(bench, 'growth', workload, { units }),
    entrant: nameOf('SqliteStore', 1),
    inFlight,
  })
  const grown = (workload: WorkloadName, what: string) =>
    targetRow({
      what: `${what}: time for each call at ${grouped(large)} units against ${grouped(small)}`,
      most: 2,
      measured: ratio(
        store(workload, large, targetInFlight),
        store(workload, small, targetInFlight),
        timePerCall,
      ),
    })
  const scanned = { ...store('query-top-two', medium, 1), entrant: direct }
  return [
    targetRow({
      what: `\`query\` over the two most popular domains at ${grouped(medium)} units, one at a time, against fetch-and-score with ${direct} on the main thread`,
      least: 200,
      measured: ratio(store('query-top-two', medium, 1), scanned, perSecond),
    }),
    grown('query-top-two', 'the same query'),
    grown('stats', '`stats`'),
    grown('review-stats', '`reviewStats`'),
  ]
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
