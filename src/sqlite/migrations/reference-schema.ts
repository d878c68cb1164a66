import { toColumn } from './frozen.ts'
import type { MigrationDatabase } from './migration.ts'

/** The revision of the reference server's schema that this is. It is the only one there is. */
export const referenceRevision = '0001'

/** Where a file holds its revision. */
export const stampTable = 'alembic_version'

interface Table {
  readonly columns: Readonly<Record<string, string>>
  readonly constraints: readonly string[]
}

/** The reference server's tables, to the letter: each of its names may be relied upon. */
const tables: Readonly<Record<string, Table>> = {
  knowledge_units: {
    columns: {
      id: 'TEXT NOT NULL',
      data: 'TEXT NOT NULL',
      status: "TEXT DEFAULT 'pending' NOT NULL",
      reviewed_by: 'TEXT',
      reviewed_at: 'TEXT',
      created_at: 'TEXT',
      tier: "TEXT DEFAULT 'private' NOT NULL",
    },
    constraints: ['PRIMARY KEY (id)'],
  },
  knowledge_unit_domains: {
    columns: { unit_id: 'TEXT NOT NULL', domain: 'TEXT NOT NULL' },
    constraints: [
      'PRIMARY KEY (unit_id, domain)',
      'FOREIGN KEY(unit_id) REFERENCES knowledge_units (id) ON DELETE CASCADE',
    ],
  },
  users: {
    columns: {
      id: 'INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT',
      username: 'TEXT NOT NULL',
      password_hash: 'TEXT NOT NULL',
      created_at: 'TEXT NOT NULL',
    },
    constraints: ['UNIQUE (username)'],
  },
  api_keys: {
    columns: {
      id: 'TEXT NOT NULL',
      user_id: 'INTEGER NOT NULL',
      name: 'TEXT NOT NULL',
      labels: "TEXT DEFAULT '[]' NOT NULL",
      key_prefix: 'TEXT NOT NULL',
      key_hash: 'TEXT NOT NULL',
      ttl: 'TEXT NOT NULL',
      expires_at: 'TEXT NOT NULL',
      created_at: 'TEXT NOT NULL',
      last_used_at: 'TEXT',
      revoked_at: 'TEXT',
    },
    constraints: [
      'PRIMARY KEY (id)',
      'UNIQUE (key_hash)',
      'FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE',
    ],
  },
  [stampTable]: {
    columns: { version_num: 'VARCHAR(32) NOT NULL' },
    constraints: ['CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)'],
  },
}

/** What the first releases had of `knowledge_units`. Later ones added the other columns. */
const firstColumns = ['id', 'data']
/** Tables that were there from the first release on. */
const firstTables = ['knowledge_units', 'knowledge_unit_domains']

/** Makes what a file lacks of the reference schema, of an empty one all of it, and stamps it. */
export function completeReferenceSchema(database: MigrationDatabase): void {
  const there = tableNames(database)
  for (const [name, table] of Object.entries(tables))
    if (!there.has(name)) database.run(createTable(name, table))
  addLaterColumns(database)
  fillCreatedAt(database)
  database.run('CREATE INDEX IF NOT EXISTS idx_domains_domain ON knowledge_unit_domains (domain)')
  database.run('CREATE INDEX IF NOT EXISTS idx_api_keys_user ON api_keys (user_id)')
  database.run(`INSERT INTO ${stampTable} (version_num) VALUES (?)`, referenceRevision)
}

/** Tables and views, those of SQLite itself left out. */
export function tableNames(database: MigrationDatabase): Set<string> {
  const rows = database.all<{ name: string }>(
    `SELECT name FROM sqlite_schema
     WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
  )
  return new Set(rows.map(({ name }) => name))
}

/** The revisions that a file is stamped with: one, or none where it was never stamped. */
export function stampedRevisions(database: MigrationDatabase): string[] {
  if (!columnNames(database, stampTable).has('version_num')) return []
  const rows = database.all<{ version_num: string }>(`SELECT version_num FROM ${stampTable}`)
  return rows.map(({ version_num }) => version_num)
}

/** Tables and columns that a stamped file should have and has not. */
export function missingWhereStamped(database: MigrationDatabase): string[] {
  return Object.entries(tables).flatMap(([name, { columns }]) =>
    missingColumns(database, name, Object.keys(columns)),
  )
}

/** What a file without a stamp lacks to be one of the reference server: what no later release added. */
export function missingWhereUnstamped(database: MigrationDatabase): string[] {
  const there = tableNames(database)
  return Object.entries(tables).flatMap(([name, { columns }]) => {
    if (!there.has(name) && !firstTables.includes(name)) return []
    const needed = name === 'knowledge_units' ? firstColumns : Object.keys(columns)
    return missingColumns(database, name, needed)
  })
}

/**
 * Whether a file is what a cq SDK keeps on the machine of an agent, under the same names: it has an index
 * of full texts, which no server makes, or, in other releases, binary documents under row ids.
 */
export function isLocalStore(database: MigrationDatabase): boolean {
  if (tableNames(database).has('knowledge_units_fts')) return true
  const columns = database.all<{ name: string; type: string }>(
    "SELECT name, type FROM pragma_table_info('knowledge_units')",
  )
  return columns.some(({ name, type }) => name === 'rowid' || type.toUpperCase() === 'JSONB')
}

function missingColumns(
  database: MigrationDatabase,
  table: string,
  needed: readonly string[],
): string[] {
  const there = columnNames(database, table)
  if (there.size === 0) return [table]
  return needed.filter((name) => !there.has(name)).map((name) => `${table}.${name}`)
}

export function columnNames(database: MigrationDatabase, table: string): Set<string> {
  const rows = database.all<{ name: string }>('SELECT name FROM pragma_table_info(?)', table)
  return new Set(rows.map(({ name }) => name))
}

function createTable(name: string, { columns, constraints }: Table): string {
  const definitions = Object.entries(columns).map(([column, type]) => `${column} ${type}`)
  return `CREATE TABLE ${name} (\n  ${[...definitions, ...constraints].join(',\n  ')}\n)`
}

function addLaterColumns(database: MigrationDatabase): void {
  const there = columnNames(database, 'knowledge_units')
  for (const [name, type] of Object.entries(tables.knowledge_units?.columns ?? {}))
    if (!there.has(name)) database.run(`ALTER TABLE knowledge_units ADD COLUMN ${name} ${type}`)
}

/**
 * In this language and not in SQL, since documents spell timestamps in more than one way. Where a
 * document tells no time, `created_at` stays null: one odd unit keeps no file from opening, and a time
 * that is made up would be taken for true.
 */
function fillCreatedAt(database: MigrationDatabase): void {
  const rows = database.all<{ id: string; first_observed: unknown }>(
    `SELECT id, json_extract(data, '$.evidence.first_observed') AS first_observed
     FROM knowledge_units WHERE created_at IS NULL AND json_valid(data)`,
  )
  for (const { id, first_observed } of rows) {
    const createdAt = typeof first_observed === 'string' ? toColumn(first_observed) : undefined
    if (createdAt !== undefined)
      database.run('UPDATE knowledge_units SET created_at = ? WHERE id = ?', createdAt, id)
  }
}
