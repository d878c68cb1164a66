import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isDeepStrictEqual } from 'node:util'
import type { CellFigures, CellRequest, Probe } from './cell.ts'
import type { ContenderTasks } from './contender-process.ts'
import { type Absence, contendersHere } from './contenders-here.ts'
import {
  type EngineBenchOptions,
  type EngineResult,
  runEngineBench,
} from './engine/engine-bench.ts'
import { type HttpBenchOptions, type HttpResult, runHttpBench } from './http/http-bench.ts'
import type { Interference } from './interference.ts'
import { describeMachine, describeVersions, type Machine } from './machine.ts'
import { runMixedLoad } from './mixed-load/mixed-load.ts'
import type { MixedLoadOptions, MixedLoadResult } from './mixed-load/result.ts'
import { type Comparison, type Entrant, inOrderOf, type PlanOptions, plan } from './plan.ts'
import type { RankingCost } from './ranking.ts'
import { TaskProcess } from './task-process.ts'
import type { TemplateFigures } from './template.ts'

export interface BenchOptions extends Omit<PlanOptions, 'contenders'> {
  /** How often everything is measured; what counts is the median. */
  readonly runs: number
  /** How long a measurement takes, warming up not included. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** The most calls in a measurement. */
  readonly operations: number
  readonly seed: number
  /** Whether opening stores is measured, and the memory that queries take. */
  readonly ranking?: boolean
  /** Point reads beside the worst queries; left out where it is not given. */
  readonly interference?: { readonly perSecond: number; readonly seconds: number }
  /** The engine for any schema, and the dialect; left out where it is not given. */
  readonly engine?: EngineBenchOptions
  /** The server over HTTP; left out where it is not given. */
  readonly http?: Omit<HttpBenchOptions, 'path' | 'units' | 'seed'>
  /** Reads and writes at once for a while; left out where it is not given. */
  readonly mixedLoad?: Omit<MixedLoadOptions, 'path' | 'units' | 'seed'>
}

export interface Measurement {
  readonly entrant: string
  readonly inFlight: number
  readonly run: number
  readonly figures: CellFigures
}

export interface ComparisonResult extends Comparison {
  readonly measurements: readonly Measurement[]
}

export interface BenchResult {
  readonly date: string
  readonly seconds: number
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  readonly options: BenchOptions
  /** Contenders that took no part. */
  readonly absent: readonly Absence[]
  /** What making the stores took, one of each size. */
  readonly templates: readonly TemplateFigures[]
  readonly comparisons: readonly ComparisonResult[]
  /** Of stores of each size, run by run. */
  readonly ranking: readonly RankingCost[]
  readonly interference?: Interference
  readonly engine?: EngineResult
  readonly http?: HttpResult
  readonly mixedLoad?: MixedLoadResult
}

export interface BenchSurroundings {
  /** `contender-process`, as it is or compiled; what else there is to run is found beside it. */
  readonly entry: URL
  /** Ends the bench, its processes and its files. */
  readonly signal: AbortSignal
  /** Told what is being done. */
  readonly onProgress: (text: string) => void
}

/** How much more than its own time a task may take, in seconds. */
const patience = 120
/** What counted calls may take, in seconds. */
const mostSeconds = 60
/** The size of the store that is served over HTTP. */
const servedUnits = 100_000

/** A store of one size, as a file to be used or copied. */
interface Template {
  readonly units: number
  readonly store: string
  /** With the tables of the reference server alone. */
  readonly reference: string
}

