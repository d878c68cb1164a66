import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import type { CellReply, CellRequest } from './cell.ts'
import type { TemplateRequest } from './template.ts'

export type Task =
  | { readonly kind: 'template'; readonly request: TemplateRequest }
  | { readonly kind: 'cell'; readonly request: CellRequest }

export interface Answer {
  readonly result?: unknown
  readonly error?: string | undefined
}

/** How long a task may take beyond the time that it is asked to take, in seconds. */
const patience = 120

/** A process of its own, so that no contender meets what another one left: heap, threads, compiled code. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #gone: Promise<unknown>

  /** @param entry `contender-process`, as it is or compiled */
  constructor(entry: URL) {
    const runsAsItIs = extname(entry.pathname) !== '.ts' || process.features.typescript
    this.#process = fork(entry, { execArgv: runsAsItIs ? [] : ['--import', 'tsx'] })
    this.#gone = once(this.#process, 'exit')
  }

  async makeTemplate(request: TemplateRequest, signal: AbortSignal): Promise<void> {
    // A million units take minutes.
    await this.#do({ kind: 'template', request }, patience + request.units / 1_000, signal)
  }

  async runCell(request: CellRequest, signal: AbortSignal): Promise<CellReply> {
    const seconds = patience + 2 * (request.warmUpSeconds + request.seconds)
    return (await this.#do({ kind: 'cell', request }, seconds, signal)) as CellReply
  }

  /** @throws where the task fails, the process ends, the time is up, or the signal is given */
  async #do(task: Task, seconds: number, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const onExit = (code: number | null, ended: string | null) =>
      reject(new Error(`a process of the bench ended: ${ended ?? `exit code ${code}`}`))
    const onAbort = () => reject(signal.reason)
    const timer = setTimeout(
      () => reject(new Error(`not done within ${Math.round(seconds)} s: ${JSON.stringify(task)}`)),
      seconds * 1_000,
    )
    this.#process.once('message', resolve).once('exit', onExit).once('error', reject)
    signal.addEventListener('abort', onAbort)
    try {
      this.#process.send(task)
      const { result, error } = await promise
      if (error !== undefined) throw new Error(`${JSON.stringify(task)} failed: ${error}`)
      return result
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
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
