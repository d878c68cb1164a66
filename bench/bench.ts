import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { CellFigures, Probe } from './cell.ts'
import { Child } from './child.ts'
import { type ContenderName, contenders } from './contender.ts'
import { describeMachine, describeVersions, type Machine } from './machine.ts'
import { type WorkloadName, workloads } from './workload.ts'

export interface BenchOptions {
  readonly workloads: readonly WorkloadName[]
  /** Numbers of calls in flight. */
  readonly inFlight: readonly number[]
  /** How often everything is measured; what counts is the median. */
  readonly runs: number
  /** How long a measurement takes, warming up not included. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** The most calls in a measurement. */
  readonly operations: number
  /** Units that the store holds before. */
  readonly units: number
  /** Readers of the SqliteStore that is compared with one thread that calls SQLite directly. */
  readonly readers: number
  readonly seed: number
}

/** A contender as it takes part. */
export interface Entrant {
  readonly name: string
  readonly contender: ContenderName
  /** Threads that read, 0 where it has none. */
  readonly readers: number
}

export interface Measurement {
  readonly entrant: string
  readonly inFlight: number
  readonly run: number
  readonly figures: CellFigures
}

export interface WorkloadResult {
  readonly workload: WorkloadName
  readonly entrants: readonly Entrant[]
  readonly measurements: readonly Measurement[]
}

export interface BenchResult {
  readonly date: string
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  readonly options: BenchOptions
  readonly results: readonly WorkloadResult[]
}

export interface BenchSurroundings {
  /** `contender-process`, as it is or compiled. */
  readonly entry: URL
  /** Ends the bench, its processes and its files. */
  readonly signal: AbortSignal
  /** Told what is being done. */
  readonly onProgress: (text: string) => void
}

/** As many as `SqliteStore` has where nothing is said. */
export const defaultReaders = Math.min(Math.max(availableParallelism(), 1), 8)

/** The first is what the others are compared with. */
export function entrantsFor(workload: WorkloadName, readers: number): Entrant[] {
  const { reads } = workloads[workload]
  const called = (contender: ContenderName, count: number): Entrant => ({
    name: reads ? `${contender}, ${count} ${count === 1 ? 'reader' : 'readers'}` : contender,
    contender,
    readers: count,
  })
  const entrants: Entrant[] = [
    { name: 'direct', contender: 'direct', readers: 0 },
    called('one-task-per-call', defaultReaders),
    called('SqliteStore', defaultReaders),
  ]
  if (reads && readers !== defaultReaders) entrants.push(called('SqliteStore', readers))
  return entrants
}

/** Forwards and backwards in turns, so that no entrant is always the one that finds the disk busy. */
export function inOrderOf(run: number, entrants: readonly Entrant[]): readonly Entrant[] {
  return run % 2 === 0 ? entrants : entrants.toReversed()
}

/** Measures every workload. Leaves neither files nor processes, however it ends. */
export async function runBench(
  options: BenchOptions,
  surroundings: BenchSurroundings,
): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-bench-'))
  try {
    const date = new Date().toISOString()
    const machine = await describeMachine(directory)
    const names = Object.values(contenders).flatMap(({ packages }) => packages)
    const versions = await describeVersions(new Set(names))
    const template = await makeTemplate(options, surroundings, directory)
    const results: WorkloadResult[] = []
    for (const workload of options.workloads)
      results.push(await runWorkload(workload, options, surroundings, template))
    return { date, machine, versions, options, results }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function makeTemplate(
  { units, seed }: BenchOptions,
  { entry, signal, onProgress }: BenchSurroundings,
  directory: string,
): Promise<string> {
  onProgress(`making a store of ${units} units`)
  const path = join(directory, 'template.db')
  await using child = new Child(entry)
  await child.makeTemplate({ path, units, seed }, signal)
  return path
}

async function runWorkload(
  workload: WorkloadName,
  options: BenchOptions,
  surroundings: BenchSurroundings,
  template: string,
): Promise<WorkloadResult> {
  const entrants = entrantsFor(workload, options.readers)
  const measurements: Measurement[] = []
  for (let run = 0; run < options.runs; run++)
    measurements.push(...(await runOnce(workload, run, entrants, options, surroundings, template)))
  return { workload, entrants, measurements }
}

/**
 * One run: a process for each entrant, and at each number of calls in flight one entrant after the
 * other, so that what is compared was measured within seconds.
 */
async function runOnce(
  workload: WorkloadName,
  run: number,
  entrants: readonly Entrant[],
  options: BenchOptions,
  { entry, signal, onProgress }: BenchSurroundings,
  template: string,
): Promise<Measurement[]> {
  await using processes = new AsyncDisposableStack()
  const started = inOrderOf(run, entrants).map((entrant) => ({
    entrant,
    child: processes.use(new Child(entry)),
  }))
  const { units, seed, seconds, warmUpSeconds, operations } = options
  const measurements: Measurement[] = []
  const probes: { readonly of: string; readonly probe: Probe }[] = []
  for (const [place, inFlight] of options.inFlight.entries())
    for (const { entrant, child } of started) {
      onProgress(
        `${workload}, run ${run + 1} of ${options.runs}, ${inFlight} in flight: ${entrant.name}`,
      )
      const { figures, probe } = await child.runCell(
        {
          contender: entrant.contender,
          readers: entrant.readers,
          workload,
          inFlight,
          units,
          seed,
          template,
          path: `${template}.copy`,
          // The first in a process also waits for the code to be compiled.
          warmUpSeconds: place === 0 ? 2 * warmUpSeconds : warmUpSeconds,
          seconds,
          operations,
        },
        signal,
      )
      measurements.push({ entrant: entrant.name, inFlight, run, figures })
      probes.push({ of: entrant.name, probe })
    }
  requireEqual(probes)
  return measurements
}

/** Figures of contenders that do different things can't be compared. */
function requireEqual(probes: readonly { readonly of: string; readonly probe: Probe }[]): void {
  const [first] = probes
  for (const { of, probe } of probes)
    if (!isDeepStrictEqual(probe, first?.probe))
      throw new Error(
        `${of} answers ${JSON.stringify(probe)}, and ${first?.of} ${JSON.stringify(first?.probe)}`,
      )
}
