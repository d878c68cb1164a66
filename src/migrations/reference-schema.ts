import { documentToColumn } from '../knowledge/timestamps.ts'
import type { MigrationDatabase } from './migration.ts'

/** The revision of the reference server's schema that this is. It is the only one there is. */
export const referenceRevision = '0001'

/** The reference server's tables and indexes, to the letter: each of its names may be relied upon. */
const tables = {
  knowledge_units: `CREATE TABLE knowledge_units (
    id TEXT NOT NULL,
    data TEXT NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    reviewed_by TEXT,
    reviewed_at TEXT,
    created_at TEXT,
    tier TEXT DEFAULT 'private' NOT NULL,
    PRIMARY KEY (id)
  )`,
  knowledge_unit_domains: `CREATE TABLE knowledge_unit_domains (
    unit_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    PRIMARY KEY (unit_id, domain),
    FOREIGN KEY(unit_id) REFERENCES knowledge_units (id) ON DELETE CASCADE
  )`,
  users: `CREATE TABLE users (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (username)
  )`,
  api_keys: `CREATE TABLE api_keys (
    id TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    labels TEXT DEFAULT '[]' NOT NULL,
    key_prefix TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    ttl TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at TEXT,
    PRIMARY KEY (id),
    UNIQUE (key_hash),
    FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
  )`,
} as const

export const referenceTables = Object.keys(tables) as (keyof typeof tables)[]

/** Columns that files of the first releases lack. */
const laterColumns = {
  status: "TEXT DEFAULT 'pending' NOT NULL",
  reviewed_by: 'TEXT',
  reviewed_at: 'TEXT',
  created_at: 'TEXT',
  tier: "TEXT DEFAULT 'private' NOT NULL",
} as const

/** Makes what a file lacks of the reference schema, of an empty one all of it, and stamps it. */
export function completeReferenceSchema(database: MigrationDatabase): void {
  const there = tableNames(database)
  for (const [name, sql] of Object.entries(tables)) if (!there.has(name)) database.run(sql)
  addLaterColumns(database)
  fillCreatedAt(database)
  database.run('CREATE INDEX IF NOT EXISTS idx_domains_domain ON knowledge_unit_domains (domain)')
  database.run('CREATE INDEX IF NOT EXISTS idx_api_keys_user ON api_keys (user_id)')
  if (!there.has('alembic_version'))
    database.run(`CREATE TABLE alembic_version (
      version_num VARCHAR(32) NOT NULL,
      CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )`)
  database.run('INSERT INTO alembic_version (version_num) VALUES (?)', referenceRevision)
}

export function tableNames(database: MigrationDatabase): Set<string> {
  const rows = database.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
  )
  return new Set(rows.map(({ name }) => name))
}

/** The revisions that a file is stamped with: one, or none where it was never stamped. */
export function stampedRevisions(database: MigrationDatabase): string[] {
  if (!tableNames(database).has('alembic_version')) return []
  const rows = database.all<{ version_num: string }>('SELECT version_num FROM alembic_version')
  return rows.map(({ version_num }) => version_num)
}

function addLaterColumns(database: MigrationDatabase): void {
  const columns = database.all<{ name: string }>(
    "SELECT name FROM pragma_table_info('knowledge_units')",
  )
  const there = new Set(columns.map(({ name }) => name))
  for (const [name, type] of Object.entries(laterColumns))
    if (!there.has(name)) database.run(`ALTER TABLE knowledge_units ADD COLUMN ${name} ${type}`)
}

/** In this language and not in SQL, since documents spell timestamps in more than one way. */
function fillCreatedAt(database: MigrationDatabase): void {
  const rows = database.all<{ id: string; first_observed: string }>(
    `SELECT id, json_extract(data, '$.evidence.first_observed') AS first_observed
     FROM knowledge_units WHERE created_at IS NULL AND first_observed IS NOT NULL`,
  )
  for (const { id, first_observed } of rows)
    database.run(
      'UPDATE knowledge_units SET created_at = ? WHERE id = ?',
      documentToColumn(first_observed),
      id,
    )
}
