import { type CallReply, type Failure, toFailure } from '../offload/reply.ts'
import { operations } from '../operations/index.ts'
import type { Call } from '../operations/operation-store.ts'
import type { Connection } from './connection.ts'
import { toStoreError } from './errors.ts'
import type { Ranker } from './ranker.ts'

/** Thrown when a write fails that has changed something; `cause` says why it failed. */
class HalfDone extends Error {
  override readonly name = 'HalfDone'
}

/**
 * Answers a batch of calls in one transaction. Nobody is answered before the commit; if that fails, every call of
 * the batch fails and nothing is stored. Otherwise a call fails alone.
 * @param ranker keeps the index, if the calls are for a ranker
 */
export function answerBatch(
  connection: Connection,
  calls: readonly Call[],
  ranker?: Ranker,
): CallReply[] {
  try {
    if (connection.access === 'write') return writeAll(connection, calls)
    return connection.transactions.run(() => {
      ranker?.catchUp()
      return calls.map((call) => read(connection, call))
    })
  } catch (error) {
    const failure = toFailure(toStoreError(error))
    return calls.map(() => failure)
  }
}

function read(connection: Connection, call: Call): CallReply {
  try {
    return run(connection, call)
  } catch (error) {
    return failureOf(connection, error)
  }
}

/**
 * Runs writes as if none of them could fail, since few do. If one fails that has changed something, all are
 * rolled back and run again, each with a savepoint, which costs two statements and a copy of each page that it
 * touches.
 */
function writeAll(connection: Connection, calls: readonly Call[]): CallReply[] {
  try {
    return connection.transactions.run(() => calls.map((call) => write(connection, call)))
  } catch (error) {
    if (!(error instanceof HalfDone)) throw error
    // What a single call did was rolled back with its transaction.
    if (calls.length === 1) throw error.cause
    return connection.transactions.run(() => calls.map((call) => writeOrUndo(connection, call)))
  }
}

/** @throws {HalfDone} if it fails and has changed something */
function write(connection: Connection, call: Call): CallReply {
  const { changes } = connection
  try {
    return run(connection, call)
  } catch (error) {
    requireTransaction(connection, error)
    if (connection.changes > changes) throw new HalfDone('a write failed', { cause: error })
    return failureOf(connection, error)
  }
}

function writeOrUndo(connection: Connection, call: Call): CallReply {
  try {
    return connection.transactions.savepoint(() => run(connection, call))
  } catch (error) {
    requireTransaction(connection, error)
    return failureOf(connection, error)
  }
}

/** On some failures, such as a full disk, SQLite rolls back the whole transaction at once. */
function requireTransaction({ sqlite }: Connection, error: unknown): void {
  if (!sqlite.inTransaction) throw error
}

/** The text of the result, with what the operation wants logged. */
function run(connection: Connection, [method, view, ...prepared]: Call): CallReply {
  const text = connection.runToText(operations[method].run(...prepared), view)
  if (connection.notices.length === 0) return text
  return { text, notices: connection.notices.splice(0) }
}

/** Why a call failed, with what the operation wanted logged before. */
function failureOf(connection: Connection, error: unknown): Failure {
  const failure = toFailure(toStoreError(error))
  if (connection.notices.length === 0) return failure
  return { ...failure, notices: connection.notices.splice(0) }
}
