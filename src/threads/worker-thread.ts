import { OffloadError, WorkerLost } from './errors.ts'
import type { Log } from './log.ts'
import { type BatchReply, type DutyReply, isFailure, toError } from './reply.ts'
import { ThreadRun } from './thread-run.ts'
import type { Worker } from './worker.ts'
import type { Duties } from './worker-module.ts'

/** Abandoned threads of one worker that have not ended. With so many, no further thread is started. */
const mostAbandoned = 3

const firstRestartDelay = 100
const longestRestartDelay = 5_000

/** The least time that a thread has to end once it has closed what it works on, in milliseconds. */
const leastEnd = 500

export interface WorkerThreadOptions {
  /** What the thread is for, as errors and logs name it. */
  readonly name: string
  /** The file that it runs; its default export is made by `serveWorker`. */
  readonly filename: string
  /** Makes the thread's `workerData`, at each start. */
  readonly workerData: () => unknown
  /**
   * How long the thread may take to load its file, in milliseconds. Opening may then take any time, as when a
   * large file is migrated. @default 30000
   */
  readonly loadDeadline?: number
  /**
   * How long the thread may stay silent while it has work, in milliseconds. Then it is abandoned and replaced: a
   * thread inside a system call that never returns cannot be ended. @default unlimited
   */
  readonly silenceDeadline?: number
  readonly execArgv?: string[]
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number }
  readonly log: Log
  /** Is told when the thread has started, and when it has died and will be replaced. */
  readonly observe?: ((event: 'started' | 'died', error?: unknown) => void) | undefined
}

