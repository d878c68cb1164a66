import type { BenchResult, ComparisonResult } from '../bench.ts'
import { defaultReaders, type Entrant, nameOf, targetInFlight } from '../plan.ts'
import { median, perSecond } from '../series.ts'
import type { WorkloadName } from '../workload.ts'
import type { Plot } from './chart.ts'
import { type GrowthPlotData, growthPlot } from './growth.ts'
import { type ThroughputPlotData, throughputPlot } from './throughput.ts'

/** The plots that the README shows. The same figures give the same text. */
export function plots(bench: BenchResult): Plot[] {
  const caption = captionOf(bench)
  const throughput = throughputOf(bench)
  const growth = growthOf(bench)
  return [
    ...(throughput.workloads.length > 0 ? [throughputPlot(throughput, caption)] : []),
    ...(growth.lines.length > 0 ? [growthPlot(growth, caption)] : []),
  ]
}

/** Where the figures are from, in a line. */
function captionOf({ date, machine, versions }: BenchResult): string {
  const { cpu, cores, memoryBytes, system } = machine
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`
  const { node, 'better-sqlite3': driver, 'SQLite of better-sqlite3': sqlite } = versions
  return [
    `${cpu}, ${cores} cores, ${memory}; ${system}`,
    `Node ${node}, better-sqlite3 ${driver} (SQLite ${sqlite})`,
    date.slice(0, 10),
  ].join('; ')
}

const own = 'SqliteStore'

/** Every contender once: as it reads where nothing is said about readers. */
function isOrdinary({ name, contender, readers }: Entrant): boolean {
  return name === nameOf(contender, readers) && (readers === 0 || readers === defaultReaders)
}

function contests({ comparisons }: BenchResult): ComparisonResult[] {
  return comparisons.filter(
    ({ purpose, durability }) => purpose === 'contenders' && durability === 'normal',
  )
}

/** What workloads are called where their own names would not say it. */
const titles: Partial<Record<WorkloadName, string>> = {
  'query-random': 'query, random',
  'query-rare': 'query, rare domains',
  decide: 'decide (approve)',
  mix: '90 % get, 10 % insert',
  stats: 'statistics',
}

export function throughputOf(bench: BenchResult): ThroughputPlotData {
  const compared = contests(bench)
  const contenders = new Set(
    compared.flatMap(({ entrants }) => entrants.map(({ contender }) => contender)),
  )
  return {
    inFlight: targetInFlight,
    units: compared[0]?.units ?? 0,
    note: `${defaultReaders} ${defaultReaders === 1 ? 'reader' : 'readers'} where there are any`,
    contenders: [own, ...[...contenders].filter((name) => name !== own)],
    workloads: compared.map((comparison) => ({
      name: titles[comparison.workload] ?? comparison.workload,
      perSecond: Object.fromEntries(
        comparison.entrants
          .filter(isOrdinary)
          .map(({ name, contender }): [string, number] => [
            contender,
            median({ comparison, entrant: name, inFlight: targetInFlight }, perSecond),
          ])
          .filter(([, value]) => !Number.isNaN(value)),
      ),
    })),
  }
}

/** What each line of the growth plot is of, in the order of their colours. */
const grown: readonly (readonly [workload: WorkloadName, name: string])[] = [
  ['query-top-two', 'query, the two most popular domains'],
  ['query-random', 'query, random domains and contexts'],
  ['query-worst', 'query, the worst kinds known'],
  ['get', 'get'],
  ['stats', 'statistics for agents'],
  ['review-stats', 'statistics for reviewers'],
]

export function growthOf({ comparisons }: BenchResult): GrowthPlotData {
  const growing = comparisons.filter(({ purpose }) => purpose === 'growth')
  const points = (workload: WorkloadName, isOwn: boolean) =>
    growing
      .filter((comparison) => comparison.workload === workload)
      .flatMap((comparison) =>
        comparison.entrants
          .filter(({ contender }) => (contender === own) === isOwn)
          .map(({ name }) => ({
            units: comparison.units,
            microseconds: median(
              { comparison, entrant: name, inFlight: 1 },
              ({ latency }) => latency.p50,
            ),
          })),
      )
      .filter(({ microseconds }) => !Number.isNaN(microseconds))
  return {
    lines: grown
      .flatMap(([workload, name]) => [
        { name, isBaseline: false, points: points(workload, true) },
        {
          name,
          isBaseline: true,
          points: points(workload, false),
        },
      ])
      .filter(({ points }) => points.length > 0),
  }
}
