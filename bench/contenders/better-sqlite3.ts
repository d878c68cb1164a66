import Sqlite from 'better-sqlite3'
import type { KnowledgeStats, KnowledgeUnit } from '../../src/index.ts'
import { toStoredText } from '../../src/knowledge/document.ts'
import type { Contender, ContenderOptions, Durability } from '../contender.ts'
import type { Query } from '../corpus.ts'
import * as byHand from './by-hand.ts'

export function open({ path, durability }: ContenderOptions): BetterSqlite3 {
  return new BetterSqlite3(path, durability, false)
}

export class BetterSqlite3 implements Contender {
  readonly #sqlite: Sqlite.Database
  readonly #selectApproved: Sqlite.Statement<[id: string], byHand.DataRow>
  readonly #selectCandidates: Sqlite.Statement<[domains: string], byHand.DataRow>
  readonly #countUnits: Sqlite.Statement<[], { count: number }>
  readonly #countByTier: Sqlite.Statement<[], byHand.CountRow>
  readonly #countByDomain: Sqlite.Statement<[], byHand.CountRow>
  readonly #countByConfidence: Sqlite.Statement<[], byHand.CountRow>
  readonly #insert: (unit: KnowledgeUnit) => void
  readonly #confirm: (id: string) => KnowledgeUnit
  readonly #decide: (id: string) => void

  constructor(path: string, durability: Durability, readonly: boolean) {
    const sqlite = new Sqlite(path, { readonly })
    this.#sqlite = sqlite
    const [journalMode = '', ...others] = byHand.pragmas(durability)
    for (const pragma of readonly ? others : [journalMode, ...others]) sqlite.pragma(pragma)
    this.#selectApproved = sqlite.prepare(byHand.selectApproved)
    this.#selectCandidates = sqlite.prepare(byHand.selectCandidates)
    this.#countUnits = sqlite.prepare(byHand.countUnits)
    this.#countByTier = sqlite.prepare(byHand.countByTier)
    this.#countByDomain = sqlite.prepare(byHand.countByDomain)
    this.#countByConfidence = sqlite.prepare(byHand.countByConfidence)
    const insertUnit = sqlite.prepare(byHand.insertUnit)
    const insertDomain = sqlite.prepare(byHand.insertDomain)
    const updateDocument = sqlite.prepare(byHand.updateDocument)
    const decide = sqlite.prepare(byHand.decide)
    this.#insert = sqlite.transaction((unit: KnowledgeUnit) => {
      insertUnit.run(...byHand.unitValues(unit))
      for (const domain of unit.domains) insertDomain.run(unit.id, domain)
    }).immediate
    this.#confirm = sqlite.transaction((id: string) => {
      const unit = byHand.confirmed(byHand.unitOf(this.#selectApproved.get(id)))
      updateDocument.run(toStoredText(unit), id)
      return unit
    }).immediate
    this.#decide = sqlite.transaction((id: string) => {
      byHand.requireDecided(decide.run(...byHand.decisionValues(id)).changes)
    }).immediate
  }

  get(id: string): KnowledgeUnit | null {
    return byHand.unitOf(this.#selectApproved.get(id))
  }

  insert(unit: KnowledgeUnit): void {
    this.#insert(unit)
  }

  query(query: Query): KnowledgeUnit[] {
    return byHand.bestOf(this.#selectCandidates.all(JSON.stringify(query.domains)), query)
  }

  confirm(id: string): KnowledgeUnit {
    return this.#confirm(id)
  }

  decide(id: string): void {
    this.#decide(id)
  }

  stats(): KnowledgeStats {
    return byHand.toStats(
      this.#countUnits.get()?.count ?? 0,
      this.#countByTier.all(),
      this.#countByDomain.all(),
      this.#countByConfidence.all(),
    )
  }

  close(): void {
    this.#sqlite.close()
  }
}
