import { OffloadError } from '../threads/errors.ts'
import type { BatchReply } from '../threads/reply.ts'
import { Answers } from './answers.ts'
import type { Call } from './calls.ts'
import type { Connection } from './connection.ts'
import type { Definitions, IndexKeeper } from './operations.ts'
import { type Encoded, encode, restoreBuffers } from './values.ts'

/** Thrown when a write fails that has changed something; `cause` says why it failed. */
class HalfDone extends Error {
  override readonly name = 'HalfDone'
}

/** What answers calls: a connection, the operations, and the index of an indexer. */
export interface Respondent {
  readonly connection: Connection
  readonly definitions: Definitions
  readonly keeper?: IndexKeeper | undefined
}

/**
 * Answers a batch of calls in one transaction. Nobody is answered before the commit; if that fails, every call of
 * the batch fails and nothing is stored. Otherwise a call fails alone.
 */
export function answerBatch(respondent: Respondent, calls: readonly Call[]): BatchReply {
  const { connection } = respondent
  try {
    const answers = answersTo(respondent, calls)
    return answers.reply(connection.takeNotices())
  } catch (error) {
    const answers = new Answers()
    for (const _ of calls) answers.addFailure(error)
    return answers.reply(connection.takeNotices())
  }
}

function answersTo(respondent: Respondent, calls: readonly Call[]): Answers {
  const { connection, keeper, definitions } = respondent
  if (connection.access !== 'write')
    return connection.transactions.run(() => {
      keeper?.catchUp()
      return each(respondent, calls, run)
    })
  const [first] = calls
  // Alone, since it is an exclusive call.
  if (first && definitions[first[0]]?.kind === 'maintenance') return each(respondent, calls, run)
  return writeAll(respondent, calls)
}

/** Answers each call by `work`; one that throws fails alone, unless the transaction is gone. */
function each(
  respondent: Respondent,
  calls: readonly Call[],
  work: (respondent: Respondent, call: Call) => Encoded,
): Answers {
  const { sqlite } = respondent.connection
  const isInTransaction = sqlite.inTransaction
  const answers = new Answers()
  for (const call of calls)
    try {
      answers.add(work(respondent, call))
    } catch (error) {
      if (error instanceof HalfDone) throw error
      // On some failures, such as a full disk, SQLite rolls back the whole transaction at once.
      if (isInTransaction && !sqlite.inTransaction) throw error
      answers.addFailure(error)
    }
  return answers
}

/**
 * Runs writes as if none of them could fail, since few do. If one fails that has changed something, all are
 * rolled back and run again, each with a savepoint, which costs two statements and a copy of each page that it
 * touches.
 */
function writeAll(respondent: Respondent, calls: readonly Call[]): Answers {
  const { transactions } = respondent.connection
  try {
    return transactions.run(() => each(respondent, calls, write))
  } catch (error) {
    if (!(error instanceof HalfDone)) throw error
    // What a single call did was rolled back with its transaction.
    if (calls.length === 1) throw error.cause
    respondent.connection.takeNotices()
    return transactions.run(() => each(respondent, calls, runOrUndo))
  }
}

/** @throws {HalfDone} if it fails and has changed something */
function write(respondent: Respondent, call: Call): Encoded {
  const { connection } = respondent
  const { changes } = connection
  try {
    return run(respondent, call)
  } catch (error) {
    if (connection.changes > changes && connection.sqlite.inTransaction)
      throw new HalfDone('a write failed', { cause: error })
    throw error
  }
}

/** Carries out a call inside a transaction, and undoes it alone if it fails. */
export function runOrUndo(respondent: Respondent, call: Call): Encoded {
  return respondent.connection.transactions.savepoint(() => run(respondent, call))
}

/** Carries out a call. The result is made ready to be sent here, so that it cannot fail after the commit. */
export function run(respondent: Respondent, call: Call): Encoded {
  const { connection } = respondent
  // Those of a stream, in a session, which goes on afterwards.
  const aside = connection.iterators.size > 0 ? connection.setIteratorsAside() : undefined
  try {
    return encode(settled(call, resultOf(respondent, call)))
  } finally {
    // Otherwise the transaction cannot be ended.
    if (connection.iterators.size > 0) connection.closeIterators()
    if (aside) connection.iterators = aside
  }
}

/** @throws {OffloadError} `invalid` for a result that is not complete when the operation returns */
function settled([name]: Call, result: unknown): unknown {
  if (typeof result !== 'object' || result === null) return result
  const { then, next } = result as { readonly then?: unknown; readonly next?: unknown }
  const what = typeof then === 'function' ? 'a promise' : 'an iterator'
  if (typeof then !== 'function' && typeof next !== 'function') return result
  const why = `${name} returned ${what}, but its transaction ends when it returns`
  throw new OffloadError('invalid', `${why}: read everything at once, or make it a stream`)
}

/** What an operation returns. */
export function resultOf({ connection, definitions, keeper }: Respondent, call: Call): unknown {
  const [name, more, ...args] = call
  if (more !== 0) restoreBuffers(more.buffers)
  const operation = Object.hasOwn(definitions, name) ? definitions[name] : undefined
  if (!operation) throw new OffloadError('internal', `there is no operation ${name}`)
  return operation.run(connection, keeper?.index, ...args)
}
