import { type DerivedTable, fill } from './derived-table.ts'
import type { Migration } from './migration.ts'
import { confidence, hasApproved, isApproved, isReadable } from './unit-fields.ts'

/** Whether a unit's confidence is counted. */
const isRated = (unit: string) => `(${isApproved(unit)} AND ${isReadable(unit)})`
const dayOf = (timestamp: string) => `substr(${timestamp}, 1, 10)`

/** What is counted of each unit, one of a kind: under which name, and of which units. */
interface Counter {
  readonly kind: string
  name(unit: string): string
  applies(unit: string): string
  /** Whether a change of a unit's row may change its part in the count. */
  readonly changes: string
}

const unitCounters: readonly Counter[] = [
  {
    kind: 'status',
    name: (unit) => `${unit}.status`,
    applies: () => 'true',
    changes: 'old.status IS NOT new.status',
  },
  {
    kind: 'tier',
    name: (unit) => `${unit}.tier`,
    applies: isApproved,
    changes: 'old.status IS NOT new.status OR old.tier IS NOT new.tier',
  },
  {
    kind: 'proposed',
    name: (unit) => dayOf(`${unit}.created_at`),
    applies: (unit) => `${unit}.created_at IS NOT NULL`,
    changes: 'old.created_at IS NOT new.created_at',
  },
  ...['approved', 'rejected'].map((status) => ({
    kind: status,
    name: (unit: string) => dayOf(`${unit}.reviewed_at`),
    applies: (unit: string) => `${unit}.status = '${status}' AND ${unit}.reviewed_at IS NOT NULL`,
    changes: 'old.status IS NOT new.status OR old.reviewed_at IS NOT new.reviewed_at',
  })),
]

/** How many units there are of each status, approved ones of each tier and domain, and events of each day. */
export const counts: DerivedTable = {
  name: 'cq_store_counts',
  columns: ['kind', 'name', 'count'],
  definition: [
    ...unitCounters.map(
      ({ kind, name, applies }) =>
        `SELECT '${kind}' AS kind, ${name('u')} AS name, count(*) AS count
         FROM knowledge_units AS u WHERE ${applies('u')} GROUP BY 2`,
    ),
    `SELECT 'domain', d.domain, count(*)
     FROM knowledge_unit_domains AS d JOIN knowledge_units AS u ON u.id = d.unit_id
     WHERE ${isApproved('u')} GROUP BY 2`,
  ].join(' UNION ALL '),
}

/** How many approved units there are of each confidence. */
export const confidenceCounts: DerivedTable = {
  name: 'cq_store_confidence_counts',
  columns: ['confidence', 'count'],
  definition: `SELECT ${confidence('u')} AS confidence, count(*) AS count
    FROM knowledge_units AS u WHERE ${isRated('u')} GROUP BY 1`,
}

const add = (kind: string, name: string, where: string) => `
  INSERT INTO cq_store_counts (kind, name, count) SELECT '${kind}', ${name}, 1 WHERE ${where}
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;`

const remove = (kind: string, name: string, where: string) => `
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = '${kind}' AND name = ${name} AND ${where};`

const addConfidence = (unit: string) => `
  INSERT INTO cq_store_confidence_counts (confidence, count)
  SELECT ${confidence(unit)}, 1 WHERE ${isRated(unit)}
  ON CONFLICT (confidence) DO UPDATE SET count = count + 1;`

const removeConfidence = (unit: string) => `
  UPDATE cq_store_confidence_counts SET count = count - 1
  WHERE confidence IN (SELECT ${confidence(unit)} WHERE ${isRated(unit)});`

const addDomains = (unit: string) => `
  INSERT INTO cq_store_counts (kind, name, count)
  SELECT 'domain', domain, 1 FROM knowledge_unit_domains
  WHERE unit_id = ${unit}.id AND ${isApproved(unit)}
  ON CONFLICT (kind, name) DO UPDATE SET count = count + 1;`

const removeDomains = (unit: string) => `
  UPDATE cq_store_counts SET count = count - 1
  WHERE kind = 'domain' AND ${isApproved(unit)}
    AND name IN (SELECT domain FROM knowledge_unit_domains WHERE unit_id = ${unit}.id);`

/**
 * Counters of what statistics tell, so that they cost the same in a store of any size, and triggers
 * that keep them true whoever writes, the reference server included.
 */
export const counters: Migration = {
  name: '2026-11-22 counters',
  up(database) {
    database.run(`CREATE TABLE cq_store_counts (
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      count INTEGER NOT NULL,
      PRIMARY KEY (kind, name)
    ) WITHOUT ROWID`)
    database.run(`CREATE TABLE cq_store_confidence_counts (
      confidence REAL PRIMARY KEY NOT NULL,
      count INTEGER NOT NULL
    ) WITHOUT ROWID`)
    database.run(fill(counts))
    database.run(fill(confidenceCounts))
    const trigger = (event: string, body: string) =>
      database.run(`CREATE TRIGGER cq_store_count_${event} BEGIN ${body} END`)
    trigger(
      'added_unit AFTER INSERT ON knowledge_units',
      unitCounters
        .map(({ kind, name, applies }) => add(kind, name('new'), applies('new')))
        .join('') +
        addDomains('new') +
        addConfidence('new'),
    )
    // Before, since the domain rows that say what to take out go with the unit.
    trigger(
      'removed_unit BEFORE DELETE ON knowledge_units',
      unitCounters
        .map(({ kind, name, applies }) => remove(kind, name('old'), applies('old')))
        .join('') +
        removeDomains('old') +
        removeConfidence('old'),
    )
    for (const { kind, name, applies, changes } of unitCounters)
      trigger(
        `changed_${kind} AFTER UPDATE ON knowledge_units WHEN ${changes}`,
        remove(kind, name('old'), applies('old')) + add(kind, name('new'), applies('new')),
      )
    trigger(
      `changed_domains AFTER UPDATE OF status ON knowledge_units
       WHEN (${isApproved('old')}) IS NOT (${isApproved('new')})`,
      removeDomains('old') + addDomains('new'),
    )
    trigger(
      `changed_confidence AFTER UPDATE OF data, status ON knowledge_units
       WHEN ${isApproved('old')} OR ${isApproved('new')}`,
      removeConfidence('old') + addConfidence('new'),
    )
    trigger(
      `added_domain AFTER INSERT ON knowledge_unit_domains WHEN ${hasApproved('new')}`,
      add('domain', 'new.domain', 'true'),
    )
    trigger(
      'changed_domain AFTER UPDATE ON knowledge_unit_domains',
      remove('domain', 'old.domain', hasApproved('old')) +
        add('domain', 'new.domain', hasApproved('new')),
    )
    trigger(
      `removed_domain AFTER DELETE ON knowledge_unit_domains WHEN ${hasApproved('old')}`,
      remove('domain', 'old.domain', 'true'),
    )
  },
}