/** Measures everything that is asked for. Leaves neither files nor processes, however it ends. */
export async function runBench(
  options: BenchOptions,
  surroundings: BenchSurroundings,
): Promise<BenchResult> {
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-bench-'))
  try {
    return await new Bench(options, surroundings, directory).run()
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

class Bench {
  readonly #options: BenchOptions
  readonly #surroundings: BenchSurroundings
  readonly #directory: string
  readonly #templates = new Map<number, Template>()

  constructor(options: BenchOptions, surroundings: BenchSurroundings, directory: string) {
    this.#options = options
    this.#surroundings = surroundings
    this.#directory = directory
  }

  async run(): Promise<BenchResult> {
    const options = this.#options
    const start = performance.now()
    const date = new Date().toISOString()
    const machine = await describeMachine(this.#directory)
    const { present, absent } = await contendersHere()
    const versions = await describeVersions(present)
    const comparisons = plan({ ...options, contenders: present })
    const templates = await this.#makeTemplates(comparisons)
    const compared: ComparisonResult[] = []
    for (const comparison of comparisons)
      compared.push({ ...comparison, measurements: await this.#compare(comparison) })
    const ranking = await this.#measureRanking()
    const interference = await this.#measureInterference()
    const { engine: engineOptions } = options
    const engine = engineOptions && (await runEngineBench(engineOptions, this.#surroundings))
    const http = await this.#measureHttp()
    const mixedLoad = await this.#measureMixedLoad()
    return {
      date,
      seconds: (performance.now() - start) / 1_000,
      machine,
      versions,
      options,
      absent,
      templates,
      comparisons: compared,
      ranking,
      ...(interference && { interference }),
      ...(engine && { engine }),
      ...(http && { http }),
      ...(mixedLoad && { mixedLoad }),
    }
  }

  async #makeTemplates(comparisons: readonly Comparison[]): Promise<TemplateFigures[]> {
    const { onProgress } = this.#surroundings
    const made: TemplateFigures[] = []
    for (const units of this.#options.sizes) {
      onProgress(`making a store of ${units} units`)
      const store = join(this.#directory, `${units}.db`)
      const reference = join(this.#directory, `${units}-reference.db`)
      const isCompared = comparisons.some(
        (one) => one.units === units && one.entrants.some(({ schema }) => schema === 'reference'),
      )
      await using child = this.#start()
      const { seed } = this.#options
      const request = { path: store, units, seed, ...(isCompared && { referencePath: reference }) }
      // A million units take minutes.
      made.push(await child.perform('makeTemplate', request, patience + units / 1_000))
      this.#templates.set(units, { units, store, reference })
    }
    return made
  }

  async #compare(comparison: Comparison): Promise<Measurement[]> {
    const measurements: Measurement[] = []
    const template = this.#template(comparison.units)
    // Of what was written minutes ago, a system may have taken the memory back.
    for (const schema of new Set(comparison.entrants.map((entrant) => entrant.schema)))
      await readThrough(template[schema], this.#surroundings.signal)
    for (let run = 0; run < this.#options.runs; run++)
      measurements.push(...(await this.#compareOnce(comparison, run)))
    return measurements
  }

  /**
   * One run: a process for each entrant, and at each number of calls in flight one entrant after the
   * other, so that what is compared was measured within seconds.
   */
  async #compareOnce(comparison: Comparison, run: number): Promise<Measurement[]> {
    const { onProgress } = this.#surroundings
    const { workload, units, durability } = comparison
    const measurements: Measurement[] = []
    const probes: { readonly of: string; readonly probe: Probe }[] = []
    await using processes = new AsyncDisposableStack()
    const started = inOrderOf(run, comparison.entrants).map((entrant) => ({
      entrant,
      child: processes.use(this.#start()),
    }))
    // So that none of them still starts while the first is measured.
    await Promise.all(started.map(({ child }) => child.perform('beReady', null, patience)))
    const counts = new Set(comparison.entrants.flatMap(({ inFlight }) => inFlight))
    for (const inFlight of [...counts].sort((one, other) => one - other))
      for (const { entrant, child } of started) {
        if (!entrant.inFlight.includes(inFlight)) continue
        const where = `${workload}, ${units} units, durability ${durability}`
        const when = `run ${run + 1} of ${this.#options.runs}`
        onProgress(`${where}, ${when}, ${inFlight} in flight: ${entrant.name}`)
        const request = this.#cellRequest(comparison, entrant, inFlight)
        const seconds = patience + 2 * (request.warmUpSeconds + request.seconds)
        const { figures, probe } = await child.perform('runCell', request, seconds)
        measurements.push({ entrant: entrant.name, inFlight, run, figures })
        probes.push({ of: entrant.name, probe })
      }
    requireEqual(probes)
    return measurements
  }

  #cellRequest(
    { workload, units, durability, calls }: Comparison,
    { contender, readers, schema }: Entrant,
    inFlight: number,
  ): CellRequest {
    const { seed, seconds, warmUpSeconds, operations } = this.#options
    return {
      contender,
      readers: readers || 1,
      durability,
      workload,
      inFlight,
      units,
      seed,
      template: this.#template(units)[schema],
      warmUpSeconds,
      seconds: calls === null ? seconds : mostSeconds,
      operations: Math.min(operations, calls ?? operations),
    }
  }

  async #measureRanking(): Promise<RankingCost[]> {
    const { ranking, runs, sizes } = this.#options
    const costs: RankingCost[] = []
    if (!ranking) return costs
    for (const units of sizes) {
      this.#surroundings.onProgress(`opening a store of ${units} units`)
      const path = this.#template(units).store
      await readThrough(path, this.#surroundings.signal)
      for (let run = 0; run < runs; run++) {
        await using child = this.#start()
        const cost = await child.perform('measureRanking', { path }, patience)
        if (cost.units !== units) throw new Error(`${cost.units} of ${units} units were loaded`)
        costs.push(cost)
      }
    }
    return costs
  }

  async #measureInterference(): Promise<Interference | undefined> {
    const { interference, sizes, seed } = this.#options
    if (!interference) return undefined
    const units = sizes.at(-1) ?? 0
    this.#surroundings.onProgress(`get beside the worst queries, ${units} units`)
    await using child = this.#start()
    const path = this.#template(units).store
    // Two, whatever the machine has: one is always left to others than the query.
    const request = { ...interference, path, units, seed, readers: 2 }
    return await child.perform('measureInterference', request, patience + 4 * interference.seconds)
  }

  async #measureHttp(): Promise<HttpResult | undefined> {
    const { http, seed, sizes } = this.#options
    if (!http) return undefined
    const size = sizes.includes(servedUnits) ? servedUnits : (sizes.at(-1) ?? 0)
    const { units, store } = this.#template(size)
    return runHttpBench({ ...http, seed, units, path: store }, this.#surroundings)
  }

  async #measureMixedLoad(): Promise<MixedLoadResult | undefined> {
    const { mixedLoad, seed, sizes } = this.#options
    if (!mixedLoad) return undefined
    const { units, store } = this.#template(sizes[0] ?? 0)
    return runMixedLoad({ ...mixedLoad, seed, units, path: store }, this.#surroundings)
  }

  #template(units: number): Template {
    const template = this.#templates.get(units)
    if (!template) throw new Error(`no store of ${units} units was made`)
    return template
  }

  #start(): TaskProcess<ContenderTasks> {
    return new TaskProcess(this.#surroundings.entry, this.#surroundings.signal)
  }
}

/** Figures of contenders that do different things can't be compared. */
function requireEqual(probes: readonly { readonly of: string; readonly probe: Probe }[]): void {
  const [first] = probes
  if (!first) return
  for (const { of, probe } of probes)
    for (const [place, answer] of first.probe.entries())
      if (!isDeepStrictEqual(probe[place], answer))
        throw new Error(
          `${of} answers ${excerpt(probe[place])}, and ${first.of} ${excerpt(answer)}`,
        )
}

function excerpt(answer: unknown): string {
  return `${JSON.stringify(answer)}`.slice(0, 1_000)
}

/** Has the operating system keep a file in its page cache, where it fits. */
async function readThrough(path: string, signal: AbortSignal): Promise<void> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), nowhere, { signal })
}
