import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SqliteStore } from '../../src/sqlite/store.ts'
import { Latch } from '../threads/latch.ts'
import { outcome } from '../threads/outcome.ts'
import { openSteered } from './steered-store.ts'
import { heldUnit, ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

let directory: TemporaryDirectory
let path: string
let writing: Latch
let store: SqliteStore

beforeAll(async () => {
  directory = await TemporaryDirectory.create()
  path = directory.file('cq.db')
  writing = Latch.create('write')
  store = await openSteered({ path, busyTimeout: 20 })
})

beforeEach(() => {
  writing.close()
  onDatabase('delete from knowledge_units')
})

afterAll(async () => {
  await store.close()
  await directory[Symbol.asyncDispose]()
})

/** Works on the file as another program would. */
function onDatabase(sql: string): void {
  const db = new Sqlite(path)
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}

/** Makes calls that are sure to be committed together, since they are made while the writer is held. */
async function together<T>(make: () => Promise<T>[]): Promise<Promise<T>[]> {
  const held = store.insert(heldUnit)
  await writing.arrived()
  const calls = make()
  // A rejection that comes before the test looks at it is none that nobody looked at.
  for (const call of calls) call.catch(() => {})
  writing.open()
  await held
  return calls
}

async function stored(units: readonly { id: string }[]): Promise<boolean[]> {
  const found = await Promise.all(units.map(({ id }) => store.getAny(id)))
  return found.map((unit) => unit !== null)
}

describe('writes made together', () => {
  it('are committed together, and none is answered before', async () => {
    const units = ordinaryUnits(100)
    const before = store.figures.write
    const calls = await together(() => units.map((unit) => store.insert(unit)))
    await Promise.race(calls)
    expect(await stored(units)).toEqual(units.map(() => true))
    await Promise.all(calls)
    expect(store.figures.write).toMatchObject({
      calls: before.calls + 101,
      batches: before.batches + 2,
    })
  })

  it('are committed in several groups where they carry much text', async () => {
    const extensions = { 'acme:notes': 'much '.repeat(300_000) }
    const units = ordinaryUnits(5).map((unit) => ({ ...unit, extensions }))
    const { batches } = store.figures.write
    await Promise.all(await together(() => units.map((unit) => store.insert(unit))))
    // Each carries 1.5 MB, so that no more than two go together.
    expect(store.figures.write.batches).toBe(batches + 1 + 3)
    expect(await stored(units)).toEqual(units.map(() => true))
  })

  it('fail for themselves: what one did is undone, and what the others did is kept', async () => {
    const units = ordinaryUnits(4)
    const [first, second, third, fourth] = units
    if (!first || !second || !third || !fourth) return
    const { batches } = store.figures.write
    const calls = await together(() => [
      store.insert(first),
      store.insertMany([second, third, first]),
      store.insert(third),
      store.update(second),
      store.insert(fourth),
      store.insert(fourth),
    ])
    expect(await Promise.all(calls.map(outcome))).toEqual([
      'answered',
      'conflict',
      'answered',
      'not_found',
      'answered',
      'conflict',
    ])
    expect(store.figures.write.batches).toBe(batches + 2)
    expect(await stored(units)).toEqual([true, false, true, true])
  })

  it.each([
    [
      'their commit would fail',
      // A deferred constraint is checked by the commit, and by nothing before it.
      `create table parents (id text primary key);
       create table children (parent text references parents deferrable initially deferred);
       create trigger doom after insert on knowledge_units when new.id = 'DOOMED'
       begin insert into children values ('missing'); end`,
    ],
    [
      'SQLite undoes the transaction on the spot',
      `create trigger doom after insert on knowledge_units when new.id = 'DOOMED'
       begin select raise(rollback, 'undone on the spot'); end`,
    ],
  ])('are stored, but for the one by which %s', async (_, doom) => {
    const units = ordinaryUnits(3)
    const [, doomed] = units
    if (!doomed) return
    onDatabase(doom.replace('DOOMED', doomed.id))
    const calls = await together(() => units.map((unit) => store.insert(unit)))
    const [one, failed, other] = await Promise.all(calls.map(outcome))
    expect([one, other]).toEqual(['answered', 'answered'])
    expect(failed).not.toBe('answered')
    expect(await stored(units)).toEqual([true, false, true])
    onDatabase('drop trigger doom')
  })

  it('all fail as unavailable, and none is stored, where another program holds the lock', async () => {
    const units = ordinaryUnits(3)
    const other = new Sqlite(path)
    other.exec('begin immediate')
    const calls = units.map((unit) => store.insert(unit))
    expect(await Promise.all(calls.map(outcome))).toEqual(units.map(() => 'unavailable'))
    expect(await stored(units)).toEqual([false, false, false])
    other.close()
    await Promise.all(units.map((unit) => store.insert(unit)))
    expect(await stored(units)).toEqual([true, true, true])
  })
})

describe('a write that was answered', () => {
  it('is seen by every read that starts after it, on every reader', async () => {
    for (const unit of ordinaryUnits(30)) {
      await store.insert(unit)
      const reads = Array.from({ length: 6 }, () => stored([unit]))
      expect((await Promise.all(reads)).flat()).not.toContain(false)
    }
  })
})
