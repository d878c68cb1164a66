import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Argument, Command, InvalidArgumentError } from 'commander'
import { type BenchOptions, runBench } from './bench.ts'
import { compile } from './compile.ts'
import { summaryPage, workloadPage } from './report.ts'
import { type WorkloadName, workloads } from './workload.ts'

interface Flags {
  readonly quick?: true
  readonly inFlight?: number[]
  readonly runs: number
  readonly seconds?: number
  readonly operations: number
  readonly units: number
  readonly readers: number
  readonly seed: number
  readonly output?: string
}

const results = fileURLToPath(new URL('results/', import.meta.url))

await new Command('npm run bench --')
  .description(
    'Measures this store beside what one would use instead, and writes down the figures.',
  )
  .addArgument(
    new Argument('[workload]', 'what to measure, all if nothing is said').choices(
      Object.keys(workloads),
    ),
  )
  .option('--quick', 'shorter measurements: under three minutes for all, and rougher')
  .option('--in-flight <counts>', 'calls in flight (default: 1,16,64,256, quick: 1,16,64)', counts)
  .option('--runs <count>', 'how often to measure everything', count, 3)
  .option('--seconds <number>', 'how long a measurement takes (default: 2, quick: 0.25)', seconds)
  .option('--operations <count>', 'the most calls in a measurement', count, 10_000_000)
  .option('--units <count>', 'units in the store', count, 10_000)
  .option('--readers <count>', 'readers of the store that is compared with one thread', count, 1)
  .option('--seed <number>', 'what units and calls are derived from', count, 20_261_122)
  .option('--output <directory>', 'where to write (default: bench/results, quick: its quick/)')
  .action(measure)
  .parseAsync()

async function measure(workload: WorkloadName | undefined, flags: Flags): Promise<void> {
  const { quick = false, output, ...rest } = flags
  const options: BenchOptions = {
    ...rest,
    workloads: workload ? [workload] : (Object.keys(workloads) as WorkloadName[]),
    inFlight: flags.inFlight ?? (quick ? [1, 16, 64] : [1, 16, 64, 256]),
    seconds: flags.seconds ?? (quick ? 0.25 : 2),
    warmUpSeconds: quick ? 0.1 : 0.5,
  }
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interruption.abort(new Error(`ended by ${name}`)))
  try {
    await measureAndWrite(
      options,
      output ?? (quick ? join(results, 'quick') : results),
      interruption,
    )
  } catch (error) {
    if (!interruption.signal.aborted) throw error
    console.error(`\n${(interruption.signal.reason as Error).message}; nothing was written`)
    process.exitCode = 130
  }
}

async function measureAndWrite(
  options: BenchOptions,
  directory: string,
  { signal }: AbortController,
): Promise<void> {
  const onProgress = (text: string) => {
    // On standard error, so that the tables alone can be kept.
    console.error(text)
  }
  onProgress('compiling')
  await using compiled = await compile(signal)
  const bench = await runBench(options, { entry: compiled.entry, signal, onProgress })
  await mkdir(directory, { recursive: true })
  for (const result of bench.results) {
    const page = workloadPage(bench, result)
    console.log(page)
    await writeFile(join(directory, `${result.workload}.md`), page)
    const data = JSON.stringify({ ...bench, results: [result] }, null, 2)
    await writeFile(join(directory, `${result.workload}.json`), `${data}\n`)
  }
  // Only from one go, since figures of different days don't belong in one table.
  if (bench.results.length === Object.keys(workloads).length) {
    const page = summaryPage(bench)
    console.log(page)
    await writeFile(join(directory, 'summary.md'), page)
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
