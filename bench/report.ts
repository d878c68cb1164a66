import type { BenchOptions, BenchResult, WorkloadResult } from './bench.ts'
import { defaultReaders, entrantsFor } from './bench.ts'
import type { CellFigures } from './cell.ts'
import { contenders } from './contender.ts'
import { type WorkloadName, workloads } from './workload.ts'

/** What the store has to reach at 64 calls in flight. */
interface Target {
  readonly workload: WorkloadName
  readonly entrant: string
  readonly base: string
  readonly least: number
}

const targetInFlight = 64

function targets({ readers }: BenchOptions): Target[] {
  const named = (workload: WorkloadName, contender: string, count: number) =>
    entrantsFor(workload, readers).find(
      (entrant) => entrant.contender === contender && entrant.readers === count,
    )?.name ?? contender
  const store = (workload: WorkloadName, count = defaultReaders) =>
    named(workload, 'SqliteStore', count)
  const task = (workload: WorkloadName) => named(workload, 'one-task-per-call', defaultReaders)
  return [
    { workload: 'get', entrant: store('get', readers), base: 'direct', least: 0.85 },
    { workload: 'get', entrant: store('get'), base: task('get'), least: 5 },
    { workload: 'insert', entrant: store('insert'), base: 'direct', least: 1.5 },
    { workload: 'insert', entrant: store('insert'), base: task('insert'), least: 5 },
  ]
}

/** The page of one workload: what was measured, on what, and what it cannot say. */
export function workloadPage(bench: BenchResult, result: WorkloadResult): string {
  const { about } = workloads[result.workload]
  return [
    `# ${result.workload}: ${about}`,
    circumstances(bench),
    '## Calls per second',
    `In brackets: how many times what \`${baseOf(result)}\` does, the median of the runs' own ratios.`,
    throughputTable(bench.options, result),
    '## In full',
    'Medians of the runs. Latency is what a caller waits. Delay: how much later than due a timer fires in the same process. CPU: for each call.',
    fullTable(bench.options, result),
    '## Contenders',
    contenderList(),
    '## What these numbers cannot say',
    caveats(bench.options),
  ]
    .join('\n\n')
    .concat('\n')
}

/** The page for whoever wants to know whether the targets are met, and nothing else. */
export function summaryPage(bench: BenchResult): string {
  const tables = bench.results.flatMap((result) => [
    `## ${result.workload}: ${workloads[result.workload].about}`,
    throughputTable(bench.options, result),
  ])
  return [
    '# Summary',
    circumstances(bench),
    `## Targets, at ${targetInFlight} calls in flight`,
    targetTable(bench),
    ...tables,
    '## Contenders',
    contenderList(),
    '## What these numbers cannot say',
    caveats(bench.options),
  ]
    .join('\n\n')
    .concat('\n')
}

function circumstances({ date, machine, versions, options }: BenchResult): string {
  const { runs, seconds, warmUpSeconds, units, seed } = options
  const memory = (machine.memoryBytes / 2 ** 30).toFixed(1)
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `- ${date}; ${machine.cpu}, ${machine.cores} cores, ${memory} GiB; ${machine.system}; ${machine.fileSystem}; load average before: ${machine.loadBefore.toFixed(2)}`,
    `- ${software.join(', ')}`,
    `- ${units} units before, seed ${seed}; ${seconds} s for each figure after ${warmUpSeconds} s of warming up; median of ${runs} runs, their order reversed from run to run; each contender in a process of its own`,
  ].join('\n')
}

function throughputTable(options: BenchOptions, result: WorkloadResult): string {
  const base = baseOf(result)
  const rows = result.entrants.map(({ name }) => [
    name,
    ...options.inFlight.map((inFlight) => {
      const perSecond = median(result, name, inFlight, (figures) => figures.perSecond)
      const times = ratio(result, name, base, inFlight)
      return `${grouped(perSecond)} (${times.toFixed(2)})`
    }),
  ])
  return table(['in flight', ...options.inFlight.map(String)], rows)
}

function fullTable(options: BenchOptions, result: WorkloadResult): string {
  const rows = options.inFlight.flatMap((inFlight) =>
    result.entrants.map(({ name }) => {
      const of = (read: (figures: CellFigures) => number) => median(result, name, inFlight, read)
      const all = figuresOf(result, name, inFlight).map(({ perSecond }) => perSecond)
      const mainThread = of(({ cpu }) => cpu.mainThread ?? Number.NaN)
      return [
        String(inFlight),
        name,
        grouped(of(({ perSecond }) => perSecond)),
        `${grouped(Math.min(...all))} to ${grouped(Math.max(...all))}`,
        short(of(({ latency }) => latency.p50)),
        short(of(({ latency }) => latency.p99)),
        short(of(({ eventLoopDelay }) => eventLoopDelay.p99)),
        short(of(({ eventLoopDelay }) => eventLoopDelay.max)),
        Number.isNaN(mainThread) ? 'not told' : short(mainThread),
        short(of(({ cpu }) => cpu.process)),
        `${Math.round(100 * of(({ eventLoopUtilization }) => eventLoopUtilization))} %`,
        grouped(of(({ rss }) => rss) / 2 ** 20),
      ]
    }),
  )
  const head =
    'in flight|contender|calls/s|lowest to highest|p50 µs|p99 µs|delay p99 ms|delay max ms|CPU main thread µs|CPU process µs|loop busy|RSS MiB'
  return table(head.split('|'), rows, 2)
}

