import { describe, expectTypeOf, it } from 'vitest'
import {
  indexedRead,
  maintenance,
  type Offloaded,
  openOffloaded,
  operations,
  read,
  stream,
  write,
} from '../../src/offload/index.ts'
import type { DefinitionsOf } from '../../src/offload/open-offloaded.ts'

/**
 * What users of the engine can and can't write. The compiler is the test: each `@ts-expect-error` is an error of its
 * own where the line below it compiles.
 */
function compiled(_neverRun: (things: Things) => unknown): void {}

const things = operations({
  add: write((_, name: string, size?: number) => name.length + (size ?? 0)),
  find: read((_, id: bigint): { id: bigint } | undefined => ({ id })),
  all: stream((_, prefix: string) => [prefix].values()),
  tidy: maintenance(() => {}),
  ranked: indexedRead((_, index: Map<string, number>, name: string) => index.get(name)),
})
type Things = Offloaded<DefinitionsOf<typeof things>>

describe('a method of a database', () => {
  it('takes and gives what its operation does', () => {
    expectTypeOf<Things['add']>().toEqualTypeOf<(name: string, size?: number) => Promise<number>>()
    expectTypeOf<Things['find']>().toEqualTypeOf<
      (id: bigint) => Promise<{ id: bigint } | undefined>
    >()
    expectTypeOf<Things['all']>().toEqualTypeOf<
      (prefix: string) => AsyncGenerator<string, void, undefined>
    >()
    expectTypeOf<Things['ranked']>().toEqualTypeOf<(name: string) => Promise<number | undefined>>()
    expectTypeOf<ReturnType<Things['with']>['add']>().toEqualTypeOf<Things['add']>()
    expectTypeOf(openOffloaded<typeof things>).returns.toEqualTypeOf<Promise<Things>>()
  })

  it('takes nothing else', () => {
    compiled(async (db) => {
      // @ts-expect-error: the name is a string
      await db.add(7)
      // @ts-expect-error: the name is missing
      await db.add()
      // @ts-expect-error: the id is a bigint
      await db.find(7)
      // @ts-expect-error: there is no such operation
      await db.remove()
      // @ts-expect-error: the database is not the caller's to pass
      await db.add({}, 'name')
    })
  })
})

describe('a transaction and a snapshot', () => {
  it('have the methods that can be part of them', () => {
    compiled(async (db) => {
      const transaction = await db.begin()
      await transaction.add('name')
      await transaction.find(1n)
      // @ts-expect-error: runs outside any transaction
      await transaction.tidy()
      // @ts-expect-error: runs on an indexer
      await transaction.ranked('name')
      const snapshot = await db.snapshot()
      await snapshot.find(1n)
      // @ts-expect-error: a snapshot only reads
      await snapshot.add('name')
      // @ts-expect-error: and has nothing to commit
      await snapshot.commit()
    })
  })
})

describe('operations', () => {
  it('are not async, and have names of their own', () => {
    compiled(() => [
      // @ts-expect-error: a promise would settle after the transaction
      operations({ later: write(async () => 1) }),
      // @ts-expect-error: the database has a method of this name
      operations({ close: read(() => 1) }),
      // @ts-expect-error: likewise
      operations({ begin: write(() => 1) }),
      // @ts-expect-error: what is no operation
      operations({ add: () => 1 }),
      // @ts-expect-error: a stream gives items
      operations({ all: stream(() => 7) }),
    ])
  })
})
