import { StoreError } from '../errors.ts'
import type { RankingIndex } from '../ranking/ranking-index.ts'
import type { Statement } from './statement.ts'

/** A statement to run, with its parameters. */
export interface Step {
  readonly statement: Statement<never, unknown>
  readonly params: object
  readonly want: 'rows' | 'changes'
  /**
   * The most text the rows may hold, in characters. Reading stops after the row that exceeds it, and the result
   * is a `Rows`. @default unbounded, and the result is an array
   */
  readonly mostText?: number
  /** The column that holds most of the text. @default 'data' */
  readonly textColumn?: string
  /** Whether the deleted data must also disappear from the write-ahead log. */
  readonly erases?: boolean
}

/** Operations in progress that do not depend on each other, and are answered together: a list of their results. */
export interface Together {
  readonly together: readonly Steps<unknown>[]
}

/** A message to log, beside the operation's result or failure. */
export interface Notice {
  readonly notice: string
}

/** A question to the in-memory index of approved units, which is as of the same snapshot as the database. */
export interface Question {
  readonly ask: (index: RankingIndex) => unknown
  /** Whether the answer is `undefined` where there is no index, in place of an error. */
  readonly ifThere?: boolean
}

/**
 * An operation in progress: it yields statements, questions and notices, receives each answer, and returns its
 * result.
 */
// biome-ignore lint/suspicious/noExplicitAny: the helper that yields a step types its answer
export type Steps<Result> = Generator<Step | Together | Notice | Question, Result, any>

/** Every row of a query. */
export function* all<P extends object, Row>(statement: Statement<P, Row>, params: P): Steps<Row[]> {
  return yield { statement: statement as never, params, want: 'rows' }
}

/** The first rows of a query, and whether reading stopped because they hold as much text as was allowed. */
export interface Rows<Row> {
  readonly rows: readonly Row[]
  readonly isCut: boolean
}

/**
 * The most text in one result, in characters (4 Mi), plus what its last unit adds. Units may be large, and a
 * full page of large ones would not fit in memory.
 */
export const mostAnswered = 4_194_304

/** The first rows of a query, at least one if there is any, up to so much text. */
export function* allWithin<P extends object, Row extends object>(
  mostText: number,
  statement: Statement<P, Row>,
  params: P,
  textColumn = 'data',
): Steps<Rows<Row>> {
  return yield { statement: statement as never, params, want: 'rows', mostText, textColumn }
}

/** Takes rows from an iterator up to so much text, see `allWithin`. */
export function takeWithin<Row extends object>(mostText: number, all: Iterable<Row>): Rows<Row> {
  const rows: Row[] = []
  let text = 0
  for (const row of all) {
    rows.push(row)
    text += textIn(row)
    if (text >= mostText) return { rows, isCut: true }
  }
  return { rows, isCut: false }
}

function textIn(row: object): number {
  let length = 0
  for (const name in row) {
    const value = row[name as keyof typeof row] as unknown
    if (typeof value === 'string') length += value.length
  }
  return length
}

/** The results of operations that do not depend on each other. */
export function* together<Results extends unknown[]>(
  ...parts: { [Part in keyof Results]: Steps<Results[Part]> }
): Steps<Results> {
  return yield { together: parts }
}

/** The first row of a query. */
export function* first<P extends object, Row>(
  statement: Statement<P, Row>,
  params: P,
): Steps<Row | undefined> {
  return (yield* all(statement, params))[0]
}

/** Runs a statement that changes rows; returns how many. */
export function* change<P extends object>(
  statement: Statement<P, unknown>,
  params: P,
): Steps<number> {
  return yield { statement: statement as never, params, want: 'changes' }
}

/** As `change`, for data that must leave no trace. */
export function* erase<P extends object>(
  statement: Statement<P, unknown>,
  params: P,
): Steps<number> {
  return yield { statement: statement as never, params, want: 'changes', erases: true }
}

/** As `change`, for a record that must be new. @throws {StoreError} `conflict` with this message */
export function* create<P extends object>(
  statement: Statement<P, unknown>,
  params: P,
  message: string,
): Steps<number> {
  let stored: number
  try {
    stored = yield* change(statement, params)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'conflict')
      throw new StoreError('conflict', message, { cause: error })
    throw error
  }
  // PostgreSQL's say so in this way: there an error would undo what other calls have done.
  if (stored === 0) throw new StoreError('conflict', message)
  return stored
}

/** Asks the index of approved units. */
export function* ask<Answer>(question: (index: RankingIndex) => Answer): Steps<Answer> {
  return yield { ask: question }
}

/** As `ask`; `undefined` where there is no index, as when an indexed scan runs on a reader. */
export function* askIfThere<Answer>(
  question: (index: RankingIndex) => Answer,
): Steps<Answer | undefined> {
  return yield { ask: question, ifThere: true }
}

/** Logs a message. The same message is logged only once. */
export function* log(notice: string): Steps<void> {
  yield { notice }
}
