import type { Command } from 'commander'
import type { SqliteStore } from '../sqlite/store.ts'
import { addDatabaseOptions, databaseHelp, existingDatabase, openStore } from './open-store.ts'
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
    .description('Remove units for good, as where one holds a secret.')
    .argument('<id...>', 'the units')
    .option('--yes', "don't ask, and don't list the units first")
    .option('--no-rewrite', 'skip rewriting the file: quicker, but may leave traces')
  addDatabaseOptions(remove)
    .addHelpText(
      'after',
      `
The whole file is then written anew, since earlier copies of a unit may lie in its unused space, and the
write-ahead log beside it is emptied. That takes seconds for each gigabyte and as much space again, and a
server that writes meanwhile answers 503. Units that were removed already, as by a reviewer, are not found;
the file is written anew all the same. Where another process reads from the log all the time, the command
says that traces are left.
Backups and exports made before keep the units. Other units that name one of them keep doing so.
${databaseHelp}

Examples:
  $ cq-store unit remove ku_0123456789abcdef0123456789abcdef
  $ cq-store unit remove --yes ku_0123456789abcdef0123456789abcdef ku_00000000000000000000000000000000`,
    )
    .action(async (given: string[], flags: RemoveFlags) => {
      const path = existingDatabase(flags, environment)
      const ids = [...new Set(given)]
      const removed = await removeAll(path, ids, flags.yes === true)
      await eraseTraces(path, flags.rewrite)
      const unknown = ids.filter((id) => !removed.includes(id))
      if (unknown.length > 0) throw new Error(`Knowledge unit not found: ${unknown.join(', ')}`)
    })
}

/** Removes those units that exist, and reports each. Resolves to their ids. */
async function removeAll(path: string, ids: string[], isAgreed: boolean): Promise<string[]> {
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
async function agree(store: SqliteStore, ids: string[]): Promise<void> {
  const found = await Promise.all(ids.map((id) => rowOf(store, id)))
  const rows = found.filter((row) => row !== undefined)
  if (rows.length === 0) return
  process.stderr.write(textTable(['ID', 'STATUS', 'PROPOSED BY', 'DOMAINS', 'SUMMARY'], rows))
  const units = rows.length === 1 ? 'this unit' : `these ${rows.length} units`
  await requireConfirmed(`Remove ${units} for good?`, '--yes')
}

/** What to show of a unit, even if its document cannot be read; `undefined` if it does not exist. */
async function rowOf(store: SqliteStore, id: string): Promise<string[] | undefined> {
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
