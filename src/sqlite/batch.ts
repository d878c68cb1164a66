import { type Reply, toFailure } from '../offload/reply.ts'
import { operations } from '../operations/index.ts'
import type { Call } from '../operations/operation-store.ts'
import type { Connection } from './connection.ts'
import { toStoreError } from './errors.ts'

/**
 * Answers a batch of calls in one transaction. Nobody is answered before it is committed; where that
 * fails, every call of the batch fails and nothing is stored. Otherwise a call fails alone.
 */
export function answerBatch(connection: Connection, calls: readonly Call[]): Reply[] {
  try {
    return connection.transaction(() => calls.map((call) => answer(connection, call)))
  } catch (error) {
    const failure = toFailure(toStoreError(error))
    return calls.map(() => failure)
  }
}

function answer(connection: Connection, [method, ...prepared]: Call): Reply {
  const run = () => connection.runToText(operations[method].run(...prepared))
  try {
    return connection.access === 'write' ? connection.savepoint(run) : run()
  } catch (error) {
    // Some failures, a full disk for one, make SQLite undo the whole transaction on the spot.
    if (!connection.sqlite.inTransaction) throw error
    return toFailure(toStoreError(error))
  }
}
