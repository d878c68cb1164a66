import { grouped, middle, short, type Target, table, targetRow } from '../figures.ts'
import type { HttpFigures, HttpResult, HttpRound } from './http-bench.ts'
import { health, knowledge } from './routes.ts'

/** The part of `GET /health`'s requests per second that `GET /api/v1/knowledge` has to reach. */
const leastOfHealth = 0.3
/** How many times as late as under `GET /health` the main thread's timers may be. */
const mostDelay = 2

/** How many times as many requests per second as `GET /health`, round by round. */
function ofHealth({ rounds }: HttpResult): number[] {
  return rounds.map(({ knowledge, health }) => knowledge.perSecond / health.perSecond)
}

/** How many times the delay of the event loop under as many requests for `GET /health`, round by round. */
function delayAgainstHealth({ rounds }: HttpResult): number[] {
  return rounds.map(
    ({ knowledge, healthAtSameRate }) =>
      knowledge.eventLoopDelay.p99 / healthAtSameRate.eventLoopDelay.p99,
  )
}

/** Rows of the table of targets. */
export function httpTargets(result: HttpResult): Target[] {
  const { connections, units } = result.options
  return [
    targetRow({
      what: `\`${knowledge.name}\`, ${grouped(units)} units, ${connections} connections: requests/s against \`${health.name}\``,
      least: leastOfHealth,
      measured: ofHealth(result),
    }),
    targetRow({
      what: `\`${knowledge.name}\`, ${connections} connections: event-loop delay p99 against \`${health.name}\` at as many requests/s`,
      most: mostDelay,
      measured: delayAgainstHealth(result),
    }),
  ]
}

/** The part of a page that tells what was measured over HTTP, and what it cannot say. */
export function httpSection(result: HttpResult): string {
  const { units, connections, seconds, warmUpSeconds, firstWarmUpSeconds, rounds } = result.options
  return [
    '## HTTP',
    `The server as it ships, over a \`SqliteStore\` with default options, in a process of its own; autocannon in another one, on the same machine. ${short(seconds)} s for each figure after ${warmUpSeconds} s of warming up, ${firstWarmUpSeconds} s where the server had not been asked for the route before. Every answer had the status it is to have.`,
    `### Every route that reads: ${grouped(units)} units, ${connections} connections`,
    routeTable(result),
    `### \`${knowledge.name}\` beside \`${health.name}\``,
    `${medians(rounds)}, in each of which one follows the other.`,
    roundTable(result),
    caveats(result)
      .map((text) => `- ${text}`)
      .join('\n'),
  ].join('\n\n')
}

function medians(rounds: number): string {
  return rounds === 1 ? 'One round' : `Medians of ${rounds} rounds`
}

const head =
  'requests/s|p50 ms|p99 ms|p99.9 ms|CPU main thread µs|CPU server µs|CPU clients µs|loop busy|delay p99 ms|delay max ms|waited for a core|RSS MB|bytes'.split(
    '|',
  )

/** The cells of a row: medians, where there are several measurements. */
function cells(several: readonly HttpFigures[]): string[] {
  const of = (read: (figures: HttpFigures) => number | null) => {
    const numbers = several.map((figures) => read(figures) ?? Number.NaN)
    return numbers.some(Number.isNaN) ? Number.NaN : middle(numbers)
  }
  const told = (figure: number, write: (figure: number) => string) =>
    Number.isNaN(figure) ? 'not told' : write(figure)
  const percent = (part: number) => `${Math.round(100 * part)} %`
  return [
    grouped(of(({ perSecond }) => perSecond)),
    short(of(({ latency }) => latency.p50) / 1_000),
    short(of(({ latency }) => latency.p99) / 1_000),
    short(of(({ latency }) => latency.p999) / 1_000),
    told(
      of(({ cpu }) => cpu.mainThread),
      short,
    ),
    short(of(({ cpu }) => cpu.process)),
    short(of(({ clientCpu }) => clientCpu)),
    percent(of(({ eventLoopUtilization }) => eventLoopUtilization)),
    short(of(({ eventLoopDelay }) => eventLoopDelay.p99)),
    short(of(({ eventLoopDelay }) => eventLoopDelay.max)),
    told(
      of(({ waitedForCore }) => waitedForCore),
      percent,
    ),
    grouped(of(({ rss }) => rss) / 1e6),
    grouped(of(({ bytes }) => bytes)),
  ]
}

function routeTable({ routes }: HttpResult): string {
  return table(
    ['route', ...head],
    routes.map(({ route, figures }) => [`\`${route}\``, ...cells([figures])]),
  )
}

function roundTable({ rounds }: HttpResult): string {
  const row = (name: string, read: (round: HttpRound) => HttpFigures) => [
    name,
    ...cells(rounds.map(read)),
  ]
  return table(
    ['', ...head],
    [
      row(`\`${knowledge.name}\``, (round) => round.knowledge),
      row(`\`${health.name}\` at as many requests/s`, (round) => round.healthAtSameRate),
      row(`\`${health.name}\` at its most`, (round) => round.health),
    ],
  )
}

function caveats({ options }: HttpResult): string[] {
  return [
    'CPU is for each request: of the server’s main thread, of the server with its workers, and of the clients’ process. The latter two share the machine, so that where cores are few their sum is what limits the requests per second. The loop, its delay and memory are those of the server.',
    'The load is closed: a connection asks again once it is answered, so that latencies under many connections are mostly the time in the queue before the server.',
    'Delay: how much later than due a timer on the main thread fires that is due each millisecond. It holds what the loop itself did meanwhile, and how long the main thread waited for a core while workers and clients had them all. “Waited for a core” is the latter’s part of the time, as Linux tells it.',
    `\`${health.name}\` at as many requests/s is asked evenly: each of the ${options.connections} connections has its second begin at another moment, since autocannon sends a second’s requests at its beginning. The server then idles most of the time, and a query’s load leaves it no rest: the ratio compares a full machine with one that is not.`,
  ]
}
