import { toStoredText } from '../../src/knowledge/document.ts'
import type { Contender, ContenderOptions } from '../contender.ts'
import * as byHand from './by-hand.ts'

/** The part of the package that is used here. Its own types are there only where it is installed. */
interface Sqlite3 {
  readonly Database: new (path: string, onOpen: (error: Error | null) => void) => Database
}
interface Database {
  exec(sql: string, then: Answered): void
  prepare(sql: string): Statement
  serialize(): void
  run(sql: string, ...paramsAndAnswer: unknown[]): void
  close(then: Answered): void
}
interface Statement {
  all(...paramsAndAnswer: unknown[]): void
  finalize(then: () => void): void
}
type Answered = (error: Error | null, answer?: unknown) => void

export async function open({ path, durability }: ContenderOptions): Promise<Contender> {
  const name: string = 'sqlite3'
  const { default: sqlite3 } = (await import(name)) as { readonly default: Sqlite3 }
  // One to read with, so that no read is queued in the midst of a transaction.
  const writer = await connect(sqlite3, path)
  const reader = await connect(sqlite3, path)
  for (const connection of [writer, reader])
    await told((then) =>
      connection.exec(
        byHand
          .pragmas(durability)
          .map((pragma) => `PRAGMA ${pragma}`)
          .join(';'),
        then,
      ),
    )
  writer.serialize()
  const statements: Statement[] = []
  function prepare(sql: string): Statement {
    const statement = reader.prepare(sql)
    statements.push(statement)
    return statement
  }
  const selectApproved = prepare(byHand.selectApproved)
  const selectCandidates = prepare(byHand.selectCandidates)
  const countUnits = prepare(byHand.countUnits)
  const countByTier = prepare(byHand.countByTier)
  const countByDomain = prepare(byHand.countByDomain)
  const countByConfidence = prepare(byHand.countByConfidence)

  const read = (id: string) => one<byHand.DataRow>(selectApproved, id)
  return {
    get: async (id) => byHand.unitOf(await read(id)),
    async insert(unit) {
      // Queued in one go, and done in this order: prepared statements would have queues of their own.
      await Promise.all([
        run(writer, 'BEGIN IMMEDIATE'),
        run(writer, byHand.insertUnit, ...byHand.unitValues(unit)),
        run(writer, byHand.insertDomains, unit.id, JSON.stringify(unit.domains)),
        run(writer, 'COMMIT'),
      ])
    },
    async query(query) {
      const domains = JSON.stringify(query.domains)
      return byHand.bestOf(await all<byHand.DataRow>(selectCandidates, domains), query)
    },
    async confirm(id) {
      for (;;) {
        const before = (await read(id))?.data
        if (before === undefined) throw new Error('there is no such unit')
        const unit = byHand.confirmed(byHand.unitIn(before))
        const changes = await run(writer, byHand.updateUnchanged, toStoredText(unit), id, before)
        if (changes === 1) return unit
      }
    },
    async decide(id) {
      byHand.requireDecided(await run(writer, byHand.decide, ...byHand.decisionValues(id)))
    },
    async stats() {
      const [total, byTier, byDomain, byConfidence] = await Promise.all([
        one<{ count: number }>(countUnits),
        all<byHand.CountRow>(countByTier),
        all<byHand.CountRow>(countByDomain),
        all<byHand.CountRow>(countByConfidence),
      ])
      return byHand.toStats(total?.count ?? 0, byTier, byDomain, byConfidence)
    },
    async close() {
      for (const statement of statements)
        await new Promise<void>((resolve) => statement.finalize(resolve))
      for (const connection of [reader, writer]) await told((then) => connection.close(then))
    },
  }
}

async function connect({ Database }: Sqlite3, path: string): Promise<Database> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const database = new Database(path, (error) => (error ? reject(error) : resolve()))
  await promise
  return database
}

function told(ask: (then: Answered) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    ask((error, answer) => (error ? reject(error) : resolve(answer)))
  })
}

/** By `all`, since `get` leaves the statement as it is, amid its rows and holding its snapshot. */
async function one<Row>(statement: Statement, ...params: unknown[]): Promise<Row | undefined> {
  return (await all<Row>(statement, ...params))[0]
}

function all<Row>(statement: Statement, ...params: unknown[]): Promise<Row[]> {
  return told((then) => statement.all(...params, then)) as Promise<Row[]>
}

/** Resolves to how many rows it changed. */
function run(database: Database, sql: string, ...params: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    database.run(sql, ...params, function (this: { changes: number }, error: Error | null) {
      if (error) reject(error)
      else resolve(this.changes)
    })
  })
}
