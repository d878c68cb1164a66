import { Piscina } from 'piscina'
import type { Task } from './worker-module.ts'

/** Tasks in flight at once: the second has arrived when the first ends, which hides the round trip. */
export const tasksInFlight = 2

/** How long a thread that is to end may go on loading its file, in milliseconds. */
const mostLoading = 2_000

export interface ThreadRunOptions {
  /** The file that the thread runs; its default export is made by `serveWorker`. */
  readonly filename: string
  readonly workerData: unknown
  readonly execArgv?: string[] | undefined
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number } | undefined
}

/**
 * One run of a worker thread, from its start to its end: a Piscina pool of one thread that is thrown away with it.
 * A pool that replaced its threads itself would give the new one work before it had opened anything, and after a
 * failed start would keep no thread and leave its tasks pending.
 */
export class ThreadRun<Call> {
  // biome-ignore lint/suspicious/noExplicitAny: the reply depends on the task
  readonly #pool: Piscina<Task<Call>, any>
  readonly #hasThread: boolean
  #isLoaded = false
  /** Whether the thread answers nothing any more. */
  isOver = false
  /** Tasks that were sent and not answered. */
  tasks = 0
  /** Resolves once the thread has loaded its file. */
  readonly loaded: Promise<void>
  /** Resolves once the thread has ended, to the reason. */
  readonly ended: Promise<unknown>
  /** The reply to `open`, the first task. */
  readonly opened: Promise<unknown>

  constructor({ filename, workerData, execArgv, resourceLimits }: ThreadRunOptions) {
    const pool = new Piscina({
      filename,
      workerData,
      // The first task starts the thread, and the pool does not replace it.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: tasksInFlight,
      atomics: 'disabled',
      recordTiming: false,
      ...(execArgv && { execArgv }),
      ...(resourceLimits && { resourceLimits }),
    })
    this.#pool = pool
    // Without a listener, an error in an idle thread would end the process.
    pool.on('error', () => {})
    pool.on('workerDestroy', () => {
      this.isOver = true
    })
    const { promise: loaded, resolve: resolveLoaded } = Promise.withResolvers<void>()
    this.loaded = loaded
    pool.once('workerCreate', () => {
      this.#isLoaded = true
      resolveLoaded()
    })
    // Async, since creating the thread may throw.
    this.opened = this.run('open')
    const [thread] = pool.threads
    this.#hasThread = thread !== undefined
    const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<unknown>()
    this.ended = ended
    let error: unknown
    thread?.once('error', (cause) => {
      error = cause
    })
    thread?.once('exit', (code) => resolveEnded(error ?? `its thread ended with code ${code}`))
    if (!thread) this.opened.catch(resolveEnded)
  }

  /** Runs a task. */
  async run<Result>(task: Task<Call>): Promise<Result> {
    return this.#pool.run(task)
  }

  /**
   * Ends the thread as soon as possible, and does not wait for it. A thread that is loading its file may first
   * finish that: ended while it loads a native addon, it would abort the process.
   */
  destroy(): void {
    this.isOver = true
    // If no thread was created, destroying the pool would fail the pending task with nobody to hear it.
    if (!this.#hasThread) return
    const destroy = () => void this.#pool.destroy()
    if (this.#isLoaded) destroy()
    else {
      const timer = setTimeout(destroy, mostLoading)
      void Promise.race([this.loaded, this.ended]).then(() => {
        clearTimeout(timer)
        destroy()
      })
    }
  }
}
