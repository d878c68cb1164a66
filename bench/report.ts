import type { BenchOptions, BenchResult, ComparisonResult } from './bench.ts'
import type { CellFigures } from './cell.ts'
import { type ContenderName, contenders } from './contenders.ts'
import { engineSection } from './engine/report.ts'
import { grouped, middle, short, spokenTime, table, withRange } from './figures.ts'
import { httpSection } from './http/report.ts'
import { mixedLoadSection } from './mixed-load/report.ts'
import { nameOf, targetInFlight } from './plan.ts'
import type { RankingCost } from './ranking.ts'
import { figuresOf, median, perSecond, ratios, slowestCall } from './series.ts'
import { costsAt, find, interferenceText, targets } from './targets.ts'
import { type WorkloadName, workloadNames, workloads } from './workload.ts'

/** The page that tells what matters: whether the targets are met, and how contenders compare. */
export function summaryPage(bench: BenchResult): string {
  return page([
    '# Benchmark',
    circumstances(bench),
    '## Targets',
    targetTable(bench),
    ...contenderSection(bench),
    ...durableSection(bench),
    ...inFlightSection(bench),
    ...growthSection(bench),
    ...rankingSection(bench),
    ...interferenceSection(bench),
    ...(bench.engine ? [engineSection(bench.engine)] : []),
    ...(bench.http ? [httpSection(bench.http)] : []),
    ...(bench.mixedLoad ? [mixedLoadSection(bench.mixedLoad)] : []),
    '## Workloads',
    workloadList(bench),
    '## Contenders',
    contenderList(bench),
    '## The stores',
    templateTable(bench),
    '## What these numbers cannot say',
    caveats(bench.options),
  ])
}

function page(parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`
}

function circumstances({ date, seconds: took, machine, versions, options }: BenchResult): string {
  const { runs, seconds, warmUpSeconds, seed } = options
  const memory = (machine.memoryBytes / 2 ** 30).toFixed(1)
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `- ${date}; ${machine.cpu}, ${machine.cores} cores, ${memory} GiB; ${machine.system}; ${machine.fileSystem}; load average before: ${machine.loadBefore.toFixed(2)}`,
    `- ${software.join(', ')}`,
    `- seed ${seed}; ${seconds} s for each figure after ${warmUpSeconds} s of warming up; ${runs === 1 ? 'one run' : `median of ${runs} runs, their order reversed from run to run`}; each contender in a process of its own; ${short(took / 60)} minutes in all`,
  ].join('\n')
}

function targetTable(bench: BenchResult): string {
  const rows = targets(bench).map(({ what, target, measured, verdict }) => [
    what,
    target,
    measured,
    verdict === 'missed' ? '**missed**' : verdict,
  ])
  return table(['figure', 'target', 'measured', ''], rows, 4)
}

/** Every contender under every workload, at the number of calls in flight that all have in common. */
function contenderSection(bench: BenchResult): string[] {
  const compared = bench.comparisons.filter(
    ({ purpose, durability }) => purpose === 'contenders' && durability === 'normal',
  )
  if (compared.length === 0) return []
  return [
    `## Contenders side by side: calls per second, ${targetInFlight} in flight, ${grouped(compared[0]?.units ?? 0)} units`,
    throughputTable(compared, ({ workload }) => `\`${workload}\``),
    `In brackets: how many times what better-sqlite3 does on the main thread, the median of the runs' own ratios.`,
    ...['CPU of the main thread, µs for each call', 'Latency p99'].flatMap((title, index) => [
      `### ${title}`,
      index === 0
        ? entrantTable(compared, ({ cpu }) => cpu.mainThread ?? Number.NaN, short)
        : entrantTable(compared, ({ latency }) => latency.p99, spokenTime),
    ]),
  ]
}

function durableSection(bench: BenchResult): string[] {
  const compared = bench.comparisons.filter(({ durability }) => durability === 'full')
  if (compared.length === 0) return []
  return [
    `## Durability \`full\`: calls per second, ${targetInFlight} in flight`,
    throughputTable(compared, ({ workload }) => `\`${workload}\``),
    'Each commit waits for the disk (`synchronous` is FULL), for all contenders.',
  ]
}

/** A row for each entrant, a column for each comparison. */
function throughputTable(
  compared: readonly ComparisonResult[],
  title: (comparison: ComparisonResult) => string,
): string {
  const rows = entrantsOf(compared).map((entrant) => [
    entrant,
    ...compared.map((comparison) => throughput(comparison, entrant, targetInFlight)),
  ])
  return table(['', ...compared.map(title)], rows)
}

function throughput(comparison: ComparisonResult, entrant: string, inFlight: number): string {
  const series = { comparison, entrant, inFlight }
  if (figuresOf(series).length === 0) return ''
  const base = { ...series, entrant: comparison.entrants[0]?.name ?? '' }
  return `${grouped(median(series, perSecond))} (${short(middle(ratios(series, base, perSecond)))})`
}

