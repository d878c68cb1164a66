import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { TaskProcess } from '../task-process.ts'
import type { MixedLoadTasks } from './load-process.ts'
import type { MixedLoadOptions, MixedLoadResult } from './result.ts'

export interface MixedLoadSurroundings {
  /** A file of the bench's own folder, as it is or compiled: the process is found beside it. */
  readonly entry: URL
  /** Ends the load, its process and its file. */
  readonly signal: AbortSignal
  /** Told what is being done. */
  readonly onProgress: (text: string) => void
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
