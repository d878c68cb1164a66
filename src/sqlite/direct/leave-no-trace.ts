import type { Connection } from '../../offload/connection.ts'

/**
 * Makes sure that deleted data is in no file any more: rewrites the whole database if requested, and empties the
 * write-ahead log. Returns whether that succeeded: not if another process went on reading the log for as long as
 * the connection waits for locks.
 *
 * SQLite overwrites what it deletes (`secure_delete`), but when it moves rows between pages, it leaves copies in
 * their unused parts, which only rewriting the file clears: of some 300 units that were deleted or replaced among
 * many, parts of one were still there.
 */
export function leaveNoTrace({ sqlite }: Connection, { rewrite }: { rewrite: boolean }): boolean {
  if (rewrite) {
    // The remaining data may be too large for the memory.
    sqlite.pragma('temp_store = FILE')
    removeStrayVectors(sqlite)
    // The reference server's semantic search has it in a CHECK, which VACUUM evaluates.
    sqlite.function('vec_length', { deterministic: true }, vectorLength)
    sqlite.exec('VACUUM')
  }
  const [checkpoint] = sqlite.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
  return checkpoint?.busy === 0
}

/** The reference server's semantic search keeps a vector of each unit's text, which reveals some of it. */
function removeStrayVectors(sqlite: Connection['sqlite']): void {
  const columns =
    sqlite.prepare(`SELECT column.name FROM pragma_table_list('knowledge_units_vec') AS vectors
    JOIN pragma_table_info(vectors.name) AS column WHERE vectors.type = 'table'`)
  if (!columns.pluck().all().includes('id')) return
  sqlite.exec('DELETE FROM knowledge_units_vec WHERE id NOT IN (SELECT id FROM knowledge_units)')
}

/** As in sqlite-vec: the number of floats in a vector. */
function vectorLength(vector: unknown): number | null {
  return Buffer.isBuffer(vector) ? vector.length / Float32Array.BYTES_PER_ELEMENT : null
}
