import { mostCombined, mostPaired, mostTripled } from '../schema.ts'
import { type DerivedTable, fill } from './derived-table.ts'
import type { Migration } from './migration.ts'
import { confidence, hasApproved, isApproved, isReadable } from './unit-fields.ts'

/** How many domains a unit has, by its document. */
const size = (unit: string) => `coalesce(json_array_length(${unit}.data, '$.domains'), 0)`
/** Whether a unit is ranked. */
const isRanked = (unit: string) => `(${isApproved(unit)} AND ${isReadable(unit)})`

/**
 * The texts in a part of a context, and null for none of them. Whatever a document has in its place is
 * none, and must not make another program's write fail.
 */
const textsOf = (unit: string, part: 'frameworks' | 'languages') => `
  CASE json_type(${unit}.data, '$.context.${part}')
    WHEN 'array' THEN json_insert(${unit}.data -> '$.context.${part}', '$[#]', NULL)
    ELSE '[null]' END`
const patternOf = (unit: string) => `
  json_array(CASE json_type(${unit}.data, '$.context.pattern')
    WHEN 'text' THEN nullif(${unit}.data ->> '$.context.pattern', '') END, NULL)`

/** How many pairs there are of a framework and a language, whatever they are. */
const combinations = (unit: string) => `
  json_array_length(${unit}.data, '$.context.frameworks')
    * json_array_length(${unit}.data, '$.context.languages')`

/** A part of the name of the list that units with a text are in, which tells where it ends. */
const nameOf = (part: string, text: string) =>
  `coalesce('${part}:' || length(CAST(${text} AS BLOB)) || ':' || ${text}, '')`

/**
 * The same for a pattern. Patterns compare in lower case, of which SQLite knows ASCII's only: all others
 * are in one list, and their documents tell which ones they are.
 */
const nameOfPattern = (text: string) => `CASE
  WHEN length(${text}) < length(CAST(${text} AS BLOB)) THEN 'pattern?'
  ELSE ${nameOf('pattern', `lower(${text})`)} END`

/** What the ranking takes from a unit; LIMIT, lest its document be read for each row that follows. */
const rankedUnit = (unit: string, from = '') => `(
  SELECT ${unit}.id AS id, ${size(unit)} AS size, ${confidence(unit)} AS confidence,
    ${textsOf(unit, 'frameworks')} AS frameworks, ${textsOf(unit, 'languages')} AS languages,
    ${patternOf(unit)} AS pattern, ${combinations(unit)} AS combinations
  ${from} WHERE ${isRanked(unit)} LIMIT -1)`

/** Each choice of a framework or none, a language or none, and a pattern or none, and its list. */
const choices = `
  CROSS JOIN json_each(u.frameworks) AS framework ON framework.type IN ('text', 'null')
  CROSS JOIN json_each(CASE WHEN framework.type = 'null' OR u.combinations <= ${mostCombined}
    THEN u.languages ELSE '[null]' END) AS language ON language.type IN ('text', 'null')
  CROSS JOIN json_each(u.pattern) AS pattern`
const nameOfChoice = [
  nameOf('frameworks', 'framework.value'),
  nameOf('languages', 'language.value'),
  nameOfPattern('pattern.value'),
].join(' || ')

/**
 * The rows of some units in the ranking, all of them or those that have to do with one domain: `only`
 * says which, by the domains that a row is for.
 */
const rowsOf = (units: string, domains: string, only: (...rowsDomains: string[]) => string) => {
  const row = (domain: string, also: string) =>
    `${domain} AS domain, ${also} AS also, u.size, u.confidence, u.id AS unit_id FROM ${units} AS u`
  const one = `CROSS JOIN ${domains} AS d ON d.unit_id = u.id`
  const two = `${one} CROSS JOIN ${domains} AS e ON e.unit_id = u.id AND e.domain > d.domain`
  const three = `${two} CROSS JOIN ${domains} AS f ON f.unit_id = u.id AND f.domain > e.domain`
  return `
    SELECT DISTINCT ${row('d.domain', nameOfChoice)} ${choices} ${one} WHERE ${only('d.domain')}
    UNION ALL
    SELECT ${row('d.domain', "'domain:' || e.domain")} ${two}
    WHERE u.size <= ${mostPaired} AND ${only('d.domain', 'e.domain')}
    UNION ALL
    SELECT ${row('d.domain', "'domains:' || length(e.domain) || ':' || e.domain || f.domain")} ${three}
    WHERE u.size <= ${mostTripled} AND ${only('d.domain', 'e.domain', 'f.domain')}
    UNION ALL
    SELECT ${row('d.domain', "'frameworks+languages?'")} ${one}
    WHERE u.combinations > ${mostCombined} AND ${only('d.domain')}`
}

