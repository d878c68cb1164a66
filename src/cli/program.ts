import { Command, CommanderError } from 'commander'
import { version } from '../server/version.ts'
import { addBackupCommand } from './backup.ts'
import { refuseBlanks, unsetBlankVariables } from './blank-settings.ts'
import { addCheckCommand } from './check.ts'
import { addExportCommand } from './export.ts'
import { addImportCommand } from './import.ts'
import { addKeyCommand } from './key.ts'
import { addMigrateCommand } from './migrate.ts'
import { addRestoreCommand } from './restore.ts'
import { addServeCommand } from './serve.ts'
import { SettingError } from './settings.ts'
import { addUnitCommand } from './unit.ts'
import { addUserCommand } from './user.ts'

/** What a script can tell from the exit code: 0 is success. */
const failed = 1
const misused = 2

/** Runs the command line, and resolves to the exit code. */
export async function run(args: readonly string[], environment: NodeJS.ProcessEnv) {
  try {
    unsetBlankVariables(environment)
    await program(environment).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has told already what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : misused
    process.stderr.write(`cq-store: ${error instanceof Error ? error.message : error}\n`)
    return error instanceof SettingError ? misused : failed
  }
}

function program(environment: NodeJS.ProcessEnv): Command {
  const cq = new Command('cq-store')
    .description('A storage service for cq, the open standard for knowledge that AI agents share.')
    .version(version)
    .addHelpText(
      'after',
      `
Try it:
  $ cq-store serve --dev              a server to play with, on http://127.0.0.1:3000

Run it, with the two secrets that serve --help tells of in the environment:
  $ export CQ_DB_PATH=/var/lib/cq/cq.db
  $ cq-store migrate
  $ cq-store user add carol
  $ cq-store key create carol --name laptop --ttl 90d
  $ cq-store serve

Every command but restore works while a server serves the same database. The exit code is 0 for success,
1 where something failed, 2 where an argument or a setting is wrong.`,
    )
  const commands = [
    addServeCommand,
    addUserCommand,
    addKeyCommand,
    addUnitCommand,
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

/** Has every command throw where it would end the process, and refuse what is blank. */
function settle(command: Command): void {
  refuseBlanks(command)
  command.exitOverride().showHelpAfterError('(--help tells more)')
  for (const child of command.commands) settle(child)
}
