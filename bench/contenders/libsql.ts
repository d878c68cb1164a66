import { createClient, type InValue } from '@libsql/client'
import { toStoredText } from '../../src/knowledge/document.ts'
import type { Contender, ContenderOptions } from '../contender.ts'
import * as byHand from './by-hand.ts'

export async function open({ path, durability }: ContenderOptions): Promise<Contender> {
  // Settings hold for the connection that they are made on, so there is one; each does its work on
  // this very thread, so that more would gain nothing.
  const client = createClient({ url: `file:${path}`, concurrency: 1 })
  for (const pragma of byHand.pragmas(durability)) await client.execute(`PRAGMA ${pragma}`)

  async function rows<Row>(sql: string, ...args: InValue[]): Promise<Row[]> {
    const result: { readonly rows: unknown } = await client.execute({ sql, args })
    return result.rows as Row[]
  }
  const read = async (id: string) => (await rows<byHand.DataRow>(byHand.selectApproved, id))[0]

  return {
    get: async (id) => byHand.unitOf(await read(id)),
    async insert(unit) {
      await client.batch(
        [
          { sql: byHand.insertUnit, args: byHand.unitValues(unit) },
          { sql: byHand.insertDomains, args: [unit.id, JSON.stringify(unit.domains)] },
        ],
        'write',
      )
    },
    async query(query) {
      const domains = JSON.stringify(query.domains)
      return byHand.bestOf(await rows<byHand.DataRow>(byHand.selectCandidates, domains), query)
    },
    async confirm(id) {
      for (;;) {
        const before = (await read(id))?.data
        if (before === undefined) throw new Error('there is no such unit')
        const unit = byHand.confirmed(byHand.unitIn(before))
        const args = [toStoredText(unit), id, before]
        const { rowsAffected } = await client.execute({ sql: byHand.updateUnchanged, args })
        if (rowsAffected === 1) return unit
      }
    },
    async decide(id) {
      const args = byHand.decisionValues(id)
      byHand.requireDecided((await client.execute({ sql: byHand.decide, args })).rowsAffected)
    },
    async stats() {
      const [total] = await rows<{ count: number }>(byHand.countUnits)
      return byHand.toStats(
        total?.count ?? 0,
        await rows<byHand.CountRow>(byHand.countByTier),
        await rows<byHand.CountRow>(byHand.countByDomain),
        await rows<byHand.CountRow>(byHand.countByConfidence),
      )
    },
    close: () => client.close(),
  }
}