/** A worker thread that is restarted when it crashes. */
export class WorkerThread<Call, WorkerDuties extends Duties = Duties>
  implements Worker<Call, WorkerDuties>
{
  readonly name: string
  /** How often it was restarted after a crash. */
  restarts = 0
  /** The result of `open` at the last start. */
  report: unknown
  /** Called whenever the thread has restarted, or has failed to. */
  onChange: () => void = () => {}
  readonly #options: WorkerThreadOptions
  #run: ThreadRun<Call> | undefined
  #state: 'starting' | 'ready' | 'failed' | 'closed' = 'starting'
  #failure: OffloadError | undefined
  #restartDelay = firstRestartDelay
  #restartTimer: NodeJS.Timeout | undefined
  /** Expires when the thread has work and has been silent for too long. */
  #silenceTimer: NodeJS.Timeout | undefined
  /** Abandoned threads, as promises that resolve when they end. */
  readonly #abandoned = new Set<Promise<unknown>>()

  constructor(options: WorkerThreadOptions) {
    this.name = options.name
    this.#options = options
  }

  get isReady(): boolean {
    return this.#state === 'ready' && this.#run?.isOver === false
  }

  /** Why the last start failed, until another one succeeds. */
  get failure(): OffloadError | undefined {
    return this.#state === 'failed' ? this.#failure : undefined
  }

  /** Starts the thread and opens what it works on. @throws {OffloadError} why it could not */
  async start(): Promise<void> {
    const run = new ThreadRun<Call>({ ...this.#options, workerData: this.#options.workerData() })
    this.#run = run
    try {
      // Raced and under a deadline, since a thread that cannot load its file never answers.
      const ended = run.ended.then((reason) => {
        const why = `the ${this.name} did not start: ${messageOf(reason)}`
        throw new OffloadError('unavailable', why, { cause: reason })
      })
      const opened = Promise.race([this.#replyTo('open', run.opened), ended])
      const loaded = Promise.race([run.loaded, opened])
      const { loadDeadline = 30_000 } = this.#options
      await within(loadDeadline, `start the ${this.name}`, loaded)
      this.report = await opened
    } catch (error) {
      this.#abandon(run)
      if (this.#isClosed) throw error
      this.#state = 'failed'
      this.#failure = error as OffloadError
      throw error
    }
    if (this.#isClosed) {
      this.#abandon(run)
      throw new OffloadError('closed', `the ${this.name} was closed while it started`)
    }
    this.#state = 'ready'
    this.#restartDelay = firstRestartDelay
    this.#options.observe?.('started')
    void run.ended.then((reason) => this.#restart(run, `crashed (${messageOf(reason)})`, reason))
  }

  /** Starts the thread, retrying until it succeeds. Failures are logged, not thrown. */
  async keepStarting(): Promise<void> {
    if (this.#isClosed) return
    try {
      this.#requireFewAbandoned()
      await this.start()
    } catch (error) {
      if (this.#isClosed) return
      this.#options.log.error(
        { worker: this.name, error },
        `${messageOf(error)}; trying again in ${this.#restartDelay} ms`,
      )
      this.#restartTimer = setTimeout(() => void this.keepStarting(), this.#restartDelay).unref()
      this.#restartDelay = Math.min(this.#restartDelay * 2, longestRestartDelay)
    }
    this.onChange()
  }

  /** Answers a batch of calls. @throws {WorkerLost} if the thread ends first */
  async answer(batch: readonly Call[]): Promise<BatchReply> {
    const run = this.#run
    // A pool whose thread is gone would start another one.
    if (!run || !this.isReady) throw new WorkerLost(`the ${this.name} is not running`)
    this.#beginTask(run)
    try {
      const reply = await run.run<BatchReply>(batch)
      // Taken out of the array, since the pool's map of tasks may keep that alive, see `Lane`.
      return { ...reply, results: reply.results.splice(0) }
    } catch (error) {
      if (run.isOver)
        throw new WorkerLost(`the ${this.name} crashed: ${messageOf(error)}`, { cause: error })
      const why = `the ${this.name} could not run a batch: ${messageOf(error)}`
      throw new OffloadError('internal', why, { cause: error })
    } finally {
      this.#endTask(run)
    }
  }

  /** Carries out a duty between batches, see `WorkerModule.duties`. @throws {OffloadError} */
  async perform<Name extends keyof WorkerDuties & string>(
    duty: Name,
  ): Promise<Awaited<ReturnType<WorkerDuties[Name]>>> {
    const run = this.#run
    if (!run || !this.isReady)
      throw new OffloadError('unavailable', `the ${this.name} is not running`)
    this.#beginTask(run)
    try {
      return (await this.#replyTo(duty, run.run(duty))) as Awaited<ReturnType<WorkerDuties[Name]>>
    } finally {
      this.#endTask(run)
    }
  }

  /**
   * Lets the thread close what it works on, then ends it. Resolves to the result of its `close`.
   * @param deadline for both, in milliseconds
   * @throws {OffloadError} why it could not close; the thread is ended all the same
   */
  async close(deadline: number): Promise<unknown> {
    const end = performance.now() + deadline
    const wasReady = this.isReady
    this.#state = 'closed'
    clearTimeout(this.#restartTimer)
    clearTimeout(this.#silenceTimer)
    const run = this.#run
    if (run === undefined) return undefined
    try {
      if (!wasReady) return undefined
      const closed = this.#replyTo('close', run.run('close'))
      return await within(deadline, `close the ${this.name}`, closed)
    } finally {
      run.destroy()
      // Under a deadline, since a thread inside a native call ends only after it.
      const left = Math.max(Math.ceil(end - performance.now()), leastEnd)
      await within(left, `end the ${this.name}`, Promise.all([run.ended, ...this.#abandoned]))
    }
  }

  get #isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** The result of `open`, `close` or a duty. @throws {OffloadError} */
  async #replyTo(duty: string, pending: Promise<unknown>): Promise<unknown> {
    let reply: DutyReply
    try {
      reply = (await pending) as DutyReply
    } catch (error) {
      const why = `the ${this.name} did not ${duty}: ${messageOf(error)}`
      throw new OffloadError('unavailable', why, { cause: error })
    }
    if (isFailure(reply)) throw toError(reply)
    return reply.result
  }

  #beginTask(run: ThreadRun<Call>): void {
    const { silenceDeadline } = this.#options
    if (run.tasks++ > 0 || silenceDeadline === undefined) return
    if (this.#silenceTimer) this.#silenceTimer.refresh()
    else
      this.#silenceTimer = setTimeout(() => {
        if (this.#run && this.#run.tasks > 0) this.#replaceSilent(this.#run, silenceDeadline)
      }, silenceDeadline).unref()
  }

  #endTask(run: ThreadRun<Call>): void {
    run.tasks--
    if (run === this.#run && run.tasks > 0) this.#silenceTimer?.refresh()
  }

  /** Ends a thread as soon as possible. Until it has ended it counts as abandoned. */
  #abandon(run: ThreadRun<Call>): void {
    const { ended } = run
    this.#abandoned.add(ended)
    void ended.then(() => this.#abandoned.delete(ended))
    run.destroy()
  }

  #replaceSilent(run: ThreadRun<Call>, silence: number): void {
    if (run.isOver || this.#isClosed) return
    this.#abandon(run)
    this.#restart(run, `was silent for ${silence} ms and is abandoned`)
  }

  #restart(run: ThreadRun<Call>, what: string, error?: unknown): void {
    if (this.#isClosed || run !== this.#run || this.#state !== 'ready') return
    this.#state = 'starting'
    this.restarts++
    this.#options.observe?.('died', error ?? new Error(what))
    this.#options.log.warn({ worker: this.name, error }, `the ${this.name} ${what}; restarting it`)
    void this.keepStarting()
  }

  /** @throws {OffloadError} */
  #requireFewAbandoned(): void {
    if (this.#abandoned.size < mostAbandoned) return
    const why = `${this.#abandoned.size} abandoned threads of the ${this.name} have not ended`
    this.#failure = new OffloadError('unavailable', why)
    this.#state = 'failed'
    throw this.#failure
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}

/** The result, or a `timeout` if there is none in time. */
async function within<T>(deadline: number, task: string, result: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new OffloadError('timeout', `could not ${task} within ${deadline} ms`)),
    deadline,
  )
  try {
    return await Promise.race([result, late.promise])
  } finally {
    clearTimeout(timer)
    // The loser of the race may still fail, and nobody waits for it.
    result.catch(() => {})
  }
}
