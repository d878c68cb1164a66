import type { KnowledgeStats, KnowledgeUnit } from '../../src/index.ts'
import { toStoredText } from '../../src/knowledge/document.ts'
import { confirmedConfidence, rank } from '../../src/knowledge/scoring.ts'
import {
  columnTimestamp,
  documentTimestamp,
  documentToColumn,
} from '../../src/knowledge/timestamps.ts'
import type { Durability } from '../contender.ts'
import type { Query } from '../corpus.ts'

/** What one writes by hand around a driver, over the tables of the reference server, and as it does it. */

/** The settings of a connection. */
export function pragmas(durability: Durability): string[] {
  return [
    'journal_mode = WAL',
    `synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`,
    'foreign_keys = ON',
    'busy_timeout = 5000',
  ]
}

export const selectApproved =
  "SELECT data FROM knowledge_units WHERE id = ? AND status = 'approved'"
/** Of every unit that may be found, by a JSON array of domains. */
export const selectCandidates = `SELECT data FROM knowledge_units WHERE status = 'approved' AND id IN
  (SELECT unit_id FROM knowledge_unit_domains WHERE domain IN (SELECT value FROM json_each(?)))`
export const insertUnit =
  'INSERT INTO knowledge_units (id, data, tier, created_at) VALUES (?, ?, ?, ?)'
export const insertDomain = 'INSERT INTO knowledge_unit_domains (unit_id, domain) VALUES (?, ?)'
/** By a JSON array. */
export const insertDomains =
  'INSERT INTO knowledge_unit_domains (unit_id, domain) SELECT ?, value FROM json_each(?)'
export const updateDocument = 'UPDATE knowledge_units SET data = ? WHERE id = ?'
/** Where another one has changed it since it was read, nothing is updated. */
export const updateUnchanged = 'UPDATE knowledge_units SET data = ? WHERE id = ? AND data = ?'
/** Of a pending unit. */
export const decide = `UPDATE knowledge_units SET status = 'approved', reviewed_by = 'bench', reviewed_at = ?
  WHERE id = ? AND status = 'pending'`

export const countUnits = 'SELECT count(*) AS count FROM knowledge_units'
export const countByTier =
  "SELECT tier AS name, count(*) AS count FROM knowledge_units WHERE status = 'approved' GROUP BY tier"
export const countByDomain = `SELECT d.domain AS name, count(*) AS count
  FROM knowledge_unit_domains AS d JOIN knowledge_units AS u ON u.id = d.unit_id
  WHERE u.status = 'approved' GROUP BY d.domain ORDER BY count DESC, name`
const confidence = "json_extract(data, '$.evidence.confidence')"
export const countByConfidence = `SELECT CASE WHEN confidence < 0.3 THEN '0.0-0.3'
  WHEN confidence < 0.5 THEN '0.3-0.5' WHEN confidence < 0.7 THEN '0.5-0.7' ELSE '0.7-1.0' END AS name,
  count(*) AS count
  FROM (SELECT ${confidence} AS confidence FROM knowledge_units WHERE status = 'approved') GROUP BY 1`

export interface DataRow {
  readonly data: string
}
export interface CountRow {
  readonly name: string
  readonly count: number
}

/** The values of `insertUnit`. */
export function unitValues(unit: KnowledgeUnit): [string, string, string, string] {
  return [unit.id, toStoredText(unit), unit.tier, documentToColumn(unit.evidence.first_observed)]
}

export function unitOf(row: DataRow | undefined): KnowledgeUnit | null {
  return row === undefined ? null : unitIn(row.data)
}

/** The unit in a document that this bench stored, which leaves null fields out. */
export function unitIn(document: string): KnowledgeUnit {
  return { created_by: null, superseded_by: null, extensions: null, ...JSON.parse(document) }
}

/** Parses every candidate, scores it, and keeps the best. */
export function bestOf(rows: readonly DataRow[], query: Query): KnowledgeUnit[] {
  return rows
    .map(({ data }) => {
      const unit = unitIn(data)
      return { unit, rank: rank(unit, query) }
    })
    .sort((a, b) => b.rank - a.rank || (a.unit.id < b.unit.id ? 1 : -1))
    .slice(0, query.limit)
    .map(({ unit }) => unit)
}

/** The unit with one more confirmation. */
export function confirmed(unit: KnowledgeUnit | null): KnowledgeUnit {
  if (!unit) throw new Error('there is no such unit')
  const { confidence, confirmations, ...rest } = unit.evidence
  return {
    ...unit,
    evidence: {
      ...rest,
      confidence: confirmedConfidence(confidence),
      confirmations: confirmations + 1,
      last_confirmed: documentTimestamp(new Date()),
    },
  }
}

/** The values of `decide`. */
export function decisionValues(id: string): [string, string] {
  return [columnTimestamp(new Date()), id]
}

/** @throws where `decide` changed nothing */
export function requireDecided(changes: number | bigint): void {
  if (Number(changes) !== 1) throw new Error('there is no such pending unit')
}

export function toStats(
  total: number,
  byTier: readonly CountRow[],
  byDomain: readonly CountRow[],
  byConfidence: readonly CountRow[],
): KnowledgeStats {
  const record = (rows: readonly CountRow[]) =>
    Object.fromEntries(rows.map(({ name, count }) => [name, count]))
  return {
    total_count: total,
    tier_counts: record(byTier),
    domain_counts: record(byDomain),
    confidence_distribution: {
      ...{ '0.0-0.3': 0, '0.3-0.5': 0, '0.5-0.7': 0, '0.7-1.0': 0 },
      ...record(byConfidence),
    },
  }
}
