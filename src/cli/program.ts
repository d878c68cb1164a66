import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { addBackupCommand } from './backup.ts'
import { refuseBlanks, unsetBlankVariables } from './blank-settings.ts'
import { addCheckCommand } from './check.ts'
import { addExportCommand } from './export.ts'
import { addImportCommand } from './import.ts'
import { Interrupted } from './interruption.ts'
import { addKeyCommand } from './key.ts'
import { addMigrateCommand } from './migrate.ts'
import { messageOf } from './missing-packages.ts'
import { databaseInUse } from './open-store.ts'
import { isOutputFault, lostOutput } from './output.ts'
import { addRestoreCommand } from './restore.ts'
import { addReviewCommand } from './review.ts'
import { addServeCommand } from './serve.ts'
import { SettingError } from './settings.ts'
import { Finished, superviseLongCommands } from './supervision.ts'
import { addUnitCommand } from './unit.ts'
import { addUserCommand } from './user.ts'

/** Exit codes besides 0, for scripts. */
const failed = 1
const misused = 2
/** As shells report `cat` and `git` when SIGPIPE ends them: 128 + 13. */
const unread = 141

/** Runs the command line. Resolves to the exit code once all output is written. */
export async function run(args: readonly string[], environment: NodeJS.ProcessEnv) {
  const code = await outcomeOf(args, environment)
  const lost = await lostOutput()
  if (!lost) return code
  // Silently: the reader had enough.
  if (lost.code === 'EPIPE') return code || unread
  tell(new Error(`can't write to the standard output: ${lost.message}`))
  return code || failed
}

async function outcomeOf(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    unsetBlankVariables(environment)
    const commands = program(environment)
    superviseLongCommands(commands, args, environment)
    await commands.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has already reported what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : misused
    if (error instanceof Finished) return error.exitCode
    // Reported once all output is done.
    if (isOutputFault(error)) return 0
    tell(error)
    // At once: whoever interrupts a command may have stopped reading its output.
    if (error instanceof Interrupted) process.exit(error.exitCode)
    return error instanceof SettingError ? misused : failed
  }
}

function tell(error: unknown): void {
  const message = messageOf(error)
  const path = databaseInUse()
  const isElsewhere = error instanceof SettingError || path === undefined || message.includes(path)
  const place = isElsewhere ? '' : ` (database: ${path})`
  process.stderr.write(`cq-store: ${message}${place}\n`)
}

function program(environment: NodeJS.ProcessEnv): Command {
  const cq = new Command('cq-store')
    .description('A storage service for cq, the open standard for knowledge that AI agents share.')
    .version(version)
    .addHelpText(
      'after',
      `
Try it:
  $ cq-store serve --dev              a development server on http://127.0.0.1:3000

Run it, with the two secrets in the environment, see serve --help:
  $ export CQ_DB_PATH=/var/lib/cq/cq.db
  $ cq-store migrate
  $ cq-store user add carol
  $ cq-store key create carol --name laptop --ttl 90d
  $ cq-store serve

All commands except restore work while a server uses the same database. The exit code is 0 for success, 1 for
a failure, 2 for a wrong argument or setting, 130 after Ctrl-C, 143 after SIGTERM, and 141 if the reader of the
output went away.`,
    )
  const commands = [
    addServeCommand,
    addUserCommand,
    addKeyCommand,
    addUnitCommand,
    addReviewCommand,
    addImportCommand,
    addExportCommand,
    addMigrateCommand,
    addCheckCommand,
    addBackupCommand,
    addRestoreCommand,
  ]
  for (const add of commands) add(cq, environment)
  settle(cq)
  return cq
}

/** Makes every command throw in place of exiting, and refuse blank values. */
function settle(command: Command): void {
  refuseBlanks(command)
  command.exitOverride().showHelpAfterError('(see --help)')
  for (const child of command.commands) settle(child)
}