function targetTable(bench: BenchResult): string {
  const rows = targets(bench.options).map(({ workload, entrant, base, least }) => {
    const result = bench.results.find((one) => one.workload === workload)
    const measured =
      result && bench.options.inFlight.includes(targetInFlight)
        ? ratio(result, entrant, base, targetInFlight)
        : Number.NaN
    const verdict = measured >= least ? 'reached' : 'not reached'
    return [
      `\`${workload}\`, ${entrant}, against ${base}`,
      `at least ${least}`,
      Number.isNaN(measured) ? 'not measured' : measured.toFixed(2),
      Number.isNaN(measured) ? '' : verdict,
    ]
  })
  return table(['times', 'target', 'measured', ''], rows)
}

function contenderList(): string {
  return Object.entries(contenders)
    .map(([name, { about }]) => `- **${name}**: ${about}`)
    .join('\n')
}

function caveats({ units, seconds, readers }: BenchOptions): string {
  return [
    'Little about another machine: it is one, with few cores and with neighbours. The ratios, taken within seconds of each other, carry further than the figures.',
    'Nothing about a cold start: the file, which has just been copied, is in the page cache of the operating system, and calls have warmed up what they need.',
    `Nothing about other sizes than ${units} units, and little about hours of load: ${seconds} s hold few checkpoints and collect little garbage.`,
    'Nothing about power loss or slow disks: `synchronous` is NORMAL, so that a commit does not wait for the disk.',
    'Not what a server does: whoever makes the calls shares process and main thread with the contender and costs the same for each, some hundred nanoseconds a call. The loop is closed: a slow contender is asked less often, so its latencies are kinder than those under a fixed rate of requests.',
    '`direct` calls on the main thread: while it works nothing else does, which calls per second do not show and the delay of the event loop does. Its calls come in rounds, as many as are in flight, between which the event loop turns; its latency counts from the beginning of the round, when the request would have arrived.',
    'The delay is sampled by a timer due each millisecond. A loop held up for long is one sample.',
    `\`SqliteStore\` validates what is inserted, and the others do not. With ${readers === 1 ? 'one reader' : `${readers} readers`} it is compared with the one thread of \`direct\`; with more readers it uses more cores than \`direct\` can.`,
    'Memory is that of the whole process, the bench and its prepared arguments included.',
  ]
    .map((text) => `- ${text}`)
    .join('\n')
}

function baseOf({ entrants }: WorkloadResult): string {
  return entrants[0]?.name ?? ''
}

function figuresOf(result: WorkloadResult, entrant: string, inFlight: number): CellFigures[] {
  return result.measurements
    .filter((one) => one.entrant === entrant && one.inFlight === inFlight)
    .sort((one, other) => one.run - other.run)
    .map(({ figures }) => figures)
}

function median(
  result: WorkloadResult,
  entrant: string,
  inFlight: number,
  read: (figures: CellFigures) => number,
): number {
  return middle(figuresOf(result, entrant, inFlight).map(read))
}

/** How many times as many calls a second, run by run, so that a slow moment of the machine hits both. */
export function ratio(
  result: WorkloadResult,
  entrant: string,
  base: string,
  inFlight: number,
): number {
  const against = figuresOf(result, base, inFlight)
  return middle(
    figuresOf(result, entrant, inFlight).map(
      ({ perSecond }, run) => perSecond / (against[run]?.perSecond ?? Number.NaN),
    ),
  )
}

function middle(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  const half = sorted.length / 2
  const upper = sorted[Math.floor(half)] ?? Number.NaN
  return Number.isInteger(half) ? ((sorted[half - 1] ?? Number.NaN) + upper) / 2 : upper
}

function grouped(number: number): string {
  return Math.round(number).toLocaleString('en-GB')
}

/** Three digits that count. */
function short(number: number): string {
  if (number >= 100) return grouped(number)
  return number.toFixed(number >= 10 ? 1 : 2)
}

/** @param texts how many columns, from the left, are text; numbers stand at the right */
function table(head: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, index) => (index < texts ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}
