import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import type { BenchOptions } from './bench.ts'
import { type WorkloadName, workloadNames } from './workload.ts'

interface Flags {
  readonly quick?: true
  readonly sizes?: number[]
  readonly inFlight?: number[]
  readonly runs?: number
  readonly seconds?: number
  readonly readers: number
  readonly seed: number
  readonly part?: Part
  readonly output?: string
}

const parts = ['store', 'engine', 'http', 'mixed-load', 'postgres'] as const
/**
 * Contenders and the store's growth, the engine for any schema, the server over HTTP, reads and writes at once for a
 * while, or the store over PostgreSQL, which is measured only where it is asked for.
 */
type Part = (typeof parts)[number]

type Figures = Omit<BenchOptions, 'workloads' | 'readers' | 'seed'>

const full: Figures = {
  sizes: [10_000, 20_000, 100_000, 1_000_000],
  inFlight: [1, 16, 64, 256],
  runs: 3,
  seconds: 0.5,
  warmUpSeconds: 1,
  operations: 10_000_000,
  ranking: true,
  interference: { perSecond: 1_000, seconds: 5 },
  engine: {
    rows: 100_000,
    rounds: 3,
    seconds: 1,
    warmUpSeconds: 1,
    inFlight: [1, 16, 64],
    delaySeconds: 3,
  },
  http: {
    connections: 32,
    seconds: 2,
    firstWarmUpSeconds: 3,
    warmUpSeconds: 0.5,
    requests: 10_000_000,
    rounds: 3,
  },
  mixedLoad: {
    inFlight: 64,
    seconds: 60,
    operations: 1_000_000_000,
    settleSeconds: 10,
    sampleSeconds: 0.5,
  },
}

const quick: Figures = {
  ...full,
  sizes: [10_000, 100_000],
  inFlight: [1, 64],
  runs: 1,
  seconds: 0.1,
  warmUpSeconds: 0.1,
  interference: { perSecond: 1_000, seconds: 1 },
  engine: {
    rows: 10_000,
    rounds: 1,
    seconds: 0.3,
    warmUpSeconds: 0.3,
    inFlight: [1, 64],
    delaySeconds: 1,
  },
  http: {
    connections: 32,
    seconds: 0.5,
    firstWarmUpSeconds: 0.4,
    warmUpSeconds: 0.2,
    requests: 10_000_000,
    rounds: 1,
  },
  mixedLoad: {
    inFlight: 64,
    seconds: 6,
    operations: 1_000_000_000,
    settleSeconds: 3,
    sampleSeconds: 0.25,
  },
}

const results = fileURLToPath(new URL('results/', import.meta.url))

/** The command line of the bench. @param measure does what it asks for, and writes to a directory */
export function benchProgram(
  measure: (options: BenchOptions, directory: string) => Promise<void>,
): Command {
  return new Command('npm run bench --')
    .description(
      'Measures this store beside what one would use instead, and writes down the figures.',
    )
    .addArgument(
      new Argument('[workload]', 'what to ask contenders for, all if nothing is said').choices(
        workloadNames,
      ),
    )
    .option('--quick', 'rougher, and without the largest store: under three minutes for all')
    .addOption(
      new Option('--part <name>', 'what to measure, all if nothing is said').choices(parts),
    )
    .option(
      '--sizes <counts>',
      `units in the stores (default: ${full.sizes}; quick: ${quick.sizes})`,
      counts,
    )
    .option(
      '--in-flight <counts>',
      `calls in flight (default: ${full.inFlight}; quick: ${quick.inFlight})`,
      counts,
    )
    .option(
      '--runs <count>',
      `how often to measure (default: ${full.runs}; quick: ${quick.runs})`,
      count,
    )
    .option(
      '--seconds <number>',
      `how long a figure takes (default: ${full.seconds}; quick: ${quick.seconds})`,
      seconds,
    )
    .option('--readers <count>', 'readers of the store that is compared with one thread', count, 1)
    .option('--seed <number>', 'what units and calls are derived from', count, 20_261_122)
    .option('--output <directory>', 'where to write (default: bench/results; quick: its quick/)')
    .action(async (workload: WorkloadName | undefined, flags: Flags) => {
      const directory = flags.output ?? defaultDirectory(flags)
      if (flags.part === 'postgres') {
        // Loaded only here: no other part needs its driver.
        const { measurePostgres } = await import('./postgres/index.ts')
        return measurePostgres({ isQuick: flags.quick === true, seed: flags.seed }, directory)
      }
      return measure(optionsOf(workload, flags), directory)
    })
}

/** The figures of these are kept beside the others, since they need no other part. */
function defaultDirectory({ quick, part }: Flags): string {
  if (quick) return join(results, 'quick')
  return part === 'engine' || part === 'postgres' ? join(results, part) : results
}

/** A workload that is named is measured on contenders, and nothing else is. */
function optionsOf(workload: WorkloadName | undefined, flags: Flags): BenchOptions {
  const { ranking, interference, engine, http, mixedLoad, ...rest } = flags.quick ? quick : full
  const { sizes, inFlight, runs, seconds, readers, seed } = flags
  const part = workload ? 'store' : flags.part
  const isAsked = (one: Part) => part === undefined || part === one
  return {
    ...rest,
    // The engine alone needs no large store.
    ...(part === 'engine' && { sizes: rest.sizes.slice(0, 1) }),
    ...(sizes && { sizes: sizes.toSorted((one, other) => one - other) }),
    ...(inFlight && { inFlight }),
    ...(runs && { runs }),
    ...(seconds && { seconds }),
    readers,
    seed,
    workloads: workload ? [workload] : isAsked('store') ? workloadNames : [],
    ...(isAsked('store') && !workload && { ranking, interference }),
    ...(engine && isAsked('engine') && !workload && { engine }),
    ...(http && isAsked('http') && { http }),
    ...(mixedLoad && isAsked('mixed-load') && { mixedLoad }),
  }
}

function count(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new InvalidArgumentError('It must be a positive integer.')
}

function counts(text: string): number[] {
  return text.split(',').map(count)
}

function seconds(text: string): number {
  const number = Number(text)
  if (number > 0 && number <= 3_600) return number
  throw new InvalidArgumentError('It must be a number of seconds, at most an hour.')
}
