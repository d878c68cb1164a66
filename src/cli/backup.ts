import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import type { RowCounts } from '../sqlite/direct/backup.ts'
import { addDatabaseOptions, commandFile, databaseHelp, requireThere } from './open-store.ts'
import { printJson } from './output.ts'
import { Progress } from './progress.ts'
import { type DatabaseSettings, realPathOfSetting, SettingError } from './settings.ts'
import { removeWhenInterrupted } from './supervision.ts'
import { writeWholeFile } from './whole-file.ts'

interface BackupFlags extends DatabaseSettings {
  readonly force?: true
  readonly json?: true
}

/**
 * Adds `backup`. Unlike the store, it runs SQLite on this thread: a command line has no event loop to keep free.
 */
export function addBackupCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command = program
    .command('backup')
    .description('Copy the database as of one moment to a file, and verify the copy.')
    .argument('<destination>', 'the file to create')
    .option('--force', 'replace an existing file')
    .option('--json', 'as {path, copy, bytes, rows: {table: count}}')
  addDatabaseOptions(command)
    .addHelpText(
      'after',
      `
A server may read and write meanwhile; its write-ahead log cannot be emptied until the copy is complete.
The copy is a database. cq-store restore puts it in place of another; never copy it there yourself.
It is readable by its owner only, since it contains hashes of passwords and keys.
${databaseHelp}

Examples:
  $ cq-store backup /var/backups/cq-$(date +%F).db
  $ cq-store backup --force latest.db --db-path /var/lib/cq/cq.db`,
    )
    .action(async (destination: string, flags: BackupFlags) => {
      const path = commandFile(flags, environment, 'PostgreSQL has pg_dump for this')
      requireThere(path)
      const copy = realPathOfSetting('the destination', destination)
      requireOtherPlace(path, copy)
      let counts: RowCounts = {}
      await writeWholeFile(
        copy,
        { force: flags.force === true, mode: 0o600 },
        async (temporary) => {
          counts = await copyAndVerify(path, temporary)
        },
      )
      const { size } = await stat(copy)
      if (flags.json) printJson({ path, copy, bytes: size, rows: counts })
      else
        process.stdout.write(
          `backed up ${path} to ${copy}: ${describeRows(counts)}; ${size} bytes, verified\n`,
        )
    })
}

async function copyAndVerify(path: string, destination: string): Promise<RowCounts> {
  // Loaded only by this command, since it loads the database driver on this thread.
  const { directly } = await import('../sqlite/direct/directly.ts')
  const { backup, verifyBackup } = await import('../sqlite/direct/backup.ts')
  const counts = await directly(
    { path, access: 'read', onCopy: removeWhenInterrupted },
    async (connection) => {
      let progress: Progress | undefined
      try {
        return await backup(connection, {
          destination,
          onProgress({ done, total }) {
            progress ??= new Progress({ doing: 'copying', unit: 'pages', total })
            progress.reach(done)
          },
        })
      } finally {
        progress?.[Symbol.dispose]()
      }
    },
  )
  await directly({ path: destination, access: 'read' }, (copy) => verifyBackup(copy, counts))
  return counts
}

/**
 * Neither the database itself, nor a path where SQLite would take another database's leftovers for the copy's.
 */
function requireOtherPlace(path: string, copy: string): void {
  if (copy === path) throw new SettingError('the backup must be another file than the database')
  for (const suffix of ['-wal', '-shm', '-journal'])
    if (existsSync(`${copy}${suffix}`))
      throw new Error(`${copy}${suffix} is there: ${copy} is a database in use, or was one`)
}

export function describeRows(counts: RowCounts): string {
  const names: Readonly<Record<string, readonly [one: string, many: string]>> = {
    knowledge_units: ['knowledge unit', 'knowledge units'],
    users: ['user', 'users'],
    api_keys: ['API key', 'API keys'],
  }
  return Object.entries(counts)
    .map(([table, count]) => `${count} ${names[table]?.[count === 1 ? 0 : 1] ?? table}`)
    .join(', ')
}
