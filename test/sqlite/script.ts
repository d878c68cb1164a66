import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A script of `processes/`, by name, and what Node is given before it. */
export type Script = string | readonly [name: string, ...nodeArgs: string[]]

/** Starts a script in a process of its own, which ends with the test at the latest. */
export function startScript(script: Script, ...args: string[]): ChildProcess {
  const [name = '', ...nodeArgs] = [script].flat()
  const file = fileURLToPath(new URL(`processes/${name}`, import.meta.url))
  const execArgv = [...(process.features.typescript ? [] : ['--import', 'tsx']), ...nodeArgs]
  const child = spawn(process.execPath, [...execArgv, file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

export interface ScriptOutcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script until it ends by itself. */
export async function runScript(script: Script, ...args: string[]): Promise<ScriptOutcome> {
  const child = startScript(script, ...args)
  const text = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk
    })
  const { promise, resolve, reject } = Promise.withResolvers<ScriptOutcome>()
  child.once('error', reject)
  child.once('close', (code, signal) => resolve({ code, signal, ...text }))
  return promise
}
