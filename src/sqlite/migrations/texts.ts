import type { DerivedTable } from './derived-table.ts'
import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/**
 * The beginning of a document, as most are written: all that is indexed of it stands there. Compared as text, so that
 * no odd document makes another program's write fail. What looks like the name inside of a text has a backslash
 * before its last quote.
 */
const beginning = (unit: string) => `substr(${unit}.data, 1, instr(${unit}.data, '"context":'))`
const isOrdinary = (unit: string) =>
  `instr(${unit}.data, '"insight":') BETWEEN 1 AND instr(${unit}.data, '"context":')`

const queue = (unit: string) => `
  INSERT INTO cq_store_unindexed (unit_id) SELECT ${unit}.id WHERE ${unit}.id IS NOT NULL;`

/**
 * Only these are changed by other programs' writes, whose SQLite need not know FTS5. Confirmations and flags change
 * nothing that is indexed.
 */
const triggers = {
  text_added: `AFTER INSERT ON knowledge_units WHEN new.status = 'approved'
BEGIN${queue('new')}
END`,
  text_changed: `AFTER UPDATE OF data, status ON knowledge_units
WHEN (old.status IS 'approved') <> (new.status IS 'approved')
  OR new.status = 'approved' AND old.data IS NOT new.data
    AND NOT (${isOrdinary('new')} AND ${beginning('old')} = ${beginning('new')})
BEGIN${queue('new')}
END`,
  text_renamed: `AFTER UPDATE OF id ON knowledge_units WHEN old.id IS NOT new.id
BEGIN${queue('old')}${queue('new')}
END`,
  text_removed: `AFTER DELETE ON knowledge_units WHEN old.status = 'approved'
BEGIN${queue('old')}
END`,
}

const queueAll = `INSERT INTO cq_store_unindexed (unit_id)
  SELECT id FROM knowledge_units WHERE status = 'approved' AND id IS NOT NULL`
const isQueued = 'IN (SELECT unit_id FROM cq_store_unindexed)'

/** Which units' words are indexed. To make it anew is to queue all of them. */
export const indexedTexts: DerivedTable = {
  name: 'cq_store_texts',
  columns: ['unit_id'],
  definition: `SELECT id AS unit_id FROM knowledge_units
    WHERE status = 'approved' AND id IS NOT NULL AND id NOT ${isQueued}`,
  holds: `unit_id NOT ${isQueued}`,
  fill: ['DELETE FROM cq_store_texts', 'DELETE FROM cq_store_unindexed', queueAll],
}

/**
 * Makes the index of words. Units whose text changed are queued, and indexed by whoever opens the file next: the
 * write itself costs one row. The index holds no text, and leaves no trace of what is removed from it.
 */
export const texts: Migration = {
  name: '2026-11-29 texts',
  up(database) {
    database.run(`CREATE TABLE cq_store_unindexed (
  entry INTEGER PRIMARY KEY,
  unit_id TEXT NOT NULL
)`)
    database.run(`CREATE TABLE cq_store_texts (
  text INTEGER PRIMARY KEY,
  unit_id TEXT NOT NULL UNIQUE
)`)
    // The words are cut and stemmed before: every character but the space is a part of one.
    database.run(`CREATE VIRTUAL TABLE cq_store_words USING fts5 (
  summary, detail, action, domains,
  content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '3'
)`)
    database.run(`INSERT INTO cq_store_words (cq_store_words, rank) VALUES ('secure-delete', 1)`)
    // Only we write to this table.
    database.run(`CREATE TRIGGER cq_store_text_unindexed AFTER DELETE ON cq_store_texts
BEGIN
  DELETE FROM cq_store_words WHERE rowid = old.text;
END`)
    for (const [name, trigger] of Object.entries(triggers))
      database.run(`CREATE TRIGGER cq_store_${name} ${trigger}`)
    database.run(queueAll)
  },
}
