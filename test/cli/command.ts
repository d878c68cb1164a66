import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../..', import.meta.url))

export interface CommandOptions {
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** What Node is given before the file. @default nothing: it runs TypeScript itself */
  readonly nodeArgs?: readonly string[]
  readonly input?: string
  /** Whom it runs as. @default who runs the tests */
  readonly identity?: { readonly uid?: number; readonly gid?: number }
  /** @default the project's folder */
  readonly directory?: string
}

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** `cq-store` as a process of its own. Disposed of, it is ended. */
export class RunningCommand implements AsyncDisposable {
  readonly process: ChildProcess
  readonly outcome: Promise<Outcome>
  #stdout = ''
  #stderr = ''
  #onOutput: () => void = () => {}

  constructor({
    args,
    environment = {},
    nodeArgs = [],
    input,
    directory = project,
    identity = {},
  }: CommandOptions) {
    const { PATH = '', HOME = '' } = process.env
    this.process = spawn(process.execPath, [...nodeArgs, `${project}src/cli.ts`, ...args], {
      cwd: directory,
      ...identity,
      env: { PATH, HOME, NODE_NO_WARNINGS: '1', ...environment },
    })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      this.#onOutput()
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.process.stdin?.end(input)
    this.outcome = this.#ended()
  }

  /** The first match in what it writes to its standard output. Fails where it ends without one. */
  async tells(pattern: RegExp): Promise<RegExpExecArray> {
    const found = Promise.withResolvers<RegExpExecArray>()
    const look = () => {
      const match = pattern.exec(this.#stdout)
      if (match) found.resolve(match)
    }
    this.#onOutput = look
    look()
    void this.outcome.then(({ stdout, stderr }) =>
      found.reject(new Error(`it ended without telling ${pattern}:\n${stdout}${stderr}`)),
    )
    return found.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL')
    await this.outcome
  }

  async #ended(): Promise<Outcome> {
    const [code, signal] = (await once(this.process, 'close')) as [
      number | null,
      NodeJS.Signals | null,
    ]
    return { code, signal, stdout: this.#stdout, stderr: this.#stderr }
  }
}

/** Runs `cq-store` to its end. */
export function runCommand(options: CommandOptions): Promise<Outcome> {
  return new RunningCommand(options).outcome
}
