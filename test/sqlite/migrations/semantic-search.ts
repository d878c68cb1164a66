import { onDatabase } from './database-file.ts'

/** What the reference server's semantic search adds to a file: a table that calls a function of its own. */
const searchTable = `create table knowledge_units_vec(
  id text primary key,
  embedding float[4] check(typeof(embedding) == 'blob' and vec_length(embedding) == 4)
)`

/** What else may lie in a file whose functions and modules are another program's. */
const others = [
  `create table vectors(id text primary key, embedding blob,
    length int generated always as (vec_length(embedding)) virtual,
    stored int generated always as (vec_length(embedding)) stored,
    unit_id text references knowledge_units (id))`,
  'create table notes(id text primary key, embedding blob)',
  'create index notes_by_length on notes(vec_length(embedding))',
  'create trigger note_added after insert on notes begin select vec_length(new.embedding); end',
  'create view lengths as select vec_length(embedding) as length from notes',
  "insert into notes values ('one', zeroblob(16))",
  "insert into vectors (id, embedding) values ('one', zeroblob(16))",
]

/** Adds the tables, as a program does that has their functions. Answers the path. */
export function withSemanticSearch(path: string, rows: 'none' | 'units' | 'all kinds'): string {
  onDatabase(path, (db) => {
    db.function('vec_length', { deterministic: true }, (vector) => (vector as Buffer).length / 4)
    db.exec(searchTable)
    if (rows === 'none') return
    db.exec('insert into knowledge_units_vec select id, zeroblob(16) from knowledge_units')
    if (rows !== 'all kinds') return
    db.exec(others.join(';'))
    // A module that is loaded nowhere here, as a version of the search may use one.
    db.unsafeMode()
    db.pragma('writable_schema = on')
    db.exec(`insert into sqlite_schema values ('table', 'nearest', 'nearest', 0,
      'create virtual table nearest using vec0(id text primary key, embedding float[4])')`)
  })
  return path
}
