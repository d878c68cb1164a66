import type { Command } from 'commander'
import type { Store } from '../store.ts'
import {
  addDatabaseOptions,
  type Database,
  databaseHelp,
  existingDatabase,
  openStore,
} from './open-store.ts'
import { requireConfirmed } from './password-input.ts'
import type { DatabaseSettings } from './settings.ts'
import { textTable } from './text-table.ts'

interface RemoveFlags extends DatabaseSettings {
  readonly yes?: true
  readonly rewrite: boolean
}

/** Adds `unit` and its subcommands. */
export function addUnitCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const unit = program.command('unit').description('Manage knowledge units.')

  const remove = unit
    .command('remove')
    .description('Delete units for good, for example because they contain a secret.')
    .argument('<id...>', 'their ids')
    .option('--yes', 'delete without asking, and without listing the units first')
    .option('--no-rewrite', 'do not rewrite the file: faster, but may leave traces')
  addDatabaseOptions(remove)
    .addHelpText(
      'after',
      `
Then the whole file is rewritten, since copies of a unit may be in its unused space, and the write-ahead log is
emptied. That takes seconds for each gigabyte, and as much space again; meanwhile a server answers writes with
503. The file is rewritten even if the units do not exist, for example since a reviewer has deleted them. If
another process keeps reading the log, the command says that traces are left.
Earlier backups and exports keep the units, and references of other units to them stay.
${databaseHelp}

Examples:
  $ cq-store unit remove ku_0123456789abcdef0123456789abcdef
  $ cq-store unit remove --yes ku_0123456789abcdef0123456789abcdef ku_00000000000000000000000000000000`,
    )
    .action(async (given: string[], flags: RemoveFlags) => {
      const path = existingDatabase(flags, environment)
      const ids = [...new Set(given)]
      const removed = await removeAll(path, ids, flags.yes === true)
      if (typeof path === 'string') await eraseTraces(path, flags.rewrite)
      else process.stderr.write(serverTraces)
      const unknown = ids.filter((id) => !removed.includes(id))
      if (unknown.length > 0) throw new Error(`Knowledge unit not found: ${unknown.join(', ')}`)
    })
}

const serverTraces =
  'PostgreSQL keeps what was removed until it vacuums the table, and in its write-ahead log, archives and backups. ' +
  'VACUUM FULL knowledge_units rewrites the table, and keeps everybody waiting meanwhile.\n'

/** Removes those units that exist, and reports each. Resolves to their ids. */
async function removeAll(path: Database, ids: string[], isAgreed: boolean): Promise<string[]> {
  await using store = await openStore(path)
  if (!isAgreed) await agree(store, ids)
  const removed: string[] = []
  for (const id of ids) {
    if (!(await store.removeUnit(id))) continue
    removed.push(id)
    process.stdout.write(`removed unit ${id}\n`)
  }
  return removed
}

/** Shows the units that exist, and asks for confirmation. @throws {Error} if the answer is no */
async function agree(store: Store, ids: string[]): Promise<void> {
  const found = await Promise.all(ids.map((id) => rowOf(store, id)))
  const rows = found.filter((row) => row !== undefined)
  if (rows.length === 0) return
  process.stderr.write(textTable(['ID', 'STATUS', 'PROPOSED BY', 'DOMAINS', 'SUMMARY'], rows))
  const units = rows.length === 1 ? 'this unit' : `these ${rows.length} units`
  await requireConfirmed(`Remove ${units} for good?`, '--yes')
}

/** What to show of a unit, even if its document cannot be read; `undefined` if it does not exist. */
async function rowOf(store: Store, id: string): Promise<string[] | undefined> {
  const item = await store.reviewItem(id)
  if (item) {
    const { created_by, domains, insight } = item.knowledge_unit
    return [id, item.status, created_by ?? '', domains.join(', '), insight.summary]
  }
  const review = await store.getReviewStatus(id)
  return review ? [id, review.status, '', '', "(its document can't be read)"] : undefined
}

async function eraseTraces(path: string, rewrite: boolean): Promise<void> {
  // Loaded only here, since it loads the database driver on this thread.
  const { directly } = await import('../sqlite/direct/directly.ts')
  const { leaveNoTrace } = await import('../sqlite/direct/leave-no-trace.ts')
  if (
    await directly({ path, access: 'write' }, (connection) => leaveNoTrace(connection, { rewrite }))
  )
    return
  process.stderr.write(
    `traces may be left in ${path}-wal, since another process reads from it. Run the command again, or ` +
      'leave it to the server, which empties it when it has written and then rests, or when it ends.\n',
  )
}
