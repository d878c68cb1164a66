import { inOrderOf } from '../plan.ts'
import { TaskProcess } from '../task-process.ts'
import { type EngineContenderName, engineContenderNames } from './contenders.ts'
import type { CellFigures, CellRequest, DelayFigures, EngineTasks } from './engine-process.ts'

export interface EngineBenchOptions {
  /** How many rows the table has. */
  readonly rows: number
  /** How often everything is measured. */
  readonly rounds: number
  /** How long a figure takes, and warming up. */
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly inFlight: readonly number[]
  /** How long the event loop is looked at. */
  readonly delaySeconds: number
}

export interface EngineCell extends Pick<CellRequest, 'workload' | 'durability' | 'inFlight'> {
  readonly contender: EngineContenderName
  readonly round: number
  readonly figures: CellFigures
}

export interface EngineDelay {
  readonly contender: EngineContenderName
  readonly round: number
  /** Queries at a time. */
  readonly inFlight: number
  readonly figures: DelayFigures
}

export interface EngineResult {
  readonly options: EngineBenchOptions
  /** How long the queries take beside which the event loop is looked at, each by itself. */
  readonly queryMilliseconds: number
  readonly cells: readonly EngineCell[]
  readonly delays: readonly EngineDelay[]
}

interface Surroundings {
  readonly entry: URL
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

const queryMilliseconds = 200
/** How much more than its own time a task may take, in seconds. */
const patience = 120

/** Measures the engine and the dialect beside what one would use instead, each in a process of its own. */
export async function runEngineBench(
  options: EngineBenchOptions,
  { entry, signal, onProgress }: Surroundings,
): Promise<EngineResult> {
  const { rows, rounds, seconds, warmUpSeconds, delaySeconds } = options
  const program = new URL(
    `engine/${entry.pathname.endsWith('.ts') ? 'engine-process.ts' : 'engine-process.js'}`,
    entry,
  )
  const start = () => new TaskProcess<EngineTasks>(program, signal)
  const cells: EngineCell[] = []
  const delays: EngineDelay[] = []
  const most = await calibrated(start)
  for (let round = 0; round < rounds; round++) {
    onProgress(`the engine beside others, round ${round + 1} of ${rounds}`)
    for (const cell of inOrderOf(round, plannedCells(options))) {
      await using child = start()
      const request = { ...cell, rows, warmUpSeconds, seconds }
      const figures = await child.perform('runCell', request, patience)
      cells.push({ ...cell, round, figures })
    }
    for (const delay of inOrderOf(round, plannedDelays(options))) {
      await using child = start()
      const request = { ...delay, most, seconds: delaySeconds }
      const figures = await child.perform('measureDelay', request, patience)
      delays.push({ ...delay, round, figures })
    }
  }
  return { options, queryMilliseconds, cells, delays }
}

async function calibrated(start: () => TaskProcess<EngineTasks>): Promise<number> {
  await using child = start()
  return await child.perform('calibrate', { milliseconds: queryMilliseconds }, patience)
}

/** `SqliteStore` only where typed operations are compared with it: filling it takes longest. */
function plannedCells({ inFlight }: EngineBenchOptions) {
  const most = Math.max(...inFlight)
  const counts = (contender: EngineContenderName) =>
    contender === 'SqliteStore' ? [most] : inFlight
  return engineContenderNames.flatMap((contender) => [
    ...(['get', 'insert'] as const).flatMap((workload) =>
      counts(contender).map(
        (count) => ({ contender, workload, durability: 'normal', inFlight: count }) as const,
      ),
    ),
    { contender, workload: 'insert', durability: 'full', inFlight: most } as const,
  ])
}

function plannedDelays({ inFlight }: EngineBenchOptions) {
  return engineContenderNames
    .filter((contender) => contender !== 'SqliteStore')
    .flatMap((contender) => inFlight.map((count) => ({ contender, inFlight: count })))
}
