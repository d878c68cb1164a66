import type { Send } from './migration.ts'

/** The revision of the reference server's schema that this is. It is the only one there is. */
export const referenceRevision = '0001'

/** Where a database holds its revision. */
export const stampTable = 'alembic_version'

/** The reference server's tables, to the letter: each of its names may be relied upon. */
const tables: Readonly<Record<string, string>> = {
  [stampTable]: `CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))`,
  knowledge_units: `CREATE TABLE knowledge_units (id TEXT NOT NULL, data TEXT NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL, reviewed_by TEXT, reviewed_at TEXT, created_at TEXT,
    tier TEXT DEFAULT 'private' NOT NULL, PRIMARY KEY (id))`,
  knowledge_unit_domains: `CREATE TABLE knowledge_unit_domains (unit_id TEXT NOT NULL, domain TEXT NOT NULL,
    PRIMARY KEY (unit_id, domain), FOREIGN KEY(unit_id) REFERENCES knowledge_units (id) ON DELETE CASCADE)`,
  users: `CREATE TABLE users (id SERIAL NOT NULL, username TEXT NOT NULL, password_hash TEXT NOT NULL,
    created_at TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (username))`,
  api_keys: `CREATE TABLE api_keys (id TEXT NOT NULL, user_id INTEGER NOT NULL, name TEXT NOT NULL,
    labels TEXT DEFAULT '[]' NOT NULL, key_prefix TEXT NOT NULL, key_hash TEXT NOT NULL, ttl TEXT NOT NULL,
    expires_at TEXT NOT NULL, created_at TEXT NOT NULL, last_used_at TEXT, revoked_at TEXT, PRIMARY KEY (id),
    UNIQUE (key_hash), FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE)`,
}

/** Its indexes: each is made if there is none of its name. */
export const indexes: readonly string[] = [
  'CREATE INDEX IF NOT EXISTS idx_domains_domain ON knowledge_unit_domains (domain)',
  'CREATE INDEX IF NOT EXISTS idx_api_keys_user ON api_keys (user_id)',
]

/** The columns that each table must have. */
export const neededColumns: Readonly<Record<string, readonly string[]>> = {
  knowledge_units: ['id', 'data', 'status', 'reviewed_by', 'reviewed_at', 'created_at', 'tier'],
  knowledge_unit_domains: ['unit_id', 'domain'],
  users: ['id', 'username', 'password_hash', 'created_at'],
  api_keys: [
    'id',
    'user_id',
    'name',
    'labels',
    'key_prefix',
    'key_hash',
    'ttl',
    'expires_at',
    'created_at',
    'last_used_at',
    'revoked_at',
  ],
}

/** Makes what a database lacks of the reference schema, of an empty one all of it, and stamps it. */
export async function completeReferenceSchema(
  send: Send,
  there: ReadonlySet<string>,
): Promise<void> {
  for (const [name, sql] of Object.entries(tables)) if (!there.has(name)) await send(sql)
  for (const sql of indexes) await send(sql)
  await send(`INSERT INTO ${stampTable} (version_num) VALUES ($1)`, [referenceRevision])
}
