import { OffloadError } from '../threads/errors.ts'
import type { BatchReply } from '../threads/reply.ts'
import { Answers } from './answers.ts'
import type { Call } from './calls.ts'
import type { Connection } from './connection.ts'
import { failureOf } from './errors.ts'
import type { Definitions, IndexKeeper } from './operations.ts'
import { type Encoded, encode, restoreBuffers } from './values.ts'

/** Thrown when a write fails that has changed something; `cause` says why it failed. */
class HalfDone extends Error {
  override readonly name = 'HalfDone'
}

/** Thrown when SQLite has rolled the whole transaction back during a call; `cause` says why. */
class TransactionLost extends Error {
  override readonly name = 'TransactionLost'
}

/** What answers calls: a connection, the operations, and the index of an indexer. */
export interface Respondent {
  readonly connection: Connection
  readonly definitions: Definitions
  readonly keeper?: IndexKeeper | undefined
}

/**
 * Answers a batch of calls in one transaction. Nobody is answered before the commit. A call fails alone; if that is
 * the disk's fault, every call of the batch fails and nothing is stored.
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
  const { connection } = respondent
  const answers = new Answers()
  for (const call of calls)
    try {
      answers.add(work(respondent, call))
      connection.requireTransaction()
    } catch (cause) {
      if (cause instanceof HalfDone) throw cause
      const { transactions, sqlite } = connection
      if (transactions.isOpen && !sqlite.inTransaction)
        throw new TransactionLost('the transaction is gone', { cause })
      answers.addFailure(cause)
    }
  return answers
}

/**
 * Runs writes as if none of them could fail, since few do. If one fails that has changed something, all are
 * rolled back and run again, each with a savepoint, which costs two statements and a copy of each page that it
 * touches. If one has SQLite roll all of them back, at once or when they are committed, they are run again, each in a
 * transaction of its own.
 */
function writeAll(respondent: Respondent, calls: readonly Call[]): Answers {
  const { connection } = respondent
  const { transactions } = connection
  try {
    return transactions.run(() => each(respondent, calls, write))
  } catch (error) {
    // What a single call did was rolled back with its transaction.
    if (calls.length === 1) throw reasonOf(error)
    if (!(error instanceof HalfDone)) return eachApart(respondent, calls, reasonOf(error))
  }
  connection.takeNotices()
  try {
    return transactions.run(() => each(respondent, calls, runOrUndo))
  } catch (error) {
    return eachApart(respondent, calls, reasonOf(error))
  }
}

/**
 * Runs each write in a transaction of its own, after one of them had the common one rolled back.
 * @throws the reason, if it is no constraint and no operation's doing: all of them would meet it again
 */
function eachApart(respondent: Respondent, calls: readonly Call[], reason: unknown): Answers {
  if (isFault(reason)) throw reason
  respondent.connection.takeNotices()
  const answers = new Answers()
  for (const call of calls)
    try {
      answers.addAll(writeAll(respondent, [call]))
    } catch (error) {
      answers.addFailure(error)
    }
  return answers
}

function reasonOf(error: unknown): unknown {
  return error instanceof HalfDone || error instanceof TransactionLost ? error.cause : error
}

/** Whether it is the disk's fault, or that of another process, and not one call's. */
function isFault(error: unknown): boolean {
  return ['unavailable', 'corrupt', 'outcome_unknown'].includes(failureOf(error).code)
}

/** @throws {HalfDone} if it fails and has changed something */
function write(respondent: Respondent, call: Call): Encoded {
  const { connection } = respondent
  const { changes, unchanged } = connection
  try {
    return run(respondent, call)
  } catch (cause) {
    const mayHaveChanged =
      connection.changes > changes ||
      (connection.unchanged > unchanged && connection.mayHideChanges)
    if (mayHaveChanged && connection.sqlite.inTransaction)
      throw new HalfDone('a write failed', { cause })
    throw cause
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
