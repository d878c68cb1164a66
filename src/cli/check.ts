import type { Command } from 'commander'
import { checks, type Finding, type Rebuilt } from '../operations/unit-faults.ts'
import { addDatabaseOptions, databaseHelp, existingDatabase, naming } from './open-store.ts'
import { printJson } from './output.ts'
import type { DatabaseSettings } from './settings.ts'
import { removeWhenInterrupted } from './supervision.ts'

interface CheckFlags extends DatabaseSettings {
  readonly rebuild?: true
  readonly json?: true
}

/**
 * Adds `check`. Unlike the store, it runs SQLite on this thread: a command line has no event loop to keep free.
 */
export function addCheckCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command = program
    .command('check')
    .description(
      'Look for damage of the file, and for faults in its schema, documents and counters.',
    )
    .option('--rebuild', 'first remove references that name no unit, and rebuild the counters')
    .option('--json', 'as {path, ok, rebuilt: [table], mended: [id], findings: [{check, message}]}')
  addDatabaseOptions(command)
    .addHelpText(
      'after',
      `
It checks SQLite's integrity and foreign keys, every table, index and trigger, the counters, and that every
document is a knowledge unit that can be found by its domains.
The exit code is 0 if nothing is wrong, otherwise 1.
It names documents that cq's clients cannot read; their units are left out of every answer until repaired.
Nothing is changed without --rebuild. With it, one transaction removes duplicate flags that name no other unit
and superseded_by values that are no ids, and rebuilds the derived tables.
${databaseHelp}

Examples:
  $ cq-store check --db-path /var/lib/cq/cq.db
  $ cq-store check --json | jq -r '.findings[].message'
  $ cq-store check --rebuild`,
    )
    .action(async (flags: CheckFlags) => {
      const database = existingDatabase(flags, environment)
      const isToRebuild = flags.rebuild === true
      const { findings, rebuilt } = await (typeof database === 'string'
        ? checkFile(database, isToRebuild)
        : naming(database, checkOnServer(database.url, isToRebuild)))
      const path = `${database}`
      const { tables, documents: mended } = rebuilt
      if (flags.json)
        printJson({ path, ok: findings.length === 0, rebuilt: tables, mended, findings })
      else {
        process.stdout.write(`${path}\n`)
        for (const id of mended) process.stdout.write(`mended ${id}\n`)
        for (const table of tables) process.stdout.write(`rebuilt ${table}\n`)
        for (const check of checks) process.stdout.write(describe(check, findings))
      }
      if (findings.length > 0)
        throw new Error(
          findings.length === 1
            ? `there is 1 thing wrong with ${path}`
            : `there are ${findings.length} things wrong with ${path}`,
        )
    })
}

async function checkOnServer(url: string, isToRebuild: boolean): Promise<Outcome> {
  const { checkOnServer } = await import('../postgres/administer.ts')
  return checkOnServer(url, isToRebuild)
}

async function checkFile(path: string, isToRebuild: boolean): Promise<Outcome> {
  // Loaded only by this command, since it loads the database driver on this thread.
  const { directly } = await import('../sqlite/direct/directly.ts')
  const { check, rebuild } = await import('../sqlite/direct/check.ts')
  return directly<Outcome>(
    { path, access: isToRebuild ? 'write' : 'read', onCopy: removeWhenInterrupted },
    (connection) => {
      const found = check(connection)
      // What is built from damaged pages is damaged, and writing to them makes it worse.
      if (!isToRebuild || found.some(isDamage)) return { findings: found, rebuilt: nothing }
      return { rebuilt: rebuild(connection), findings: check(connection) }
    },
  )
}

interface Outcome {
  readonly findings: readonly Finding[]
  readonly rebuilt: Rebuilt
}

const nothing: Rebuilt = { tables: [], documents: [] }

function isDamage({ check }: Finding): boolean {
  return check === 'integrity'
}

function describe(check: string, findings: readonly Finding[]): string {
  const found = findings.filter((finding) => finding.check === check)
  const head = `${check.padEnd(14)}  ${found.length === 0 ? 'ok' : 'WRONG'}\n`
  return head + found.map(({ message }) => `  ${message}\n`).join('')
}
