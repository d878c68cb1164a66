import Sqlite from 'better-sqlite3'
import type { KnowledgeUnit } from '../../src/index.ts'
import { fromStoredText, toStoredText } from '../../src/knowledge/document.ts'
import { rank } from '../../src/knowledge/scoring.ts'
import { documentToColumn } from '../../src/knowledge/timestamps.ts'
import type { Contender, ContenderOptions } from '../contender.ts'

interface DataRow {
  readonly data: string
}

/** better-sqlite3 as its documentation advises, on the thread that calls. */
export function open({ path }: Pick<ContenderOptions, 'path'>): DirectContender {
  return new DirectContender(path, false)
}

export class DirectContender implements Contender {
  readonly #sqlite: Sqlite.Database
  readonly #selectApproved: Sqlite.Statement<[id: string], DataRow>
  readonly #selectCandidates: Sqlite.Statement<[domains: string], DataRow>
  readonly #insertUnit: Sqlite.Statement<[string, string, string, string]>
  readonly #insertDomain: Sqlite.Statement<[string, string]>
  readonly #insert: (unit: KnowledgeUnit) => void

  constructor(path: string, readonly: boolean) {
    this.#sqlite = new Sqlite(path, { readonly })
    if (!readonly) this.#sqlite.pragma('journal_mode = WAL')
    this.#sqlite.pragma('synchronous = NORMAL')
    this.#sqlite.pragma('foreign_keys = ON')
    this.#selectApproved = this.#sqlite.prepare(
      "SELECT data FROM knowledge_units WHERE id = ? AND status = 'approved'",
    )
    this.#selectCandidates = this.#sqlite.prepare(
      `SELECT data FROM knowledge_units WHERE status = 'approved' AND id IN
        (SELECT unit_id FROM knowledge_unit_domains WHERE domain IN (SELECT value FROM json_each(?)))`,
    )
    this.#insertUnit = this.#sqlite.prepare(
      'INSERT INTO knowledge_units (id, data, tier, created_at) VALUES (?, ?, ?, ?)',
    )
    this.#insertDomain = this.#sqlite.prepare(
      'INSERT INTO knowledge_unit_domains (unit_id, domain) VALUES (?, ?)',
    )
    this.#insert = this.#sqlite.transaction((unit: KnowledgeUnit) => {
      const createdAt = documentToColumn(unit.evidence.first_observed)
      this.#insertUnit.run(unit.id, toStoredText(unit), unit.tier, createdAt)
      for (const domain of unit.domains) this.#insertDomain.run(unit.id, domain)
    }).immediate
  }

  get(id: string): KnowledgeUnit | null {
    const row = this.#selectApproved.get(id)
    return row === undefined ? null : fromStoredText(row.data)
  }

  insert(unit: KnowledgeUnit): void {
    this.#insert(unit)
  }

  query(domains: readonly string[]): KnowledgeUnit[] {
    const query = { domains, languages: [], frameworks: [], pattern: '' }
    return this.#selectCandidates
      .all(JSON.stringify(domains))
      .map(({ data }) => {
        const unit = fromStoredText(data)
        return { unit, rank: rank(unit, query) }
      })
      .sort((a, b) => b.rank - a.rank || (a.unit.id < b.unit.id ? 1 : -1))
      .slice(0, 5)
      .map(({ unit }) => unit)
  }

  close(): void {
    this.#sqlite.close()
  }
}
