import { Piscina } from 'piscina'
import { StoreError } from '../errors.ts'
import type { Log } from './log.ts'
import { type CallReply, type Reply, toError } from './reply.ts'

/** Batches under way at once: the second is there when the first ends, which hides the round trip. */
export const batchesInFlight = 2

/** Lives of one worker that were given up and have not ended. With so many, no other one is begun. */
const mostGivenUp = 3

const firstRestartDelay = 100
const longestRestartDelay = 5_000

export interface WorkerThreadOptions {
  /** What the thread is for, as errors and logs name it. */
  readonly name: string
  /**
   * The file it runs. It exports `open`, `close`, `tidy` and other duties, and as its default what answers a
   * batch.
   */
  readonly filename: string
  /** What it is started with, made at each start. */
  readonly workerData: () => unknown
  /**
   * How long the thread may take to load its file, in milliseconds. What it then opens may take as long
   * as it takes, as where a large file is migrated. @default 30000
   */
  readonly loadDeadline?: number
  /**
   * For how long the thread may say nothing while it has work, in milliseconds. Then it is given up, and another
   * one started: a thread inside a call of the system that never returns can't be ended. @default for ever
   */
  readonly silenceDeadline?: number
  readonly execArgv?: string[]
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number }
  readonly log: Log
}

/** Thrown by `run` where the thread ended before it answered. */
export class WorkerLost extends Error {
  override readonly name = 'WorkerLost'
}

// biome-ignore lint/suspicious/noExplicitAny: what a task answers depends on its name
type Pool = Piscina<unknown, any>

/** One life of the thread. */
interface Life {
  readonly pool: Pool
  /** From when the thread answers nothing more. */
  isOver: boolean
  /** Resolves once the thread has loaded its file. */
  readonly loaded: Promise<unknown>
  /** What `open` replies. */
  readonly opened: Promise<Reply>
  /** Resolves to why it is over, once the thread is gone. */
  readonly over: Promise<unknown>
  /** Whether there is a thread. */
  readonly hasThread: boolean
  /** How many tasks were handed to the thread and not answered. */
  tasks: number
}

/**
 * One worker thread that is started anew when it dies. Each of its lives is a Piscina of a single
 * thread, thrown away with it: a pool that replaces threads itself gives the new one work before it
 * has opened anything, and after a failed start keeps no thread and leaves its tasks unanswered.
 */
export class WorkerThread<Call> {
  readonly name: string
  /** How many batches it is working on. Kept by whoever gives it work. */
  inFlight = 0
  /** Whether it is set aside for one call. Kept by whoever gives it work. */
  reserved = false
  /** How often it was started anew after it had died. */
  restarts = 0
  /** What `open` told when the thread last started. */
  report: unknown
  /** Called whenever the thread has started anew, or failed to, or is done with its upkeep. */
  onChange: () => void = () => {}
  readonly #options: WorkerThreadOptions
  #life: Life | undefined
  #state: 'starting' | 'ready' | 'failed' | 'closed' = 'starting'
  #failure: StoreError | undefined
  #restartDelay = firstRestartDelay
  #restartTimer: NodeJS.Timeout | undefined
  /** Runs from the last word of the thread, where it has work. */
  #silence: NodeJS.Timeout | undefined
  /** When lives that were given up end. */
  readonly #givenUp = new Set<Promise<unknown>>()

  constructor(options: WorkerThreadOptions) {
    this.name = options.name
    this.#options = options
  }

  get isReady(): boolean {
    return this.#state === 'ready' && this.#life?.isOver === false
  }

  /** Why the last start failed, until another one succeeds. */
  get failure(): StoreError | undefined {
    return this.#state === 'failed' ? this.#failure : undefined
  }

