import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** The build, which starts faster, unless a source is newer than it. */
export const program = isBuildFresh() ? `${project}dist/src/cli.js` : `${project}src/cli.ts`

function isBuildFresh(): boolean {
  const built = statSync(`${project}dist/src/sql/compiled.json`, { throwIfNoEntry: false })
  if (!built) return false
  const sources = ['src', 'workers'].flatMap((folder) =>
    readdirSync(project + folder, { recursive: true, encoding: 'utf8' }).map(
      (name) => `${project}${folder}/${name}`,
    ),
  )
  return sources.every((path) => statSync(path).mtimeMs <= built.mtimeMs)
}

export interface CommandOptions {
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** What Node is given before the file. @default nothing: it runs TypeScript itself */
  readonly nodeArgs?: readonly string[]
  readonly input?: string
  /** Whom it runs as. @default who runs the tests */
  readonly identity?: { readonly uid?: number; readonly gid?: number }
  /** Whether more input may follow, and so its end is held back. @default false */
  readonly keepsInput?: boolean
  /**
   * Whether long commands run in a child process, as they do for users: for tests of signals and output. Others
   * take half the time without. @default false
   */
  readonly isSupervised?: boolean
  /** A line of a shell that runs the command as `"$@"`. @default nothing: no shell runs it */
  readonly shell?: string
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
  readonly #lookers: (() => void)[] = []

  constructor({
    args,
    environment = {},
    nodeArgs = [],
    input,
    keepsInput = false,
    directory = project,
    identity = {},
    shell,
    isSupervised = false,
  }: CommandOptions) {
    const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env
    // What Node is told may be how to run TypeScript.
    const cli = nodeArgs.length > 0 ? `${project}src/cli.ts` : program
    const node = [process.execPath, ...nodeArgs, cli, ...args]
    const [file = '', ...rest] = shell === undefined ? node : ['bash', '-c', shell, 'bash', ...node]
    this.process = spawn(file, rest, {
      cwd: directory,
      ...identity,
      env: {
        PATH,
        HOME,
        NODE_COMPILE_CACHE,
        NODE_NO_WARNINGS: '1',
        ...(!isSupervised && { CQ_STORE_SUPERVISED: '1' }),
        ...environment,
      },
    })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      for (const look of this.#lookers) look()
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      for (const look of this.#lookers) look()
    })
    if (input !== undefined) this.process.stdin?.write(input)
    if (!keepsInput) this.process.stdin?.end()
    this.outcome = this.#ended()
  }

  /** The first match in what it writes to its standard output. Fails where it ends without one. */
  tells(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#writes(pattern, () => this.#stdout)
  }

  /** The same of its standard error output. */
  complains(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#writes(pattern, () => this.#stderr)
  }

  #writes(pattern: RegExp, text: () => string): Promise<RegExpExecArray> {
    const found = Promise.withResolvers<RegExpExecArray>()
    const look = () => {
      const match = pattern.exec(text())
      if (match) found.resolve(match)
    }
    this.#lookers.push(look)
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
