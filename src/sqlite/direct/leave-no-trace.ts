import type { Connection } from '../connection.ts'

/**
 * Sees to it that what was removed stands in no file any more: writes the whole database anew where that
 * is asked for, and empties the write-ahead log. Whether it is so: not where another process went on
 * reading the log for as long as the connection waits for locks.
 *
 * SQLite overwrites what it deletes (`secure_delete`). Where it distributes rows among pages anew,
 * though, it leaves copies in the unused middle of a page, which nothing but writing the file anew
 * clears: measured, one of some 300 units that were removed or replaced among many was still there in part.
 */
export function leaveNoTrace({ sqlite }: Connection, { rewrite }: { rewrite: boolean }): boolean {
  if (rewrite) {
    // What it holds is what is left, and may be too large for the memory.
    sqlite.pragma('temp_store = FILE')
    removeStrayVectors(sqlite)
    // The reference server's semantic search has it in a CHECK, which is copied, too.
    sqlite.function('vec_length', { deterministic: true }, vectorLength)
    sqlite.exec('VACUUM')
  }
  const [checkpoint] = sqlite.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
  return checkpoint?.busy === 0
}

/** The reference server's semantic search keeps a vector of each unit's text, which tells of it. */
function removeStrayVectors(sqlite: Connection['sqlite']): void {
  const columns =
    sqlite.prepare(`SELECT column.name FROM pragma_table_list('knowledge_units_vec') AS vectors
    JOIN pragma_table_info(vectors.name) AS column WHERE vectors.type = 'table'`)
  if (!columns.pluck().all().includes('id')) return
  sqlite.exec('DELETE FROM knowledge_units_vec WHERE id NOT IN (SELECT id FROM knowledge_units)')
}

/** As sqlite-vec has it: of a vector of floats, the number of these. */
function vectorLength(vector: unknown): number | null {
  return Buffer.isBuffer(vector) ? vector.length / Float32Array.BYTES_PER_ELEMENT : null
}