  /** Starts the thread and opens what it works on. @throws {StoreError} what kept it from opening */
  async start(): Promise<void> {
    const life = this.#begin()
    this.#life = life
    try {
      // Raced and under a deadline, since a thread that can't load its file answers nothing, ever.
      const ended = life.over.then((reason) => {
        throw new StoreError('unavailable', `the ${this.name} did not start: ${message(reason)}`, {
          cause: reason,
        })
      })
      const opened = Promise.race([life.opened, ended])
      const loaded = Promise.race([life.loaded, opened])
      const { loadDeadline = 30_000 } = this.#options
      await within(loadDeadline, `start the ${this.name}`, loaded)
      this.report = unwrap(await opened)
    } catch (error) {
      this.#discard(life)
      if (this.#isClosed) throw error
      this.#state = 'failed'
      this.#failure = error as StoreError
      throw error
    }
    if (this.#isClosed) {
      this.#discard(life)
      throw new StoreError('closed', `the ${this.name} was closed while it started`)
    }
    this.#state = 'ready'
    this.#restartDelay = firstRestartDelay
    void life.over.then((reason) => this.#restart(life, `died (${message(reason)})`, reason))
  }

  /** Has a batch answered. @throws {WorkerLost} where the thread ends first */
  async run(batch: readonly Call[]): Promise<CallReply[]> {
    const life = this.#life
    // A pool whose thread is gone would start another one for the asking.
    if (!life || !this.isReady) throw new WorkerLost(`the ${this.name} is not running`)
    this.#beginTask(life)
    try {
      const replies: CallReply[] = await life.pool.run(batch)
      // Taken out of the array, since the pool's map of tasks, see `Lane`, may keep that for long.
      return replies.splice(0)
    } catch (error) {
      if (life.isOver)
        throw new WorkerLost(`the ${this.name} died: ${message(error)}`, { cause: error })
      const why = `the ${this.name} could not run a batch: ${message(error)}`
      throw new StoreError('internal', why, { cause: error })
    } finally {
      this.#endTask(life)
    }
  }

  /**
   * Has it do its upkeep, among its batches. Resolves to what it told.
   * @param duty the name under which its file exports that
   * @throws {StoreError} what kept it from that
   */
  async tidy(duty = 'tidy'): Promise<unknown> {
    const life = this.#life
    if (!life || !this.isReady)
      throw new StoreError('unavailable', `the ${this.name} is not running`)
    this.inFlight++
    this.#beginTask(life)
    try {
      return unwrap(await this.#task(life.pool, duty))
    } finally {
      this.#endTask(life)
      this.inFlight--
      this.onChange()
    }
  }

  /**
   * Lets the thread close what it works on, then ends it. Resolves to what its `close` told.
   * @throws {StoreError} what kept it from closing; the thread is ended all the same
   */
  async close(deadline: number): Promise<unknown> {
    const end = performance.now() + deadline
    const wasReady = this.isReady
    this.#state = 'closed'
    clearTimeout(this.#restartTimer)
    clearTimeout(this.#silence)
    const life = this.#life
    if (life === undefined) return undefined
    try {
      if (!wasReady) return undefined
      const closed = this.#task(life.pool, 'close')
      return unwrap(await within(deadline, `close the ${this.name}`, closed))
    } finally {
      destroy(life)
      // Under a deadline, since a thread inside a native call ends only after it.
      const left = Math.max(Math.ceil(end - performance.now()), leastEnd)
      await within(left, `end the ${this.name}`, Promise.all([life.over, ...this.#givenUp]))
    }
  }

  /** @throws {StoreError} */
  #requireFewGivenUp(): void {
    if (this.#givenUp.size < mostGivenUp) return
    const why = `${this.#givenUp.size} threads of the ${this.name} were given up and have not ended`
    this.#failure = new StoreError('unavailable', why)
    this.#state = 'failed'
    throw this.#failure
  }

  get #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #begin(): Life {
    const { filename, workerData, execArgv, resourceLimits } = this.#options
    const pool: Pool = new Piscina({
      filename,
      workerData: workerData(),
      // Started by its first task, and not replaced by the pool when it dies.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: batchesInFlight,
      atomics: 'disabled',
      recordTiming: false,
      ...(execArgv && { execArgv }),
      ...(resourceLimits && { resourceLimits }),
    })
    // Without a listener, an error of an idle thread would end the process.
    pool.on('error', () => {})
    pool.on('workerDestroy', () => {
      life.isOver = true
    })
    const { promise: loaded, resolve: tellLoaded } = Promise.withResolvers<void>()
    pool.once('workerCreate', () => tellLoaded())
    const opened = this.#task(pool, 'open')
    const { promise: over, resolve } = Promise.withResolvers<unknown>()
    const [thread] = pool.threads
    let reason: unknown
    thread?.once('error', (error) => {
      reason = error
    })
    thread?.once('exit', (code) => resolve(reason ?? `its thread ended with code ${code}`))
    if (!thread) resolve('no thread could be made for it')
    const life: Life = { pool, isOver: false, loaded, opened, over, hasThread: !!thread, tasks: 0 }
    return life
  }

  /** Has the thread give word within its deadline. */
  #beginTask(life: Life): void {
    const { silenceDeadline } = this.#options
    if (life.tasks++ > 0 || silenceDeadline === undefined) return
    if (this.#silence) this.#silence.refresh()
    else
      this.#silence = setTimeout(() => {
        if (this.#life && this.#life.tasks > 0) this.#giveUp(this.#life, silenceDeadline)
      }, silenceDeadline).unref()
  }

  #endTask(life: Life): void {
    life.tasks--
    if (life === this.#life && life.tasks > 0) this.#silence?.refresh()
  }

  /** Ends a life as soon as it can be. Until then it counts as given up. */
  #discard(life: Life): void {
    const { over } = life
    this.#givenUp.add(over)
    void over.then(() => this.#givenUp.delete(over))
    destroy(life)
  }

  /** Leaves the thread to itself, and starts another one. It answers nothing more, and ends when it can. */
  #giveUp(life: Life, silence: number): void {
    if (life.isOver || this.#isClosed) return
    this.#discard(life)
    this.#restart(life, `said nothing for ${silence} ms and is given up`)
  }

  async #task(pool: Pool, name: string): Promise<Reply> {
    try {
      return (await pool.run(undefined, { name })) as Reply
    } catch (error) {
      const why = `the ${this.name} did not ${name}: ${message(error)}`
      throw new StoreError('unavailable', why, { cause: error })
    }
  }

  #restart(life: Life, what: string, error?: unknown): void {
    if (this.#isClosed || life !== this.#life || this.#state !== 'ready') return
    this.#state = 'starting'
    this.restarts++
    this.#options.log.warn(
      { worker: this.name, error },
      `the ${this.name} ${what}; starting it anew`,
    )
    void this.keepStarting()
  }

  /** Starts the thread, and tries again until it succeeds. Failures are logged only. */
  async keepStarting(): Promise<void> {
    if (this.#isClosed) return
    try {
      this.#requireFewGivenUp()
      await this.start()
    } catch (error) {
      if (this.#isClosed) return
      this.#options.log.error(
        { worker: this.name, error },
        `${message(error)}; trying again in ${this.#restartDelay} ms`,
      )
      this.#restartTimer = setTimeout(() => void this.keepStarting(), this.#restartDelay).unref()
      this.#restartDelay = Math.min(this.#restartDelay * 2, longestRestartDelay)
    }
    this.onChange()
  }
}

/** The least time for a thread to end that has closed what it works on, in milliseconds. */
const leastEnd = 500

/** Ends the thread, as soon as it can be; nobody waits for it. */
function destroy(life: Life): void {
  life.isOver = true
  // Else the task that no thread was made for would fail, and nobody hears it.
  if (life.hasThread) void life.pool.destroy()
}

/** What a task's reply tells. @throws {StoreError} its failure */
function unwrap(reply: Reply): unknown {
  if (typeof reply === 'string') return reply === '' ? undefined : JSON.parse(reply)
  throw toError(reply)
}

function message(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}

/** The answer, or a `timeout` where there is none in time. */
async function within<T>(deadline: number, task: string, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new StoreError('timeout', `could not ${task} within ${deadline} ms`)),
    deadline,
  )
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
    // Whoever lost the race may still fail, and nobody waits for it any more.
    answer.catch(() => {})
  }
}
