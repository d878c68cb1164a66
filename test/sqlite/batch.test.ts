import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerBatch } from '../../src/offload/batch.ts'
import type { Call } from '../../src/offload/calls.ts'
import { Connection } from '../../src/offload/connection.ts'
import { operations } from '../../src/operations/index.ts'
import type { StoreMethod } from '../../src/operations/operation.ts'
import { migrate } from '../../src/sqlite/migrator.ts'
import { storeOperations } from '../../src/sqlite/store-operations.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

const now = new Date('2026-05-04T03:02:01.000Z')

let directory: TemporaryDirectory
/** Where calls are made as one batch. */
let together: Connection
/** Where each call has a transaction of its own. */
let apart: Connection

function open(name: string): Connection {
  const connection = new Connection({
    path: directory.file(name),
    access: 'write',
    durability: 'normal',
    busyTimeout: 0,
    cacheSize: 4_096,
    mmapSize: 0,
  })
  migrate(connection, 0)
  return connection
}

function clear({ sqlite }: Connection): void {
  sqlite.exec('delete from knowledge_units')
}

/** All that is stored, tables that triggers keep included. */
function contentsOf({ sqlite }: Connection): unknown {
  const tables = sqlite
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .pluck()
    .all() as string[]
  return tables
    .filter((table) => !['alembic_version', 'cq_store_migrations'].includes(table))
    .map((table) => [
      table,
      sqlite
        .prepare(`select * from "${table}"`)
        .all()
        .map((row) => JSON.stringify(row))
        .sort(),
    ])
}

function call(method: StoreMethod, ...args: unknown[]): Call {
  const { prepare } = operations[method]
  const prepared = (prepare as (...args: unknown[]) => unknown[])(now, ...args)
  return [method, 0, 'whole', ...prepared]
}

const { definitions } = storeOperations()

/** The results of a batch, or why there is none, without the stack, which tells where in the code it was. */
function answer(connection: Connection, calls: readonly Call[]): unknown[] {
  const { results, failures } = answerBatch({ connection, definitions }, calls)
  return results.map((result, index) => {
    const failure = failures?.get(index)
    return failure ? { ...failure, stack: undefined } : result
  })
}

function answerApart(call: Call): unknown {
  return answer(apart, [call])[0]
}

const unit = (number: number) => sampleUnit(unitId(number), now)

const anyNumber = fc.integer({ min: 1, max: 4 })
const anyDecision = fc.constantFrom('approved', 'rejected')
const anyCall = fc.oneof(
  anyNumber.map((number) => call('insert', unit(number))),
  fc.array(anyNumber, { maxLength: 4 }).map((numbers) => call('insertMany', numbers.map(unit))),
  anyNumber.map((number) => call('update', unit(number))),
  anyNumber.map((number) => call('confirm', unitId(number))),
  fc
    .tuple(anyNumber, anyDecision)
    .map(([number, decision]) => call('decide', unitId(number), decision, 'reviewer')),
  fc
    .tuple(anyNumber, anyDecision)
    .map(([number, status]) => call('setReviewStatus', unitId(number), status, 'reviewer')),
)

beforeAll(async () => {
  directory = await TemporaryDirectory.create()
  together = open('together.db')
  apart = open('apart.db')
})

afterAll(async () => {
  for (const { sqlite } of [together, apart]) sqlite.close()
  await directory[Symbol.asyncDispose]()
})

describe('writes of one batch', () => {
  it('answer and leave what they would, each made by itself', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 12 }), (calls) => {
        for (const connection of [together, apart]) clear(connection)
        expect(answer(together, calls)).toEqual(calls.map(answerApart))
        expect(contentsOf(together)).toEqual(contentsOf(apart))
        expect(together.sqlite.inTransaction).toBe(false)
      }),
    )
  })

  it('keep nothing of one that a trigger has fail half done', () => {
    for (const connection of [together, apart]) {
      clear(connection)
      connection.sqlite.exec(`create trigger half_done after insert on knowledge_units
        when new.id = '${unitId(2)}' begin select raise(fail, 'half done'); end`)
    }
    const calls = [1, 2, 3].map((number) => call('insert', unit(number)))
    const replies = answer(together, calls)
    expect(replies).toMatchObject(['', { message: expect.stringContaining('half done') }, ''])
    calls.map(answerApart)
    expect(contentsOf(together)).toEqual(contentsOf(apart))
    expect(together.sqlite.prepare('select id from knowledge_units').pluck().all()).toEqual([
      unitId(1),
      unitId(3),
    ])
    for (const { sqlite } of [together, apart]) sqlite.exec('drop trigger half_done')
  })
})

describe('statements of a batch', () => {
  /** What a batch executes besides its calls' own statements. */
  function around(calls: readonly Call[]): string[] {
    const executed: string[] = []
    const { execute } = together
    together.execute = (sql) => {
      executed.push(sql)
      execute.call(together, sql)
    }
    answer(together, calls)
    together.execute = execute
    return executed
  }

  it('are no more than its calls need and a transaction, where none fails', () => {
    clear(together)
    const inserts = [1, 2, 3].map((number) => call('insert', unit(number)))
    expect(around(inserts)).toEqual(['begin immediate', 'commit'])
  })

  it('are no more where a call fails that has changed nothing', () => {
    clear(together)
    const calls = [call('insert', unit(1)), call('update', unit(2)), call('confirm', unitId(3))]
    expect(around(calls)).toEqual(['begin immediate', 'commit'])
  })
})
