import { grouped, middle, short, spokenTime, type Target, table, targetRow } from '../figures.ts'
import type { Plot } from '../plots/chart.ts'
import { throughputPlot } from '../plots/throughput.ts'
import type { Figure, Measured, PostgresBench } from './postgres-bench.ts'

/** What the reference server was measured to take on PostgreSQL with 100,000 units, on another day. */
const reference = {
  query: 1_525_000,
  stats: 2_166_000,
  reviewStats: 2_119_000,
  insert: 871,
  confirm: 406,
} as const

const topTwo = 'query, the two most popular domains'

/** The page of the part `postgres`. */
export function postgresPage(bench: PostgresBench): string {
  const { options, machine, server, date, minutes } = bench
  const { cpu, cores, memoryBytes, system, fileSystem, loadBefore } = machine
  const { units, rounds, seconds, warmUpSeconds } = options
  return `${[
    '# PostgresStore, measured',
    [
      `- ${date}; ${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB; ${system}; ${fileSystem}; load average before: ${loadBefore.toFixed(2)}`,
      `- PostgreSQL ${server} with fsync on and 512 MB of shared buffers; Node ${process.versions.node}`,
      `- ${grouped(units)} approved units of some 1.1 kB; ${seconds} s for each figure after ${warmUpSeconds} s of warming up; ${rounds === 1 ? 'one round' : `median of ${rounds} rounds, their order reversed from round to round`}; ${short(minutes)} minutes in all`,
      '- Client and server share the cores of this machine. All contenders are in one process.',
    ].join('\n'),
    '## Targets',
    table(
      ['figure', 'target', 'measured', ''],
      targetsOf(bench).map(({ what, target, measured, verdict }) => [
        what,
        target,
        measured,
        verdict === 'missed' ? '**missed**' : verdict,
      ]),
      4,
    ),
    'The figures of the reference server are constants: it was measured on another day, with 100,000 units.',
    'No confirmation was lost: one unit was confirmed by 64 callers at once, and afterwards had as many confirmations more as were answered.',
    '## Figures',
    table(
      ['', 'calls in flight', 'calls a second', 'lowest and highest', 'time for each call'],
      bench.figures.map(({ who, what, inFlight, perSecond }) => [
        `${who}: ${what}`,
        `${inFlight}`,
        grouped(middle(perSecond)),
        `${grouped(Math.min(...perSecond))} to ${grouped(Math.max(...perSecond))}`,
        spokenTime((1e6 * inFlight) / middle(perSecond)),
      ]),
    ),
    [
      '- **pg.Pool**: the same driver with four connections: a prepared statement for each `get`; for each insert a transaction of two statements, on the same tables.',
      '- **SqliteStore**: the same units in a file, at durability `full`, so that both flush what they acknowledge.',
    ].join('\n'),
  ].join('\n\n')}\n`
}

export function targetsOf({ figures }: PostgresBench): Target[] {
  const runs = (wanted: Figure) =>
    figures.find(
      ({ who, what, inFlight }) =>
        who === wanted.who && what === wanted.what && inFlight === wanted.inFlight,
    )?.perSecond ?? []
  const own = (what: string, inFlight: number) => runs({ who: 'PostgresStore', what, inFlight })
  const pooled = (what: string, inFlight: number) => runs({ who: 'pg.Pool', what, inFlight })
  const times = (more: readonly number[], less: readonly number[]) =>
    more.map((value, round) => value / (less[round] ?? Number.NaN))
  const write = (value: number) => `${short(value)} ×`
  const most = (what: string, limit: number, measured: readonly number[]) =>
    targetRow({ what, most: limit, measured, write })
  const least = (what: string, limit: number, measured: readonly number[]) =>
    targetRow({ what, least: limit, measured, write })
  const faster = (what: string, microseconds: number) =>
    own(what, 1).map((perSecond) => (microseconds * perSecond) / 1e6)
  const ping = pooled('select 1', 1)
  return [
    least(
      '`get`, 64 in flight, against one statement a call on a pool of 4',
      4,
      times(own('get', 64), pooled('get', 64)),
    ),
    most(`${topTwo}: time against \`select 1\``, 5, times(ping, own(topTwo, 1))),
    most(
      'query with a full context: time against `select 1`',
      8,
      times(ping, own('query with a full context', 1)),
    ),
    least(
      "query, the two most popular domains, against the reference server's",
      500,
      faster(topTwo, reference.query),
    ),
    least('statistics for agents, likewise', 100, faster('statistics for agents', reference.stats)),
    least(
      'statistics for reviewers, likewise',
      100,
      faster('statistics for reviewers', reference.reviewStats),
    ),
    least(
      "`insert`, 64 in flight, against the reference server's",
      5,
      own('insert', 64).map((each) => each / reference.insert),
    ),
    least(
      '`confirm` of distinct units, likewise',
      3,
      own('confirm, distinct units', 64).map((each) => each / reference.confirm),
    ),
    least(
      '`confirm` of one unit, likewise',
      20,
      own('confirm, one unit', 64).map((each) => each / reference.confirm),
    ),
  ]
}

/** Calls a second, 64 in flight. */
export function postgresPlot({ figures, options, server, machine, date }: PostgresBench): Plot {
  const contenders = ['PostgresStore', 'pg.Pool', 'SqliteStore']
  const together = figures.filter(({ inFlight }) => inFlight > 1)
  const names = [...new Set(together.map(({ what }) => what))]
  const of = (what: string) => together.filter((one: Measured) => one.what === what)
  const plot = throughputPlot(
    {
      inFlight: 64,
      units: options.units,
      note: 'PostgreSQL with fsync on, and SQLite at durability full',
      contenders,
      workloads: names.map((name) => ({
        name,
        perSecond: Object.fromEntries(
          of(name).map(({ who, perSecond }) => [who, middle(perSecond)]),
        ),
      })),
    },
    `${machine.cpu}, ${machine.cores} cores; PostgreSQL ${server}; Node ${process.versions.node}; ${date.slice(0, 10)}`,
  )
  return plot
}
