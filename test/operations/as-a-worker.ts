import type { Connection } from '../../src/offload/connection.ts'
import { SharedRankingFigures } from '../../src/ranking/ranking-figures.ts'
import type { RankingIndex } from '../../src/ranking/ranking-index.ts'
import type { Steps } from '../../src/sql/steps.ts'
import { Ranker } from '../../src/sqlite/ranker.ts'
import { runSteps, runToText } from '../../src/sqlite/run-steps.ts'

// Runs operations on a connection of this thread, as a store's workers do.

const rankers = new WeakMap<Connection, Ranker>()

/** A ranker of a database, whose index answers what is run there from now on. */
export function rankerOf(connection: Connection): Ranker {
  const ranker = new Ranker(connection, new SharedRankingFigures())
  ranker.load((work) => connection.transactions.run(work))
  rankers.set(connection, ranker)
  return ranker
}

export function indexOf(connection: Connection): RankingIndex | undefined {
  return rankers.get(connection)?.index
}

export function runOn<Result>(connection: Connection, steps: Steps<Result>): Result {
  return runSteps(connection, steps, indexOf(connection))
}

/** The result as JSON text. */
export function textOf(connection: Connection, steps: Steps<unknown>): string {
  return runToText(connection, steps, 'whole', indexOf(connection))
}
