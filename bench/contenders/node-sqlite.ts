import { DatabaseSync } from 'node:sqlite'
import { toStoredText } from '../../src/knowledge/document.ts'
import type { Contender, ContenderOptions } from '../contender.ts'
import * as byHand from './by-hand.ts'

export function open({ path, durability }: ContenderOptions): Contender {
  const sqlite = new DatabaseSync(path)
  for (const pragma of byHand.pragmas(durability)) sqlite.exec(`PRAGMA ${pragma}`)
  const selectApproved = sqlite.prepare(byHand.selectApproved)
  const selectCandidates = sqlite.prepare(byHand.selectCandidates)
  const insertUnit = sqlite.prepare(byHand.insertUnit)
  const insertDomain = sqlite.prepare(byHand.insertDomain)
  const updateDocument = sqlite.prepare(byHand.updateDocument)
  const decide = sqlite.prepare(byHand.decide)
  const countUnits = sqlite.prepare(byHand.countUnits)
  const countByTier = sqlite.prepare(byHand.countByTier)
  const countByDomain = sqlite.prepare(byHand.countByDomain)
  const countByConfidence = sqlite.prepare(byHand.countByConfidence)
  const begin = sqlite.prepare('BEGIN IMMEDIATE')
  const commit = sqlite.prepare('COMMIT')
  const rollback = sqlite.prepare('ROLLBACK')

  function inTransaction<Result>(work: () => Result): Result {
    begin.run()
    try {
      const result = work()
      commit.run()
      return result
    } catch (error) {
      rollback.run()
      throw error
    }
  }
  const get = (id: string) => byHand.unitOf(selectApproved.get(id) as byHand.DataRow | undefined)
  const counts = (rows: unknown) => rows as byHand.CountRow[]

  return {
    get,
    insert: (unit) =>
      inTransaction(() => {
        insertUnit.run(...byHand.unitValues(unit))
        for (const domain of unit.domains) insertDomain.run(unit.id, domain)
      }),
    query(query) {
      const rows: unknown = selectCandidates.all(JSON.stringify(query.domains))
      return byHand.bestOf(rows as byHand.DataRow[], query)
    },
    confirm: (id) =>
      inTransaction(() => {
        const unit = byHand.confirmed(get(id))
        updateDocument.run(toStoredText(unit), id)
        return unit
      }),
    decide: (id) =>
      inTransaction(() => byHand.requireDecided(decide.run(...byHand.decisionValues(id)).changes)),
    stats: () =>
      byHand.toStats(
        Number(countUnits.get()?.count),
        counts(countByTier.all()),
        counts(countByDomain.all()),
        counts(countByConfidence.all()),
      ),
    close: () => sqlite.close(),
  }
}
