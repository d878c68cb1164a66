import type { BenchResult, ComparisonResult } from './bench.ts'
import type { CellFigures } from './cell.ts'
import type { EngineCell, EngineResult } from './engine/engine-bench.ts'
import { middle } from './figures.ts'
import type { HttpFigures, HttpResult } from './http/http-bench.ts'
import { highestWal, memoryGrowth } from './mixed-load/report.ts'
import type { MixedLoadResult } from './mixed-load/result.ts'
import type { RankingCost } from './ranking.ts'
import { figuresOf } from './series.ts'

/** What is kept of a number that was measured several times: `[median, least, most]`. */
type Kept = number | null | readonly [median: number, least: number, most: number]

const about =
  'Of each figure the median, the least and the most of the runs, or the one number where there was one run. Comparisons go by contender, then by calls in flight. Times are in microseconds, memory in megabytes; what is not told is null.'

/** All that was measured as JSON that is small enough to be kept: a line for each comparison, no single runs. */
export function compactFigures(bench: BenchResult): string {
  const { comparisons, ranking, engine, http, mixedLoad, ...rest } = bench
  const kept = {
    about,
    ...rest,
    comparisons: comparisons.map(keptComparison),
    ranking: [...Map.groupBy(ranking, ({ units }) => units).values()].map(keptRanking),
    ...(engine && keptEngine(engine)),
    ...(http && keptHttp(http)),
    ...(mixedLoad && { mixedLoad: keptMixedLoad(mixedLoad) }),
  }
  const lines = Object.entries(kept).map(([name, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((item) => JSON.stringify(item, shortened)).join(',\n')}\n]`
      : JSON.stringify(value, shortened)
    return `"${name}": ${text}`
  })
  return `{\n${lines.join(',\n')}\n}\n`
}

function keptComparison(comparison: ComparisonResult): object {
  const { purpose, workload, units, durability, entrants } = comparison
  const series = entrants.map(({ name: entrant, inFlight: counts }) => {
    const keptAt = (inFlight: number) =>
      [inFlight, keptCell(figuresOf({ comparison, entrant, inFlight }))] as const
    return [entrant, Object.fromEntries(counts.map(keptAt))] as const
  })
  return { purpose, workload, units, durability, ...Object.fromEntries(series) }
}

function keptCell(runs: readonly CellFigures[]): object {
  const of = (read: (figures: CellFigures) => number | null) => spread(runs.map(read))
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ latency }) => latency.p50),
    p99: of(({ latency }) => latency.p99),
    ...(runs.some(({ slowest }) => slowest !== null) && { slowest: of(({ slowest }) => slowest) }),
    mainThreadCpu: of(({ cpu }) => cpu.mainThread),
  }
}

function keptRanking(costs: readonly RankingCost[]): object {
  const of = (name: keyof RankingCost) => spread(costs.map((cost) => cost[name]))
  return {
    units: costs[0]?.units,
    openMilliseconds: of('openMilliseconds'),
    loadMilliseconds: of('loadMilliseconds'),
    bytes: of('bytes'),
    rssGrowth: of('rssGrowth'),
  }
}

function keptEngine({ cells, delays, queryMilliseconds }: EngineResult): object {
  const names = ({ contender, workload, durability, inFlight }: EngineCell) =>
    JSON.stringify([contender, workload, durability, inFlight])
  return {
    engineCells: [...Map.groupBy(cells, names).values()].map((several) => {
      const [{ contender, workload, durability, inFlight } = several[0] as EngineCell] = several
      const of = (read: (cell: EngineCell) => number) => spread(several.map(read))
      return {
        ...{ contender, workload, durability, inFlight },
        perSecond: of(({ figures }) => figures.perSecond),
        p50: of(({ figures }) => figures.latency.p50),
        p99: of(({ figures }) => figures.latency.p99),
      }
    }),
    engineDelays: delays.map(({ contender, inFlight, figures }) => ({
      ...{ contender, inFlight, queryMilliseconds },
      ...figures,
    })),
  }
}

function keptHttp({ routes, rounds }: HttpResult): object {
  const compared = ['knowledge', 'healthAtSameRate', 'health'] as const
  return {
    httpRoutes: routes.map(({ route, figures }) => ({ route, ...keptLoad([figures]) })),
    httpRounds: compared.map((name) => ({ name, ...keptLoad(rounds.map((one) => one[name])) })),
  }
}

function keptLoad(rounds: readonly HttpFigures[]): object {
  const of = (read: (figures: HttpFigures) => number | null) => spread(rounds.map(read))
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ latency }) => latency.p50),
    p99: of(({ latency }) => latency.p99),
    mainThreadCpu: of(({ cpu }) => cpu.mainThread),
    rss: of(({ rss }) => rss / 1e6),
  }
}

function keptMixedLoad(result: MixedLoadResult): object {
  const { calls, samples } = result
  return {
    calls,
    perSecond: spread(samples.map(({ perSecond }) => perSecond)),
    rss: spread(samples.map(({ rss }) => rss / 1e6)),
    rssGrowth: memoryGrowth(result) / 1e6,
    highestWal: highestWal(result) / 1e6,
  }
}

function spread(numbers: readonly (number | null)[]): Kept {
  const told = numbers.filter((number) => number !== null)
  if (told.length === 0) return null
  const median = rounded(middle(told))
  return told.length === 1
    ? median
    : [median, rounded(Math.min(...told)), rounded(Math.max(...told))]
}

function rounded(number: number): number {
  return Number(number.toPrecision(4))
}

/** Whole numbers are counts, and stay what they are. */
function shortened(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? rounded(value) : value
}
