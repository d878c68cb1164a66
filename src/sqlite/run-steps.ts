import { StoreError } from '../errors.ts'
import type { UnitView } from '../knowledge/document.ts'
import type { Database } from '../offload/database.ts'
import { writeResult } from '../operations/json-text.ts'
import type { RankingIndex } from '../ranking/ranking-index.ts'
import {
  type Notice,
  type Question,
  type Step,
  type Steps,
  type Together,
  takeWithin,
} from '../sql/steps.ts'
import { driverFailure } from './driver-failure.ts'

/**
 * Runs an operation: carries out each statement that it yields, and hands it the answer or the failure.
 * @param index what a ranker answers questions from
 */
export function runSteps<Result>(
  database: Database,
  steps: Steps<Result>,
  index?: RankingIndex,
): Result {
  let step = steps.next()
  while (!step.done) {
    let answer: unknown
    try {
      answer = carryOut(database, step.value, index)
    } catch (error) {
      step = steps.throw(driverFailure(error))
      continue
    }
    step = steps.next(answer)
  }
  return step.value
}

/** Runs an operation, and writes its result as JSON text, with its units in the given view. */
export function runToText(
  database: Database,
  steps: Steps<unknown>,
  view?: UnitView,
  index?: RankingIndex,
): string {
  return writeResult(runSteps(database, steps, index), view)
}

function carryOut(
  database: Database,
  step: Step | Together | Notice | Question,
  index: RankingIndex | undefined,
): unknown {
  if ('together' in step) return step.together.map((part) => runSteps(database, part, index))
  if ('notice' in step) return database.notice(step.notice)
  if ('ask' in step) {
    if (!index && step.ifThere) return undefined
    if (!index) throw new StoreError('internal', 'only a ranker has an index to ask')
    return step.ask(index)
  }
  const { statement, params, want, mostText, erases } = step
  const { sql, bind } = statement.compiled('sqlite')
  const prepared = database.prepare(sql)
  const values = bind(params as Record<string, unknown>)
  if (want === 'rows')
    return mostText === undefined
      ? prepared.all(...values)
      : takeWithin(mostText, prepared.iterate(...values) as IterableIterator<object>)
  const { changes } = prepared.run(...values)
  if (changes > 0 && erases) database.leaveNoTrace()
  return changes
}
