import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { makeDatabaseFile } from '../offload/database-file.ts'
import type { FileKind, MigrationPlan, PlannedStep } from '../sqlite/direct/migration-plan.ts'
import {
  addDatabaseOptions,
  commandDatabase,
  type Database,
  databaseHelp,
  naming,
} from './open-store.ts'
import { printJson } from './output.ts'
import type { DatabaseSettings } from './settings.ts'
import { removeWhenInterrupted } from './supervision.ts'

interface MigrateFlags extends DatabaseSettings {
  readonly dryRun?: true
  readonly json?: true
}

const kinds: Readonly<Record<FileKind, string>> = {
  empty: 'a new database',
  unstamped: 'a cq database from before its files were stamped with a revision',
  stamped: 'a cq database',
}

export function addMigrateCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command = program
    .command('migrate')
    .description("Migrate a database to this version's schema, creating it if it does not exist.")
    .option('--dry-run', 'show what would be done, without changing anything')
    .option(
      '--json',
      'as {path, kind, steps: [{name, state: done|applied|pending}], old_units}; old_units: how many units of cq 0.x are converted',
    )
  addDatabaseOptions(command)
    .addHelpText(
      'after',
      `
All steps are taken in one transaction: they are all there after it, or none. serve does the same when
it starts. A file of another program, or with a newer schema, is refused and not changed.
Units of cq 0.x are converted: their domain becomes domains, ids lose their dashes, tiers and flags get their
present names, and references follow the ids.
cq's reference server can go on using its files.
${databaseHelp}

Examples:
  $ cq-store migrate --dry-run --db-path /var/lib/cq/cq.db
  $ cq-store migrate --db-path /var/lib/cq/cq.db`,
    )
    .action(async (flags: MigrateFlags) => {
      const path = commandDatabase(flags, environment)
      const { plan: before, oldUnits } = await planOf(path)
      const after = flags.dryRun ? before : await applyTo(path)
      const steps = after.steps.map(({ name, applied }, index) => ({
        name,
        state: stateOf(applied, before.steps[index]),
      }))
      if (flags.json) {
        const outcome = { path: `${path}`, kind: before.kind, steps, old_units: oldUnits }
        printJson(outcome)
        return
      }
      process.stdout.write(`${path}: ${kinds[before.kind]}\n`)
      for (const { name, state } of steps) process.stdout.write(`  ${state.padEnd(7)}  ${name}\n`)
      if (oldUnits > 0) {
        const units = oldUnits === 1 ? '1 unit' : `${oldUnits} units`
        process.stdout.write(`${flags.dryRun ? 'would convert' : 'converted'} ${units} of cq 0.x\n`)
      }
      process.stdout.write(`${summaryOf(steps, flags.dryRun === true)}\n`)
    })
}

type StepState = 'done' | 'applied' | 'pending'

function stateOf(isApplied: boolean, before: PlannedStep | undefined): StepState {
  if (!isApplied) return 'pending'
  return before?.applied ? 'done' : 'applied'
}

function summaryOf(steps: readonly { readonly state: StepState }[], isDryRun: boolean): string {
  const count = steps.filter(({ state }) => state !== 'done').length
  if (count === 0) return 'it is up to date'
  const named = count === 1 ? '1 step' : `${count} steps`
  return isDryRun ? `${named} pending; nothing was changed` : `applied ${named}`
}

// Loaded only by this command, since it loads the database driver on this thread.
const sqlite = () => import('../sqlite/direct/directly.ts')
const server = () => import('../postgres/administer.ts')
const plans = () => import('../sqlite/direct/migration-plan.ts')

async function planOf(path: Database): Promise<{ plan: MigrationPlan; oldUnits: number }> {
  if (typeof path !== 'string')
    return { plan: await naming(path, (await server()).planOnServer(path.url)), oldUnits: 0 }
  const { oldUnitsIn, planOf, planOfNewFile } = await plans()
  if (!existsSync(path)) return { plan: planOfNewFile(), oldUnits: 0 }
  const { directly } = await sqlite()
  return directly({ path, access: 'read', onCopy: removeWhenInterrupted }, (connection) => {
    const plan = planOf(connection)
    return { plan, oldUnits: oldUnitsIn(connection, plan) }
  })
}

async function applyTo(path: Database): Promise<MigrationPlan> {
  if (typeof path !== 'string') return naming(path, (await server()).migrateOnServer(path.url))
  const { directBusyTimeout, directly } = await sqlite()
  const { planOf } = await plans()
  const { migrate } = await import('../sqlite/migrator.ts')
  await makeDatabaseFile(path)
  return directly({ path, access: 'write' }, (connection) => {
    migrate(connection, directBusyTimeout)
    return planOf(connection)
  })
}
