import { StoreError } from '../errors.ts'
import { writeResult } from '../operations/json-text.ts'
import type { Call } from '../operations/operation-store.ts'
import { type BatchReply, type Failure, toFailure } from '../threads/reply.ts'
import type { Connection, Send } from './connection.ts'
import {
  ConnectionLost,
  endsConnection,
  isPassing,
  isServerError,
  isStalePlan,
  toStoreError,
} from './errors.ts'
import type { Position, Replicas } from './replicas.ts'
import { type Outcome, runTogether, type Surroundings } from './run-steps.ts'
import { type Calls, HalfDone, sets, stepsOf } from './sets.ts'
import { type Beginning, inTransaction, withRetries } from './transaction.ts'

/** What batches are answered over, and how. */
export interface Respondent {
  readonly connection: Connection
  /** See `Beginning.statementTimeout`. */
  readonly statementTimeout?: number | undefined
  /** What may answer reads in its place. */
  readonly replicas?: Replicas
  /** Is told how far the log had got with each commit, where there are replicas. */
  readonly position?: Position | undefined
}

/** Answers a read on a replica that has all that this store has written, or else on the primary. */
async function onReplica(
  { connection, replicas }: Respondent,
  answer: (connection: Connection) => Promise<Outcome[]>,
): Promise<Outcome[]> {
  return (await replicas?.answer(answer)) ?? withRetries(true, () => answer(connection))
}

/** Answers reads, each by itself. @throws {ConnectionLost} and what the driver fails with */
export async function answerReads(
  respondent: Respondent,
  calls: readonly Call[],
): Promise<BatchReply> {
  const notices: string[] = []
  const outcomes = await onReplica(respondent, (connection) =>
    connection.use(async (send) =>
      unless(
        isEverybodys,
        await runTogether(calls.map(stepsOf), { send, notice: (text) => notices.push(text) }),
      ),
    ),
  )
  return toReply(calls, outcomes, notices)
}

/** Answers one read whose statements see one state of the database. */
export async function answerScan(respondent: Respondent, call: Call): Promise<BatchReply> {
  const { statementTimeout } = respondent
  const notices: string[] = []
  const outcomes = await onReplica(respondent, (connection) =>
    connection.use((send) =>
      inTransaction(send, { kind: 'snapshot', statementTimeout }, async () =>
        // In a transaction, each failed statement fails all of it.
        unless(
          isServerError,
          await runTogether([stepsOf(call)], { send, notice: (text) => notices.push(text) }),
        ),
      ),
    ),
  )
  return toReply([call], outcomes, notices)
}

/** Passes outcomes on. @throws what one of them failed with, if that concerns all of them */
export function unless(concernsAll: (error: unknown) => boolean, outcomes: Outcome[]): Outcome[] {
  for (const outcome of outcomes) {
    const cause = 'error' in outcome ? causeOf(outcome.error) : undefined
    if (cause !== undefined && (endsConnection(cause) || concernsAll(cause))) throw cause
  }
  return outcomes
}

/** Whether it would go well if it was done again. */
function isEverybodys(error: unknown): boolean {
  return isPassing(error) || isStalePlan(error)
}

/** What the server or the driver failed with, of which a StoreError was made. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error
  return error.cause instanceof Error && !(error.cause instanceof StoreError)
    ? error.cause
    : undefined
}

/**
 * Answers writes in one transaction. Nobody is answered before the commit. A call fails alone; if the connection is
 * lost, all of them fail, and nothing is stored.
 */
export async function answerWrites(
  respondent: Respondent,
  calls: readonly Call[],
): Promise<BatchReply> {
  const notices: string[] = []
  const outcomes = await outcomesOf(respondent, calls, notices)
  return toReply(calls, outcomes, notices)
}

