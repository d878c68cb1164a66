import type { UnitView } from '../knowledge/document.ts'
import {
  type AnyOperation,
  indexedRead,
  longIndexedRead,
  longRead,
  type Operations,
  operations as operationsOf,
  read,
  type ThreadContext,
  write,
} from '../offload/operations.ts'
import { operations } from '../operations/index.ts'
import type { OperationKind, StoreMethod } from '../operations/operation.ts'
import { SharedRankingFigures } from '../ranking/ranking-figures.ts'
import type { RankingIndex } from '../ranking/ranking-index.ts'
import { adoptStatements, type StatementText } from '../sql/statement.ts'
import { kindsOf, nameOf } from './calls.ts'
import { databaseOf, isNewest, requireNewest, takeSteps } from './migrator.ts'
import { Ranker } from './ranker.ts'
import { runToText } from './run-steps.ts'

/** What a SqliteStore tells its threads. */
export interface StoreData {
  /** Statements that the main thread has compiled, see `sql/statement.ts`. */
  readonly statements: readonly StatementText[]
  /** Memory of the figures of each ranker. */
  readonly rankingMemory: readonly SharedArrayBuffer[]
  /** Whether the file must have the newest schema, in place of being migrated. */
  readonly mustBeNewest: boolean
}

/** The operations of a SqliteStore: each gives its result as JSON text. */
export function storeOperations(): Operations {
  const definitions: Record<string, AnyOperation> = {}
  for (const method of Object.keys(operations) as StoreMethod[])
    for (const kind of kindsOf(method)) definitions[nameOf(method, kind)] = makers[kind](method)
  return operationsOf(definitions, {
    connect: (_, context) => adoptStatements('sqlite', dataOf(context).statements),
    inspect: (database, context) =>
      dataOf(context).mustBeNewest
        ? requireNewest(databaseOf(database))
        : isNewest(databaseOf(database)),
    setup: (database) => takeSteps(databaseOf(database)),
    index: (database, context) => {
      const memory = dataOf(context).rankingMemory[context.number]
      return new Ranker(database, new SharedRankingFigures(memory))
    },
  })
}

function dataOf({ data }: ThreadContext): StoreData {
  return data as StoreData
}

/** By kind, what makes an operation of the engine's. */
const makers = {
  read: plain(read),
  scan: plain(longRead),
  write: plain(write),
  rank: ranked(indexedRead),
  'long rank': ranked(longIndexedRead),
  'indexed scan': ranked(longIndexedRead),
} satisfies Record<OperationKind, (method: StoreMethod) => AnyOperation>

function plain(make: typeof read | typeof longRead | typeof write) {
  return (method: StoreMethod): AnyOperation =>
    make((database, view: UnitView, ...prepared: unknown[]) =>
      runToText(database, operations[method].run(...prepared), view),
    )
}

function ranked(make: typeof indexedRead | typeof longIndexedRead) {
  return (method: StoreMethod): AnyOperation =>
    make((database, index: RankingIndex, view: UnitView, ...prepared: unknown[]) =>
      runToText(database, operations[method].run(...prepared), view, index),
    )
}
