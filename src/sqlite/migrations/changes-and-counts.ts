import type { DerivedTable } from './derived-table.ts'
import type { Migration, MigrationDatabase } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/** Changes that are kept: whoever follows them and misses some reads all units anew. */
const keptChanges = 100_000

/**
 * Notes that something changed of a unit that queries may find, or might before. Nothing of its document is
 * read, so that no odd one makes another program's write fail.
 */
const note = (unit: string) => `
  INSERT INTO cq_store_changes (unit_id) VALUES (${unit}.id);
  DELETE FROM cq_store_changes WHERE change = last_insert_rowid() - ${keptChanges};`

/** What is counted of units: which, of what kind, and under which name. */
interface Counter {
  readonly applies: (unit: string) => string
  readonly kind: (unit: string) => string
  readonly name: (unit: string) => string
}

const ofStatus: Counter = {
  applies: (unit) => `${unit}.status IS NOT NULL`,
  kind: () => `'status'`,
  name: (unit) => `${unit}.status`,
}
const proposed: Counter = {
  applies: (unit) => `${unit}.created_at IS NOT NULL`,
  kind: () => `'proposed'`,
  name: (unit) => `substr(${unit}.created_at, 1, 10)`,
}
const reviewed: Counter = {
  applies: (unit) =>
    `${unit}.reviewed_at IS NOT NULL AND ${unit}.status IN ('approved', 'rejected')`,
  kind: (unit) => `${unit}.status`,
  name: (unit) => `substr(${unit}.reviewed_at, 1, 10)`,
}
const counters = [ofStatus, proposed, reviewed]

const add = (unit: string, { applies, kind, name }: Counter) => `
  INSERT INTO cq_store_counts (kind, name, count)
  SELECT ${kind(unit)}, ${name(unit)}, 1 WHERE ${applies(unit)}
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;`

const subtract = (unit: string, { applies, kind, name }: Counter) => `
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = ${kind(unit)} AND name = ${name(unit)} AND ${applies(unit)};`

/** How many units there are of each status, and how many were proposed, approved and rejected on each day. */
export const counts: DerivedTable = {
  name: 'cq_store_counts',
  columns: ['kind', 'name', 'count'],
  definition: counters
    .map(
      ({ applies, kind, name }) =>
        `SELECT ${kind('u')} AS kind, ${name('u')} AS name, count(*) AS count
         FROM knowledge_units AS u WHERE ${applies('u')} GROUP BY 1, 2`,
    )
    .join(' UNION ALL '),
  holds: 'count <> 0',
  get fill() {
    return [
      'DELETE FROM cq_store_counts',
      `INSERT INTO cq_store_counts (kind, name, count) ${this.definition}`,
    ]
  },
}

const tables = [
  `CREATE TABLE cq_store_changes (
  change INTEGER PRIMARY KEY,
  unit_id TEXT
)`,
  `CREATE TABLE cq_store_counts (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID`,
]

const indexes = [
  'CREATE INDEX idx_cq_store_created ON knowledge_units (created_at, id)',
  // Approved units are most of all, and those that no index need be kept for when they are approved.
  `CREATE INDEX idx_cq_store_review ON knowledge_units (status, created_at, id) WHERE status <> 'approved'`,
  `CREATE INDEX idx_cq_store_reviewed ON knowledge_units (reviewed_at, id) WHERE reviewed_at IS NOT NULL`,
  `CREATE INDEX idx_cq_store_undated ON knowledge_units (created_at, id) WHERE reviewed_at IS NULL AND status <> 'pending'`,
]

const triggers = {
  note_added: `AFTER INSERT ON knowledge_units WHEN new.status = 'approved'
BEGIN${note('new')}
END`,
  // REPLACE fires no trigger for what it replaces.
  note_replaced: `BEFORE INSERT ON knowledge_units
WHEN EXISTS (SELECT 1 FROM knowledge_units WHERE id = new.id AND status = 'approved')
BEGIN${note('new')}
END`,
  note_changed: `AFTER UPDATE OF data, status ON knowledge_units
WHEN old.status = 'approved' OR new.status = 'approved'
BEGIN${note('new')}
END`,
  note_renamed: `AFTER UPDATE OF id ON knowledge_units WHEN old.id IS NOT new.id
BEGIN${note('old')}${note('new')}
END`,
  note_removed: `AFTER DELETE ON knowledge_units WHEN old.status = 'approved'
BEGIN${note('old')}
END`,
  count_added: `AFTER INSERT ON knowledge_units
BEGIN${add('new', ofStatus)}${add('new', proposed)}
END`,
  count_added_reviewed: `AFTER INSERT ON knowledge_units WHEN ${reviewed.applies('new')}
BEGIN${add('new', reviewed)}
END`,
  count_status: `AFTER UPDATE OF status ON knowledge_units WHEN old.status IS NOT new.status
BEGIN${subtract('old', ofStatus)}${add('new', ofStatus)}
END`,
  count_proposed: `AFTER UPDATE OF created_at ON knowledge_units
WHEN old.created_at IS NOT new.created_at
BEGIN${subtract('old', proposed)}${add('new', proposed)}
END`,
  // Apart, since what is decided for the first time has none before.
  count_reviewed_before: `AFTER UPDATE OF status, reviewed_at ON knowledge_units
WHEN ${reviewed.applies('old')}
BEGIN${subtract('old', reviewed)}
END`,
  count_reviewed_now: `AFTER UPDATE OF status, reviewed_at ON knowledge_units
WHEN ${reviewed.applies('new')}
BEGIN${add('new', reviewed)}
END`,
  count_removed: `AFTER DELETE ON knowledge_units
BEGIN${counters.map((counter) => subtract('old', counter)).join('')}
END`,
}

/** Makes what is ours in a file anew: what queries, listings and statistics need beside the units. */
export const changesAndCounts: Migration = {
  name: '2026-11-26 changes and counts',
  up(database) {
    dropFormer(database)
    for (const table of tables) database.run(table)
    for (const sql of counts.fill) database.run(sql)
    for (const index of indexes) database.run(index)
    for (const [name, trigger] of Object.entries(triggers))
      database.run(`CREATE TRIGGER cq_store_${name} ${trigger}`)
  },
}

/** Drops what earlier versions kept instead: a dozen rows a unit, by triggers, and more indexes. */
function dropFormer(database: MigrationDatabase): void {
  const former = database.all<{ type: string; name: string }>(
    `SELECT type, name FROM sqlite_schema
     WHERE type IN ('trigger', 'index') AND sql IS NOT NULL
         AND (name GLOB 'cq_store_*' OR name GLOB 'idx_cq_store_*')
       OR type = 'table' AND name IN ('cq_store_ranking', 'cq_store_counts',
         'cq_store_confidence_counts', 'cq_store_confidence_buckets')
     ORDER BY type = 'table'`,
  )
  for (const { type, name } of former) database.run(`DROP ${type} "${name.replaceAll('"', '""')}"`)
}