function entrantTable(
  compared: readonly ComparisonResult[],
  read: (figures: CellFigures) => number,
  write: (figure: number) => string,
): string {
  const rows = entrantsOf(compared).map((entrant) => [
    entrant,
    ...compared.map((comparison) => {
      const series = { comparison, entrant, inFlight: targetInFlight }
      if (figuresOf(series).length === 0) return ''
      const figure = median(series, read)
      return Number.isNaN(figure) ? 'not told' : write(figure)
    }),
  ])
  return table(['', ...compared.map(({ workload }) => `\`${workload}\``)], rows)
}

function entrantsOf(compared: readonly ComparisonResult[]): string[] {
  return [...new Set(compared.flatMap(({ entrants }) => entrants.map(({ name }) => name)))]
}

function inFlightSection(bench: BenchResult): string[] {
  const swept = bench.comparisons.filter(
    ({ purpose, entrants }) =>
      purpose === 'contenders' && entrants.some(({ inFlight }) => inFlight.length > 1),
  )
  if (swept.length === 0) return []
  return [
    '## Calls in flight: calls per second',
    ...swept.flatMap((comparison) => {
      const entrants = comparison.entrants.filter(({ inFlight }) => inFlight.length > 1)
      const counts = entrants[0]?.inFlight ?? []
      return [
        `### \`${comparison.workload}\``,
        table(
          ['in flight', ...counts.map(String)],
          entrants.map(({ name }) => [
            name,
            ...counts.map((inFlight) => throughput(comparison, name, inFlight)),
          ]),
        ),
      ]
    }),
  ]
}

function growthSection(bench: BenchResult): string[] {
  const { sizes } = bench.options
  const grown = workloadNames.filter((workload) => find(bench, 'growth', workload))
  if (grown.length === 0) return []
  const cell = (
    workload: WorkloadName,
    entrant: string,
    inFlight: number,
    read: (figures: CellFigures) => number,
  ) =>
    sizes.map((units) => {
      const series = { comparison: find(bench, 'growth', workload, { units }), entrant, inFlight }
      return figuresOf(series).length === 0 ? '' : spokenTime(median(series, read))
    })
  const head = ['', ...sizes.map((units) => `${grouped(units)} units`)]
  const store = nameOf('SqliteStore', 1)
  return [
    '## As the store grows',
    '### Median latency, one call at a time',
    table(
      head,
      grown.flatMap((workload) =>
        [store, nameOf('better-sqlite3', 0)].flatMap((entrant) => {
          const cells = cell(workload, entrant, 1, ({ latency }) => latency.p50)
          return cells.some((text) => text !== '')
            ? [[`\`${workload}\`, ${entrant}`, ...cells]]
            : []
        }),
      ),
    ),
    `### Time for each call, ${targetInFlight} in flight, ${store}`,
    'What one call takes of the one reader: a round trip between threads, which is shared by many calls, has little part in it.',
    table(
      head,
      grown.flatMap((workload) => {
        const cells = cell(workload, store, targetInFlight, (figures) => 1e6 / figures.perSecond)
        return cells.some((text) => text !== '') ? [[`\`${workload}\``, ...cells]] : []
      }),
    ),
    ...(grown.includes('query-worst')
      ? [
          '### Mean latency of the slowest query of `query-worst`, one call at a time',
          table(head, [[store, ...cell('query-worst', store, 1, slowestCall)]]),
        ]
      : []),
  ]
}

function rankingSection({ ranking, options }: BenchResult): string[] {
  if (ranking.length === 0) return []
  const row = (size: number) => {
    const of = (read: (cost: RankingCost) => number, write: (figure: number) => string) =>
      withRange(costsAt(ranking, size).map(read), write)
    const milliseconds = (figure: number) => spokenTime(1_000 * figure)
    return [
      grouped(size),
      of(({ openMilliseconds }) => openMilliseconds, milliseconds),
      of(({ loadMilliseconds }) => loadMilliseconds, milliseconds),
      of(({ bytes, units }) => bytes / units, grouped),
      of(({ bytes }) => bytes / 2 ** 20, short),
      of(({ rssGrowth }) => rssGrowth / 2 ** 20, short),
    ]
  }
  return [
    '## What queries cost beside their time',
    'They are answered from memory, which a store fills once it is open: queries and statistics wait for that, other calls do not. All of the process, with its threads and their connections, has grown by the last column until then.',
    table(
      [
        'units',
        'opening',
        'loaded after that',
        'bytes of the index a unit',
        'MiB of the index',
        'MiB of the process',
      ],
      options.sizes.map(row),
      0,
    ),
  ]
}

