import { type DerivedTable, fill } from './derived-table.ts'
import type { Migration } from './migration.ts'
import { confidence, hasApproved, isApproved, isReadable } from './unit-fields.ts'

/** How many domains a unit has, by its document. */
const size = (unit: string) => `coalesce(json_array_length(${unit}.data, '$.domains'), 0)`
/** Whether a unit is ranked. */
const isRanked = (unit: string) => `(${isApproved(unit)} AND ${isReadable(unit)})`

/**
 * What queries rank by, in the order in which they read it, so that they read no unit that they don't
 * return: a row for each domain of each approved unit.
 */
export const ranking: DerivedTable = {
  name: 'cq_store_ranking',
  columns: ['domain', 'size', 'confidence', 'unit_id'],
  // In the table's order, so that filling it appends.
  definition: `SELECT d.domain, ${size('u')} AS size, ${confidence('u')} AS confidence, u.id AS unit_id
    FROM knowledge_units AS u JOIN knowledge_unit_domains AS d ON d.unit_id = u.id
    WHERE ${isRanked('u')} ORDER BY 1, 2, 3, 4`,
}

/** Adds the rows of a unit, one for each of its domains. */
const addUnit = (unit: string) => `
  INSERT OR IGNORE INTO cq_store_ranking (domain, size, confidence, unit_id)
  SELECT domain, ${size(unit)}, ${confidence(unit)}, unit_id
  FROM knowledge_unit_domains WHERE unit_id = ${unit}.id AND ${isRanked(unit)};`

/** Takes out the rows of a unit. */
const removeUnit = (unit: string) => `
  DELETE FROM cq_store_ranking WHERE (domain, size, confidence, unit_id) IN (
    SELECT domain, ${size(unit)}, ${confidence(unit)}, unit_id
    FROM knowledge_unit_domains WHERE unit_id = ${unit}.id AND ${isRanked(unit)});`

/** Adds the row of one domain of a unit, by a row of knowledge_unit_domains. */
const addDomain = (row: string) => `
  INSERT OR IGNORE INTO cq_store_ranking (domain, size, confidence, unit_id)
  SELECT ${row}.domain, ${size('u')}, ${confidence('u')}, u.id
  FROM knowledge_units AS u WHERE u.id = ${row}.unit_id AND ${isRanked('u')};`

/** Takes out the row of one domain of a unit. */
const removeDomain = (row: string) => `
  DELETE FROM cq_store_ranking WHERE (domain, size, confidence, unit_id) IN (
    SELECT ${row}.domain, ${size('u')}, ${confidence('u')}, u.id
    FROM knowledge_units AS u WHERE u.id = ${row}.unit_id AND ${isRanked('u')});`

/** Makes the ranking, and triggers that keep it true whoever writes, the reference server included. */
export const rankingIndex: Migration = {
  name: '2026-11-22 ranking index',
  up(database) {
    database.run(`CREATE TABLE cq_store_ranking (
      domain TEXT NOT NULL,
      size INTEGER NOT NULL,
      confidence REAL NOT NULL,
      unit_id TEXT NOT NULL,
      PRIMARY KEY (domain, size, confidence, unit_id)
    ) WITHOUT ROWID`)
    database.run(fill(ranking))
    const trigger = (event: string, body: string) =>
      database.run(`CREATE TRIGGER ${event} BEGIN ${body} END`)
    trigger('cq_store_rank_added_unit AFTER INSERT ON knowledge_units', addUnit('new'))
    trigger(
      `cq_store_rank_changed_unit AFTER UPDATE OF data, status ON knowledge_units
       WHEN ${isApproved('old')} OR ${isApproved('new')}`,
      removeUnit('old') + addUnit('new'),
    )
    // Before, since the domain rows that say what to take out go with the unit.
    trigger(
      `cq_store_rank_removed_unit BEFORE DELETE ON knowledge_units WHEN ${isApproved('old')}`,
      removeUnit('old'),
    )
    trigger(
      `cq_store_rank_added_domain AFTER INSERT ON knowledge_unit_domains WHEN ${hasApproved('new')}`,
      addDomain('new'),
    )
    trigger(
      'cq_store_rank_changed_domain AFTER UPDATE ON knowledge_unit_domains',
      removeDomain('old') + addDomain('new'),
    )
    trigger(
      `cq_store_rank_removed_domain AFTER DELETE ON knowledge_unit_domains WHEN ${hasApproved('old')}`,
      removeDomain('old'),
    )
  },
}
