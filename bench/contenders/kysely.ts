import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { toStoredText } from '../../src/knowledge/document.ts'
import type { Schema } from '../../src/sql/schema.ts'
import type { Contender, ContenderOptions } from '../contender.ts'
import * as byHand from './by-hand.ts'

export function open({ path, durability }: ContenderOptions): Contender {
  const sqlite = new Sqlite(path)
  for (const pragma of byHand.pragmas(durability)) sqlite.pragma(pragma)
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: sqlite }) })

  const read = (on: Kysely<Schema>, id: string) =>
    on
      .selectFrom('knowledge_units')
      .select('data')
      .where('id', '=', id)
      .where('status', '=', 'approved')
      .executeTakeFirst()

  return {
    get: async (id) => byHand.unitOf(await read(db, id)),
    insert: (unit) =>
      db.transaction().execute(async (transaction) => {
        const [id, data, tier, created_at] = byHand.unitValues(unit)
        await transaction
          .insertInto('knowledge_units')
          .values({ id, data, tier, created_at })
          .execute()
        await transaction
          .insertInto('knowledge_unit_domains')
          .values(unit.domains.map((domain) => ({ unit_id: id, domain })))
          .execute()
      }),
    async query(query) {
      const rows = await db
        .selectFrom('knowledge_units')
        .select('data')
        .where('status', '=', 'approved')
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('knowledge_unit_domains')
            .select('unit_id')
            .where('domain', 'in', query.domains),
        )
        .execute()
      return byHand.bestOf(rows, query)
    },
    confirm: (id) =>
      db.transaction().execute(async (transaction) => {
        const unit = byHand.confirmed(byHand.unitOf(await read(transaction, id)))
        await transaction
          .updateTable('knowledge_units')
          .set({ data: toStoredText(unit) })
          .where('id', '=', id)
          .execute()
        return unit
      }),
    decide: (id) =>
      db.transaction().execute(async (transaction) => {
        const [reviewed_at] = byHand.decisionValues(id)
        const { numUpdatedRows } = await transaction
          .updateTable('knowledge_units')
          .set({ status: 'approved', reviewed_by: 'bench', reviewed_at })
          .where('id', '=', id)
          .where('status', '=', 'pending')
          .executeTakeFirstOrThrow()
        byHand.requireDecided(numUpdatedRows)
      }),
    async stats() {
      const approved = db.selectFrom('knowledge_units').where('status', '=', 'approved')
      const { count } = await db
        .selectFrom('knowledge_units')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      const byTier = await approved
        .select(({ fn }) => ['tier as name', fn.countAll<number>().as('count')])
        .groupBy('tier')
        .execute()
      const byDomain = await db
        .selectFrom('knowledge_unit_domains as d')
        .innerJoin('knowledge_units as u', 'u.id', 'd.unit_id')
        .where('u.status', '=', 'approved')
        .select(({ fn }) => ['d.domain as name', fn.countAll<number>().as('count')])
        .groupBy('d.domain')
        .orderBy('count', 'desc')
        .orderBy('name')
        .execute()
      const confidences = approved.select(
        sql<number>`json_extract(data, '$.evidence.confidence')`.as('confidence'),
      )
      const byConfidence = await db
        .selectFrom(confidences.as('confidences'))
        .select(({ eb, fn }) => [
          eb
            .case()
            .when('confidence', '<', 0.3)
            .then('0.0-0.3')
            .when('confidence', '<', 0.5)
            .then('0.3-0.5')
            .when('confidence', '<', 0.7)
            .then('0.5-0.7')
            .else('0.7-1.0')
            .end()
            .as('name'),
          fn.countAll<number>().as('count'),
        ])
        .groupBy('name')
        .execute()
      return byHand.toStats(count, byTier, byDomain, byConfidence)
    },
    close: () => db.destroy(),
  }
}