function interferenceSection({ interference }: BenchResult): string[] {
  if (!interference) return []
  const { units, perSecond, readers, alone, beside } = interference
  const row = (name: string, { latency, eventLoopDelay }: typeof alone) => [
    name,
    ...[latency.p50, latency.p99, latency.p999, latency.max].map(spokenTime),
    `${short(eventLoopDelay.p99)} ms`,
    `${short(eventLoopDelay.max)} ms`,
  ]
  return [
    `## The worst kind of query, and what reads beside it wait: ${grouped(units)} units, ${readers} readers`,
    `\`query-worst\`: ${interferenceText(interference)}.`,
    table(
      ['`get`', 'p50', 'p99', 'p99.9', 'max', 'delay p99', 'delay max'],
      [row('alone', alone), row('beside one such query after the other', beside)],
    ),
    `${grouped(perSecond)} calls a second in an open loop: a call is due at its time, whether those before it are answered or not, and its latency counts from there.`,
  ]
}

function workloadList({ comparisons }: BenchResult): string {
  const measured = new Set(comparisons.map(({ workload }) => workload))
  return workloadNames
    .filter((name) => measured.has(name))
    .map((name) => `- \`${name}\`: ${workloads[name].about}`)
    .join('\n')
}

function contenderList({ absent }: BenchResult): string {
  return Object.entries(contenders)
    .map(([name, { about }]) => {
      const absence = absent.find(({ contender }) => contender === (name as ContenderName))
      const tookNoPart = absence
        ? ` **Took no part: ${absence.why}.** \`${absence.installation}\` has it take part`
        : ''
      return `- **${name}**: ${about}.${tookNoPart}`
    })
    .join('\n')
}

function templateTable({ templates }: BenchResult): string {
  const seconds = (number: number) => `${short(number)} s`
  const rows = templates.map((one) => [
    grouped(one.units),
    seconds(one.fillSeconds),
    short(one.referenceBytes / 2 ** 20),
    seconds(one.migrateSeconds),
    short(one.bytes / 2 ** 20),
    `${short(one.bytes / one.referenceBytes)} ×`,
  ])
  return [
    "All units are approved, some 1.1 kB of JSON with 1 to 5 domains. A file is first filled by plain SQL with the tables of cq's reference server, which is what contenders other than `SqliteStore` work on, then brought to this store's schema.",
    table(
      ['units', 'filling', 'MiB then', "bringing it to this store's schema", 'MiB then', ''],
      rows,
      0,
    ),
  ].join('\n\n')
}

function caveats({ sizes, seconds, readers }: BenchOptions): string {
  return [
    'Little about another machine: it is one, with few cores and with neighbours. The ratios, taken within seconds of each other, carry further than the figures. Ratios between sizes of stores are taken minutes apart.',
    'Not every combination was measured. Contenders are compared under all workloads at the smallest size with 64 calls in flight; fewer and more in flight for three of them under two workloads; durability `full` for inserts; larger stores for this store, and up to 100,000 units for one query by fetch-and-score and statistics by scanning.',
    'Nothing about a cold start: calls have warmed up what they need, queries their index, too. Files are meant to be in the page cache of the operating system; one that is too large for it, or a system that takes memory back early, has calls read from the disk.',
    `Nothing about stores beyond ${grouped(sizes.at(-1) ?? 0)} units, and little about hours of load: ${seconds} s hold few checkpoints and collect little garbage. The write-ahead log is as large as it got until then.`,
    'Nothing about power loss: with durability `normal` a commit does not wait for the disk, with `full` it waits for what the disk of this machine calls done.',
    'Not what a server does: whoever makes the calls shares process and main thread with the contender and costs the same for each, some hundred nanoseconds a call. The loop is closed: a slow contender is asked less often, so its latencies are kinder than those under a fixed rate of requests.',
    'Contenders that work on the main thread (better-sqlite3, node:sqlite, @libsql/client, Kysely): while they work nothing else does, which calls per second do not show and the delay of the event loop does. Their calls come in rounds, as many as are in flight, between which the event loop turns; latency counts from the beginning of the round, when the request would have arrived.',
    'The delay is sampled by a timer due each millisecond. A loop held up for long is one sample, and where few calls were made there are few samples: p99.9 of a hundred calls is the slowest of them.',
    "Contenders do what is written by hand around their driver: the ranking formula and the documents' form are this project's code in all of them. Each gets whole units back, and the answers were compared; what they had written was counted afterwards. Only `SqliteStore` validates what is inserted, and only its file has triggers that keep tables of its own true: the entrant “the store's tables” is better-sqlite3 on such a file.",
    `With ${readers === 1 ? 'one reader' : `${readers} readers`} \`SqliteStore\` is compared with one thread that calls SQLite; with more readers it uses more cores than that can. Queries and statistics have a thread of their own, however many readers there are. Writer, reader and that one are three beside the main thread, and on two cores they have to share.`,
    'The worst queries are the worst that were found: some were constructed, and what a search through some ten thousand others found was little worse.',
    'Popular domains are as popular in a large store as in a small one, so that fetch-and-score has ten times as much to fetch in a store ten times as large; a rare domain has ten units in every store. The number of domains does not grow: statistics list every domain, and a list that is longer takes longer.',
    'Memory is that of the whole process, the bench and its prepared arguments included. Memory that Node has not given back counts, too.',
  ]
    .map((text) => `- ${text}`)
    .join('\n')
}
