import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import type { Command } from 'commander'
import { Interrupted, Interruption, isEndingSignal } from './interruption.ts'
import { commandDatabase } from './open-store.ts'
import { restoreTerminal } from './progress.ts'

/**
 * Commands that run SQLite on the main thread, which then hears no signal until SQLite is done, and what
 * an interruption leaves of each.
 */
const longCommands: Readonly<Record<string, string>> = {
  backup: 'No backup was made',
  check: 'Nothing was changed, unless --rebuild had finished',
  restore:
    'The database is whole, either the old one or the restored one; run restore again to be sure',
  migrate: 'Either all steps were taken or none: cq-store migrate --dry-run shows which',
}

const childVariable = 'CQ_STORE_SUPERVISED'

/** Where another process has run the command, and told all there is to tell. */
export class Finished extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`the command ended with ${exitCode}`)
    this.exitCode = exitCode
  }
}

/**
 * Has long commands run in a process of their own, which this one ends at a signal: at once, with words,
 * and with nothing left of the files that it was making.
 */
export function superviseLongCommands(
  program: Command,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): void {
  // What this process was started with, whatever the command is told: it must start no child of its own.
  if (process.env[childVariable] !== undefined) {
    process.once('disconnect', endWithoutSupervisor)
    process.channel?.unref()
    return
  }
  // Without that right the command runs here, and ends without words.
  if (process.permission?.has('child') === false) return
  program.hook('preAction', async (_program, command) => {
    const leavings = longCommands[command.name()]
    if (leavings === undefined) return
    const path = commandDatabase(command.opts(), environment)
    throw new Finished(await runInChild(path, args, environment, leavings))
  })
}

/** What is to be removed where this process ends too early. */
const unfinished: string[] = []

/** Has whoever supervises this process remove these files and directories where a signal ends it. */
export function removeWhenInterrupted(...paths: readonly string[]): void {
  unfinished.push(...paths)
  if (process.env[childVariable] !== undefined) process.send?.(paths)
}

/** Whoever supervised this process was killed, so that nobody waits for it, or cleans up after it. */
function endWithoutSupervisor(): void {
  remove(unfinished)
  process.exit(1)
}

function remove(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true })
}

async function runInChild(
  path: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  leavings: string,
): Promise<number> {
  using interruption = new Interruption()
  const files: string[] = []
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, ...args], {
    env: { ...environment, [childVariable]: '1' },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  child.on('message', (paths: string[]) => files.push(...paths))
  interruption.signal.addEventListener('abort', () => child.kill('SIGKILL'))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (code !== null) return code
  restoreTerminal()
  remove(files)
  await foldLogOf(path)
  const { aborted, reason } = interruption.signal
  if (aborted) throw (reason as Interrupted).with(leavings)
  // A terminal's signal reaches both processes, and this one may be the first to end.
  if (isEndingSignal(signal)) throw new Interrupted(signal).with(leavings)
  throw new Error(`the process that did the work was ended by ${signal}. ${leavings}`)
}

/** Has SQLite drop what was not committed, and with it the write-ahead log, where nobody else has it open. */
async function foldLogOf(path: string): Promise<void> {
  if (!existsSync(`${path}-wal`)) return
  const { directly } = await import('../sqlite/direct/directly.ts')
  // Where this fails, whoever opens the file next does it, and tells what is wrong with it.
  await directly({ path, access: 'read' }, ({ sqlite }) => sqlite.pragma('user_version')).catch(
    () => {},
  )
}
