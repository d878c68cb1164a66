import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { TaskProcess } from '../task-process.ts'
import type { MixedLoadTasks } from './load-process.ts'

export interface MixedLoadOptions {
  /** Calls in flight. */
  readonly inFlight: number
  readonly seconds: number
  /** The most calls. */
  readonly operations: number
  /** When memory is to have settled. */
  readonly settleSeconds: number
  /** How long it is from one sample to the next. */
  readonly sampleSeconds: number
  /** A seeded file, of which a copy is used, and what it was made with. */
  readonly path: string
  readonly units: number
  readonly seed: number
}

export interface MixedLoadSurroundings {
  /** A file of the bench's own folder, as it is or compiled: the process is found beside it. */
  readonly entry: URL
  /** Ends the load, its process and its file. */
  readonly signal: AbortSignal
  /** Told what is being done. */
  readonly onProgress: (text: string) => void
}

export interface MixedLoadSample {
  /** Since the beginning. */
  readonly seconds: number
  /** Calls answered since the sample before, for each second. */
  readonly perSecond: number
  /** Sizes in bytes: the write-ahead log, the database file, memory of the process. */
  readonly wal: number
  readonly database: number
  readonly rss: number
}

export interface MixedLoadResult {
  readonly options: MixedLoadOptions
  /** How many calls of each kind were answered. */
  readonly calls: Readonly<Record<MixedCall, number>>
  readonly seconds: number
  readonly samples: readonly MixedLoadSample[]
}

export type MixedCall = 'get' | 'query' | 'insert' | 'confirm'

/** The parts of the calls that each kind has: nine of ten read. */
export const shares: Readonly<Record<MixedCall, number>> = {
  get: 0.8,
  query: 0.1,
  insert: 0.05,
  confirm: 0.05,
}

/** How much longer than its own time it may take, in seconds. */
const patience = 120

/**
 * Reads and writes at once on a `SqliteStore` in a process of its own, watching the size of the
 * write-ahead log and the memory of the process. Leaves neither files nor processes, however it ends.
 * @throws where a call fails, or a unit that was acknowledged is not stored
 */
export async function runMixedLoad(
  options: MixedLoadOptions,
  { entry, signal, onProgress }: MixedLoadSurroundings,
): Promise<MixedLoadResult> {
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-bench-mixed-'))
  try {
    onProgress(`mixed load, ${options.inFlight} in flight, ${options.seconds} s`)
    const path = join(directory, 'mixed.db')
    await copyFile(options.path, path)
    const file = new URL(`./mixed-load/load-process${extname(entry.pathname)}`, entry)
    await using process = new TaskProcess<MixedLoadTasks>(file, signal)
    const done = await process.perform('run', { ...options, path }, options.seconds + patience)
    return { options, ...done }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