async function outcomesOf(
  respondent: Respondent,
  calls: readonly Call[],
  notices: string[],
): Promise<Outcome[]> {
  const deadline = performance.now() + respondent.connection.timeout
  try {
    return await commitTogether(respondent, calls, notices, deadline)
  } catch (error) {
    if (calls.length === 1 || isEnd(error)) return calls.map(() => failed(error))
  }
  // One of them has undone what the others did, too: now each gets a transaction of its own.
  const outcomes: Outcome[] = []
  let end: Outcome | undefined
  for (const call of calls) {
    if (performance.now() > deadline) end ??= { error: new StoreError('timeout', outOfTime) }
    if (end) outcomes.push(end)
    else
      try {
        outcomes.push(...(await commitTogether(respondent, [call], notices, deadline)))
      } catch (error) {
        outcomes.push(failed(error))
        // One whose commit is unknown is told so, and those after it were not begun.
        if (error instanceof ConnectionLost) end = failed(error)
      }
  }
  return outcomes
}

const outOfTime = 'the writes before it took all the time that it had; it was not done'

/** Whether it ends a batch: the connection was lost, or some may have been stored. */
function isEnd(error: unknown): boolean {
  return (
    error instanceof ConnectionLost ||
    (error instanceof StoreError && error.code === 'outcome_unknown')
  )
}

function failed(error: unknown): Outcome {
  return { error: toStoreError(error instanceof HalfDone ? error.cause : error) }
}

function commitTogether(
  { connection, position }: Respondent,
  calls: readonly Call[],
  notices: string[],
  deadline: number,
): Promise<Outcome[]> {
  const before = notices.length
  return withRetries(false, () => {
    const timeLeft = Math.max(1, Math.ceil(deadline - performance.now()))
    const beginning: Beginning = {
      kind: 'write',
      statementTimeout: timeLeft,
      // A part of it, so that whatever waits for what another program has locked leaves time for all others.
      lockTimeout: Math.ceil(timeLeft / 4),
      position,
    }
    return connection.use((send) =>
      inTransaction(send, beginning, () => {
        // What was told by a try before is told again.
        notices.length = before
        return runAll(calls, { send, notice: (text) => notices.push(text) })
      }),
    )
  })
}

/** Carries out writes in the order in which they were made, those of a kind that follow each other together. */
async function runAll(calls: readonly Call[], surroundings: Surroundings): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  while (outcomes.length < calls.length) {
    const [method] = calls[outcomes.length] as Call
    const { set = one, most = 1 } = sets[method] ?? {}
    const next = calls.slice(outcomes.length)
    const end = next.findIndex(
      ([other], place) => place >= most || sets[other]?.set !== sets[method]?.set,
    )
    const group = (end < 0 ? next : next.slice(0, end)) as unknown as Calls
    outcomes.push(...(await set(group, surroundings)))
  }
  return outcomes
}

/** @throws {HalfDone} if it fails and has changed something, or what the server failed with */
async function one(calls: Calls, { send, notice }: Surroundings): Promise<Outcome[]> {
  let hasChanged = false
  let fault: unknown
  const observed: Send = async (sql, values) => {
    try {
      const answer = await send(sql, values)
      hasChanged ||= answer.command !== 'SELECT' && answer.changes > 0
      return answer
    } catch (error) {
      fault ??= error
      throw error
    }
  }
  const [outcome] = await runTogether(calls.map(stepsOf), { send: observed, notice })
  // After a failed statement, the server refuses all others of the transaction.
  if (fault !== undefined) throw fault
  if (outcome && 'error' in outcome && hasChanged)
    throw new HalfDone('something was changed', { cause: outcome.error })
  return [outcome as Outcome]
}

export function toReply(
  calls: readonly Call[],
  outcomes: readonly Outcome[],
  notices: readonly string[],
): BatchReply {
  const failures = new Map<number, Failure>()
  const results = outcomes.map((outcome, place) => {
    if ('result' in outcome) return writeResult(outcome.result, calls[place]?.[1])
    failures.set(place, toFailure(toStoreError(outcome.error)))
    return undefined
  })
  return { results, failures, notices }
}
