import type Sqlite from 'better-sqlite3'
import type { Connection } from '../../offload/connection.ts'
import { tableNames } from '../migrations/reference-schema.ts'
import { databaseOf, ownTable } from '../migrator.ts'

/**
 * The application id in the header of a database that `serve --dev` made: "cqdv". Copies have it, too, and the
 * reference server does not change it.
 */
const developmentId = 0x63716476

/** How to recognise a development database that was made before they were marked. */
export interface OlderMark {
  /** The id of the demo user's API key. */
  readonly keyId: string
  /** Who approved the sample units. */
  readonly reviewer: string
}

/**
 * Marks the database as one of `serve --dev` if it is one already or empty, and does the work before another
 * process does the same. Any other database is left alone, and the result is `undefined`.
 */
export async function claimForDevelopment<Result>(
  connection: Connection,
  older: OlderMark,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  const { sqlite } = connection
  const isForeign = () => !mayBeClaimed(sqlite, older)
  // Checked first, so that this blocks nobody's writes.
  if (isForeign()) return undefined
  connection.execute('begin immediate')
  try {
    if (isForeign()) return undefined
    if (markOf(sqlite) !== developmentId) sqlite.pragma(`application_id = ${developmentId}`)
    const result = await work()
    connection.execute('commit')
    return result
  } finally {
    if (sqlite.inTransaction) connection.execute('rollback')
  }
}

function mayBeClaimed(sqlite: Sqlite.Database, older: OlderMark): boolean {
  const mark = markOf(sqlite)
  if (mark === developmentId) return true
  const tables = tableNames(databaseOf(sqlite))
  if (tables.size === 0) return mark === 0
  return tables.has(ownTable) && hasOlderMark(sqlite, older)
}

function markOf(sqlite: Sqlite.Database): unknown {
  return sqlite.pragma('application_id', { simple: true })
}

/** Whether the demo user was the first user, and there are sample units. */
function hasOlderMark(sqlite: Sqlite.Database, { keyId, reviewer }: OlderMark): boolean {
  const isFirstUsersKey = 'SELECT 1 FROM api_keys WHERE id = ? AND user_id = 1'
  const hasSamples = 'SELECT 1 FROM knowledge_units WHERE reviewed_by = ?'
  return (
    sqlite.prepare(isFirstUsersKey).get(keyId) !== undefined &&
    sqlite.prepare(hasSamples).get(reviewer) !== undefined
  )
}
