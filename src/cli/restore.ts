import { createReadStream, existsSync, type Stats } from 'node:fs'
import { type FileHandle, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import { makeDirectory } from '../offload/directory.ts'
import type { RowCounts } from '../sqlite/direct/backup.ts'
import { describeRows } from './backup.ts'
import { addDatabaseOptions, commandFile } from './open-store.ts'
import { printJson } from './output.ts'
import { requireConfirmed } from './password-input.ts'
import { Progress } from './progress.ts'
import { discard, recover, setAside, showReplaced } from './replaced-database.ts'
import { type DatabaseSettings, realPathOfSetting, SettingError } from './settings.ts'
import { writeWholeFile } from './whole-file.ts'

interface RestoreFlags extends DatabaseSettings {
  readonly yes?: true
  readonly discard?: true
  readonly json?: true
}

/** Adds `restore`. Like `backup`, it runs SQLite on this thread. */
export function addRestoreCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command = program
    .command('restore')
    .description('Replace the database by a backup. The server must be stopped.')
    .argument('<backup>', 'the file that cq-store backup made')
    .option('--yes', 'replace an existing database without asking')
    .option('--discard', 'delete the old database; otherwise it is kept beside the new one')
    .option('--json', 'as {path, backup, bytes, rows: {table: count}, replaced: path or null}')
  addDatabaseOptions(command)
    .addHelpText(
      'after',
      `
Never copy a backup over a database yourself: SQLite would apply the old write-ahead log, which is still
beside it, to the new file, and corrupt it.

It fails while anything has the database open. The backup is copied and checked before anything is replaced,
and then takes the database's place in one step: if the command is killed, either database is there, whole.
The old database is kept as <path>.replaced-<time>. The new one gets its owner and mode.
Without --database-url, --db-path and their variables the database is /data/cq.db.

Examples:
  $ cq-store restore /var/backups/cq-2026-11-22.db --db-path /var/lib/cq/cq.db
  $ cq-store restore latest.db --yes --json | jq -r .replaced`,
    )
    .action(async (backup: string, flags: RestoreFlags) => {
      const path = commandFile(flags, environment, 'PostgreSQL has pg_restore for this')
      const source = realPathOfSetting('the backup', backup)
      await requireBackup(source, path)
      const isThere = existsSync(path)
      const question = `Replace ${path} by ${source}?`
      if (isThere && !flags.yes) await requireConfirmed(question, '--yes')
      const { rows, bytes, replaced } = await restore(source, path)
      const kept = flags.discard || replaced === undefined ? null : replaced
      if (replaced !== undefined && flags.discard) await discard(replaced)
      if (flags.json) {
        const outcome = { path, backup: source, bytes, rows, replaced: kept }
        printJson(outcome)
        return
      }
      process.stdout.write(`restored ${path} from ${source}: ${describeRows(rows)}; checked\n`)
      if (kept !== null) process.stdout.write(`the database that was there is kept as ${kept}\n`)
    })
}

interface Restored {
  readonly rows: RowCounts
  readonly bytes: number
  /** The path of the old database. */
  readonly replaced: string | undefined
}

async function restore(source: string, path: string): Promise<Restored> {
  // Loaded only by this command, since it loads the database driver on this thread.
  const { takeSoleUse } = await import('../sqlite/direct/sole-use.ts')
  await makeDirectory(dirname(path))
  const old = await stat(path).catch(() => undefined)
  let rows: RowCounts = {}
  let aside = ''
  {
    using _sole = old && takeSoleUse(path)
    for (const shown of await recover(path))
      process.stderr.write(
        `cq-store: a restore was interrupted; what it replaced is kept as ${shown}\n`,
      )
    try {
      await writeWholeFile(path, { force: true, mode: 0o600 }, async (temporary, file) => {
        await copy(source, file)
        if (old) await takeAttributes(file, old, path)
        rows = await check(source, temporary)
        await file.sync()
        // From here on the checked file is only renamed.
        aside = await setAside(path)
      })
    } catch (error) {
      await recover(path)
      throw error
    }
  }
  const replaced = await showReplaced(path, aside)
  return { rows, bytes: (await stat(path)).size, replaced }
}

/** Checks that the file exists, and that it is complete. */
async function requireBackup(source: string, path: string): Promise<void> {
  if (source === path) throw new SettingError('the backup must be another file than the database')
  const file = await stat(source).catch((error: Error) => {
    throw new Error(`there is no backup at ${source}: ${error.message}`, { cause: error })
  })
  if (!file.isFile()) throw new Error(`${source} is not a regular file`)
  const wal = await stat(`${source}-wal`).catch(() => undefined)
  if ((wal && wal.size > 0) || existsSync(`${source}-journal`))
    throw new Error(
      `${source} has a log beside it that would be lost: it is a database in use, or was one. ` +
        'Make a backup of it with cq-store backup, and restore that',
    )
}

async function copy(source: string, file: FileHandle): Promise<void> {
  const before = await stat(source)
  using progress = new Progress({ doing: 'copying', unit: 'bytes', total: before.size })
  await file.writeFile(chunksOf(source, progress))
  const after = await stat(source)
  if (after.size !== before.size || after.mtimeMs !== before.mtimeMs)
    throw new Error(`${source} was written to while it was copied; nothing was changed`)
}

async function* chunksOf(source: string, progress: Progress): AsyncIterable<Buffer> {
  let done = 0
  for await (const chunk of createReadStream(source, { highWaterMark: 1_048_576 })) {
    yield chunk
    done += chunk.length
    progress.reach(done)
  }
}

/** Whoever could use the old database can use the new one, and nobody else. */
async function takeAttributes(file: FileHandle, old: Stats, path: string): Promise<void> {
  const { uid, gid, mode } = await file.stat()
  if (((mode ^ old.mode) & 0o777) !== 0) await file.chmod(old.mode & 0o777)
  if (uid === old.uid && gid === old.gid) return
  await file.chown(old.uid, old.gid).catch((error: Error) => {
    const owner = `user ${old.uid} and group ${old.gid}`
    throw new Error(`${path} belongs to ${owner}; restore it as that user (${error.message})`, {
      cause: error,
    })
  })
}

/** Checks the copy of a backup. Resolves to its row counts. */
async function check(source: string, temporary: string): Promise<RowCounts> {
  const { directly } = await import('../sqlite/direct/directly.ts')
  const { verifyDatabase } = await import('../sqlite/direct/backup.ts')
  try {
    return await directly({ path: temporary, access: 'read' }, verifyDatabase)
  } catch (error) {
    const why = (error as Error).message
    throw new Error(`${source} can't be restored: ${why}`, { cause: error })
  }
}
