import { grouped, middle, short, type Target, table, targetRow, withRange } from '../figures.ts'
import { type EngineContenderName, engineContenderNames, engineContenders } from './contenders.ts'
import type { EngineCell, EngineResult } from './engine-bench.ts'

type Which = Pick<EngineCell, 'contender' | 'workload' | 'durability' | 'inFlight'>

const own = 'Kysely, SqliteDialect'
const ours = 'Kysely, OffloadDialect'

/** Rows of the table of targets. */
export function engineTargets(result: EngineResult): Target[] {
  const inFlight = Math.max(...result.options.inFlight)
  const inTurn = Math.min(...result.options.inFlight)
  const ratio = (
    contender: EngineContenderName,
    base: EngineContenderName,
    workload: EngineCell['workload'],
    durability: EngineCell['durability'] = 'normal',
  ) => {
    const which = { workload, durability, inFlight }
    const bases = perSecond(result, { ...which, contender: base })
    return perSecond(result, { ...which, contender }).map(
      (figure, round) => figure / (bases[round] ?? Number.NaN),
    )
  }
  const atLoad = `${inFlight} in flight`
  return [
    targetRow({
      what: `event-loop delay p99 while queries of ${result.queryMilliseconds} ms run, ${inTurn === 1 ? 'one' : inTurn} at a time, against Kysely's own dialect`,
      most: 1 / 50,
      measured: delayRatios(result, inTurn),
      write: (value) => `1/${grouped(1 / Math.max(value, 1e-4))}`,
    }),
    targetRow({
      what: `point reads through the dialect, ${atLoad}, against Kysely's own`,
      least: 1.5,
      measured: ratio(ours, own, 'get'),
    }),
    targetRow({
      what: `single-row inserts through the dialect, ${atLoad}, against Kysely's own with a write-ahead log`,
      least: 3,
      measured: ratio(ours, own, 'insert'),
    }),
    targetRow({
      what: `single-row inserts through the dialect, ${atLoad}, durability full, against Kysely's own`,
      least: 3,
      measured: ratio(ours, own, 'insert', 'full'),
    }),
    ...(['get', 'insert'] as const).map((workload) =>
      targetRow({
        what: `typed \`${workload}\`, ${atLoad}, against \`SqliteStore\`'s`,
        least: 1,
        measured: ratio('typed operations', 'SqliteStore', workload),
      }),
    ),
  ]
}

/** The part of a page that tells how the engine and the dialect compare. */
export function engineSection(result: EngineResult): string {
  const { rows, seconds, warmUpSeconds, rounds } = result.options
  return [
    '## The engine for any schema, and the dialect',
    `A table of ${grouped(rows)} rows of four columns. ${short(seconds)} s for each figure after ${short(warmUpSeconds)} s of warming up; ${rounds === 1 ? 'one round' : `medians of ${rounds} rounds, their order reversed from round to round`}; each figure in a process of its own. All have a write-ahead log, and \`synchronous\` is NORMAL unless said otherwise. Engine and dialect have as many readers as by default.`,
    '### Calls per second',
    callTable(result),
    `### Lateness of the event loop in milliseconds, p99, while queries of ${result.queryMilliseconds} ms run, so many at a time`,
    delayTable(result),
    list(),
  ].join('\n\n')
}

function perSecond(result: EngineResult, which: Which): number[] {
  return cellsOf(result, which).map(({ figures }) => figures.perSecond)
}

function cellsOf({ cells }: EngineResult, which: Which): EngineCell[] {
  return cells
    .filter(
      (cell) =>
        cell.contender === which.contender &&
        cell.workload === which.workload &&
        cell.durability === which.durability &&
        cell.inFlight === which.inFlight,
    )
    .sort((one, other) => one.round - other.round)
}

function delaysOf({ delays }: EngineResult, contender: EngineContenderName, inFlight: number) {
  return delays
    .filter((delay) => delay.contender === contender && delay.inFlight === inFlight)
    .sort((one, other) => one.round - other.round)
    .map(({ figures }) => figures.p99)
}

function delayRatios(result: EngineResult, inFlight: number): number[] {
  const bases = delaysOf(result, own, inFlight)
  return delaysOf(result, ours, inFlight).map((p99, round) => p99 / (bases[round] ?? Number.NaN))
}

function callTable(result: EngineResult): string {
  const { inFlight } = result.options
  const columns = [
    ...inFlight.map((count) => ['get', 'normal', count] as const),
    ...inFlight.map((count) => ['insert', 'normal', count] as const),
    ['insert', 'full', Math.max(...inFlight)] as const,
  ]
  const head = columns.map(
    ([workload, durability, count]) =>
      `\`${workload}\`, ${count} in flight${durability === 'full' ? ', full' : ''}`,
  )
  const rows = engineContenderNames.map((contender) => [
    contender,
    ...columns.map(([workload, durability, count]) => {
      const figures = perSecond(result, { contender, workload, durability, inFlight: count })
      return figures.length > 0 ? grouped(middle(figures)) : ''
    }),
  ])
  return table(['', ...head], rows)
}

function delayTable(result: EngineResult): string {
  const { inFlight } = result.options
  const rows = engineContenderNames
    .filter((contender) => contender !== 'SqliteStore')
    .map((contender) => [
      contender,
      ...inFlight.map((count) => withRange(delaysOf(result, contender, count), short)),
    ])
  return table(['', ...inFlight.map((count) => `${count}`)], rows)
}

function list(): string {
  return engineContenderNames
    .map((contender) => `- ${contender}: ${engineContenders[contender].what}.`)
    .join('\n')
}
