import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'

interface Answer {
  readonly result?: unknown
  readonly error?: string | undefined
}

/** What a process can be told to do, and what it answers. */
export type Tasks = Readonly<Record<string, (request: never) => unknown>>
type RequestOf<Task> = Task extends (request: infer Request) => unknown ? Request : never
type ResultOf<Task> = Task extends (request: never) => infer Result ? Awaited<Result> : never

interface Told {
  readonly name: string
  readonly request: unknown
}

/** Done in a process whose `TaskProcess` it is: does what it is told, one task at a time. */
export function answerTasks(tasks: Tasks): void {
  process.on('message', ({ name, request }: Told) => {
    perform(tasks[name] as (request: unknown) => unknown, request).then(
      (result) => answer({ result }),
      (error: unknown) => answer({ error: error instanceof Error ? error.stack : String(error) }),
    )
  })
  // Whoever gave the tasks is gone, however it went.
  process.on('disconnect', () => process.exit())
}

async function perform(task: (request: unknown) => unknown, request: unknown): Promise<unknown> {
  return task(request)
}

function answer(message: Answer): void {
  process.send?.(message)
}

/** A process of its own, which keeps what it has open from one task to the next. */
export class TaskProcess<Done extends Tasks> implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #gone: Promise<unknown>
  readonly #signal: AbortSignal

  /**
   * @param entry a file that calls `answerTasks`, as it is or compiled
   * @param signal ends whatever is waited for
   */
  constructor(entry: URL, signal: AbortSignal) {
    const runsAsItIs = extname(entry.pathname) !== '.ts' || process.features.typescript
    this.#process = fork(entry, { execArgv: runsAsItIs ? [] : ['--import', 'tsx'] })
    this.#gone = once(this.#process, 'exit')
    this.#signal = signal
  }

  /** @throws where the task fails, the process ends, the time is up, or the signal is given */
  async perform<Name extends keyof Done & string>(
    name: Name,
    request: RequestOf<Done[Name]>,
    seconds: number,
  ): Promise<ResultOf<Done[Name]>> {
    this.#signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const onExit = (code: number | null, ended: string | null) =>
      reject(new Error(`a process of the bench ended: ${ended ?? `exit code ${code}`}`))
    const onAbort = () => reject(this.#signal.reason)
    const timer = setTimeout(
      () => reject(new Error(`${name} was not done within ${Math.round(seconds)} s`)),
      seconds * 1_000,
    )
    this.#process.once('message', resolve).once('exit', onExit).once('error', reject)
    this.#signal.addEventListener('abort', onAbort)
    try {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null)
        onExit(this.#process.exitCode, this.#process.signalCode)
      else this.#process.send({ name, request } satisfies Told)
      const { result, error } = await promise
      if (error !== undefined) throw new Error(`${name} failed: ${error}`)
      return result as ResultOf<Done[Name]>
    } finally {
      clearTimeout(timer)
      this.#signal.removeEventListener('abort', onAbort)
      this.#process.off('message', resolve).off('exit', onExit).off('error', reject)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It has nothing to finish: every file it has is a copy that is thrown away.
    if (this.#process.exitCode === null && this.#process.signalCode === null)
      this.#process.kill('SIGKILL')
    await this.#gone
  }
}
