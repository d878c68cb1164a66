import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import type { Command } from 'commander'
import { Interrupted, Interruption, isEndingSignal } from './interruption.ts'
import { commandDatabase } from './open-store.ts'
import { restoreTerminal } from './progress.ts'

/**
 * Commands that run SQLite on the main thread, which hears no signal until SQLite is done; and what an
 * interruption leaves.
 */
const longCommands: Readonly<Record<string, string>> = {
  backup: 'No backup was made',
  check: 'Nothing was changed, unless --rebuild had finished',
  restore:
    'The database is whole, either the old one or the restored one; run restore again to be sure',
  migrate: 'Either all steps were taken or none: cq-store migrate --dry-run shows which',
}

const childVariable = 'CQ_STORE_SUPERVISED'

/** Thrown when another process has run the command, and printed everything. */
export class Finished extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`the command ended with ${exitCode}`)
    this.exitCode = exitCode
  }
}

/**
 * Runs long commands in a child process, which this one ends at a signal: at once, with a message, and without
 * leaving unfinished files.
 */
export function superviseLongCommands(
  program: Command,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): void {
  // From the environment that this process was started with: it must not start a child of its own.
  if (process.env[childVariable] !== undefined) {
    process.once('disconnect', endWithoutSupervisor)
    process.channel?.unref()
    return
  }
  // Without that permission the command runs here, and a signal ends it without a message.
  if (process.permission?.has('child') === false) return
  program.hook('preAction', async (_program, command) => {
    const leavings = longCommands[command.name()]
    if (leavings === undefined) return
    const path = commandDatabase(command.opts(), environment)
    // A server's database keeps nobody from hearing a signal.
    if (typeof path !== 'string') return
    throw new Finished(await runInChild(path, args, environment, leavings))
  })
}

/** What to delete if this process ends early. */
const unfinished: string[] = []

/** Makes the supervising process delete these files and directories if a signal ends this one. */
export function removeWhenInterrupted(...paths: readonly string[]): void {
  unfinished.push(...paths)
  if (process.env[childVariable] !== undefined) process.send?.(paths)
}

/** The supervising process was killed, so that nobody waits for this one or cleans up. */
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
  // A terminal's signal reaches both processes, and this one may end first.
  if (isEndingSignal(signal)) throw new Interrupted(signal).with(leavings)
  throw new Error(`the process that did the work was ended by ${signal}. ${leavings}`)
}

/**
 * Lets SQLite roll back what was not committed, and delete the write-ahead log if nobody else has the database
 * open.
 */
async function foldLogOf(path: string): Promise<void> {
  if (!existsSync(`${path}-wal`)) return
  const { directly } = await import('../sqlite/direct/directly.ts')
  // If it fails, whoever opens the file next does it, and reports what is wrong.
  await directly({ path, access: 'read' }, ({ sqlite }) => sqlite.pragma('user_version')).catch(
    () => {},
  )
}