const columns = ['domain', 'also', 'size', 'confidence', 'unit_id'] as const

/**
 * What queries rank by, in the order in which they read it, so that they read no unit that they don't
 * return: lists of approved units, see `Schema`.
 */
export const ranking: DerivedTable = {
  name: 'cq_store_ranking',
  columns,
  // In the table's order, so that filling it appends.
  definition: `${rowsOf(
    rankedUnit('unit', 'FROM knowledge_units AS unit'),
    'knowledge_unit_domains',
    () => 'true',
  )} ORDER BY 1, 2, 3, 4, 5`,
}

/** Where a trigger finds a unit and which of its rows it is about. */
interface Concerned {
  readonly unit: string
  readonly rows: string
}

/** All rows of a unit, by a row of knowledge_units. */
const ofUnit = (row: string): Concerned => {
  const unit = rankedUnit(row)
  return { unit, rows: rowsOf(unit, 'knowledge_unit_domains', () => 'true') }
}

/** The rows that a unit has or had for one of its domains, by a row of knowledge_unit_domains. */
const ofDomain = (row: string): Concerned => {
  const stored = `FROM (SELECT * FROM knowledge_units WHERE id = ${row}.unit_id) AS unit`
  const unit = rankedUnit('unit', stored)
  const domains = `(SELECT unit_id, domain FROM knowledge_unit_domains
    WHERE unit_id = ${row}.unit_id UNION SELECT ${row}.unit_id, ${row}.domain)`
  const only = (...domains: string[]) => `${row}.domain IN (${domains.join(', ')})`
  return { unit, rows: rowsOf(unit, domains, only) }
}

const add = ({ rows }: Concerned) => `
  INSERT OR IGNORE INTO cq_store_ranking (${columns.join(', ')}) ${rows};`
// Each row by its whole key, whatever SQLite takes the lists' lengths for: hence what all rows have in
// common by itself, and the compound query inside another one.
const remove = ({ unit, rows }: Concerned) => `
  DELETE FROM cq_store_ranking
  WHERE (domain, also) IN (SELECT domain, also FROM (${rows}))
    AND (size, confidence, unit_id) = (SELECT u.size, u.confidence, u.id FROM ${unit} AS u);`

const triggers = {
  cq_store_rank_added_unit: `AFTER INSERT ON knowledge_units WHEN ${isApproved('new')}
    BEGIN ${add(ofUnit('new'))} END`,
  cq_store_rank_changed_unit: `AFTER UPDATE OF data, status ON knowledge_units
    WHEN ${isApproved('old')} OR ${isApproved('new')}
    BEGIN ${remove(ofUnit('old'))} ${add(ofUnit('new'))} END`,
  // Before, since the domain rows that say what to take out go with the unit.
  cq_store_rank_removed_unit: `BEFORE DELETE ON knowledge_units WHEN ${isApproved('old')}
    BEGIN ${remove(ofUnit('old'))} END`,
  cq_store_rank_added_domain: `AFTER INSERT ON knowledge_unit_domains
    WHEN ${hasApproved('new')} BEGIN ${add(ofDomain('new'))} END`,
  cq_store_rank_changed_domain: `AFTER UPDATE ON knowledge_unit_domains
    BEGIN ${remove(ofDomain('old'))} ${add(ofDomain('new'))} END`,
  cq_store_rank_removed_domain: `AFTER DELETE ON knowledge_unit_domains
    WHEN ${hasApproved('old')} BEGIN ${remove(ofDomain('old'))} END`,
}

/**
 * Makes the ranking, and triggers that keep it true whoever writes, the reference server included. A
 * file may have a ranking of fewer lists, of the step that this one replaced.
 */
export const rankingIndex: Migration = {
  name: '2026-11-22 ranking by context',
  up(database) {
    for (const name of Object.keys(triggers)) database.run(`DROP TRIGGER IF EXISTS ${name}`)
    database.run('DROP TABLE IF EXISTS cq_store_ranking')
    database.run(`CREATE TABLE cq_store_ranking (
      domain TEXT NOT NULL,
      also TEXT NOT NULL,
      size INTEGER NOT NULL,
      confidence REAL NOT NULL,
      unit_id TEXT NOT NULL,
      PRIMARY KEY (domain, also, size, confidence, unit_id)
    ) WITHOUT ROWID`)
    database.run(fill(ranking))
    for (const [name, body] of Object.entries(triggers))
      database.run(`CREATE TRIGGER ${name} ${body}`)
  },
}
