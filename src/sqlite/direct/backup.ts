import { StoreError } from '../../errors.ts'
import type { Connection } from '../../offload/connection.ts'
import { type IntegrityCheck, integrityFaults } from '../../offload/integrity.ts'
import { tableNames } from '../migrations/reference-schema.ts'
import { databaseOf } from '../migrator.ts'
import { planOf } from './migration-plan.ts'

/** Row counts of the tables that cannot be derived from others. */
export type RowCounts = Readonly<Record<string, number>>

const countedTables = ['knowledge_units', 'users', 'api_keys']
/** Pages that are copied at once: 4 MiB. */
const pagesAtOnce = 1_024

export interface BackupOptions {
  /** The copy: an existing, empty file. */
  readonly destination: string
  readonly onProgress: (pages: { readonly done: number; readonly total: number }) => void
}

/**
 * Copies a database as of one moment, while others read and write. Resolves to what the copy must contain.
 * @throws {StoreError} if the file is not cq's
 */
export async function backup(
  connection: Connection,
  { destination, onProgress }: BackupOptions,
): Promise<RowCounts> {
  const { sqlite } = connection
  planOf(connection)
  // Held to the end: without a snapshot, each write of another process makes SQLite start over.
  sqlite.prepare('BEGIN').run()
  try {
    const counts = countRows(connection)
    await sqlite.backup(destination, {
      progress({ totalPages, remainingPages }) {
        onProgress({ done: totalPages - remainingPages, total: totalPages })
        return pagesAtOnce
      },
    })
    return counts
  } finally {
    sqlite.prepare('ROLLBACK').run()
  }
}

/** Checks that a copy is sound and complete. @throws {StoreError} `corrupt` */
export function verifyBackup(copy: Connection, expected: RowCounts): void {
  requireSound(copy, 'quick_check')
  const found = countRows(copy)
  for (const [table, count] of Object.entries(expected))
    if (found[table] !== count)
      throw new StoreError('corrupt', `the copy has ${found[table]} rows of ${count} in ${table}`)
}

/**
 * Checks that a file is a sound database of cq, of a known revision. Returns its row counts.
 * @throws {StoreError} `corrupt`
 */
export function verifyDatabase(connection: Connection): RowCounts {
  if (planOf(connection).kind === 'empty')
    throw new StoreError('corrupt', 'it is empty, and not a database of cq')
  requireSound(connection, 'integrity_check')
  return countRows(connection)
}

function requireSound({ sqlite }: Connection, check: IntegrityCheck): void {
  const [fault] = integrityFaults(sqlite, check, 1)
  if (fault !== undefined) throw new StoreError('corrupt', `the copy is damaged: ${fault}`)
}

function countRows({ sqlite }: Connection): RowCounts {
  const there = tableNames(databaseOf(sqlite))
  return Object.fromEntries(
    countedTables
      .filter((table) => there.has(table))
      .map((table) => {
        const count = sqlite.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck()
        return [table, count.get() ?? 0]
      }),
  )
}
