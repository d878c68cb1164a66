import { StoreError } from '../errors.ts'
import type { RankingIndex } from '../ranking/ranking-index.ts'
import type { Statement } from '../statement.ts'
import type { Store } from '../store.ts'

/**
 * Where an operation may run: a `read` on any reader, in a batch with others; a `scan`, a read whose
 * work grows with the store, on a reader of its own; a `rank` on a ranker, a reader that has all approved
 * units in memory, in a batch with others, or by itself where it may be a `long rank`; a `sift` likewise, and
 * where there is no ranker as a scan; a `write` on the writer, whole or not at all.
 */
export type Access = 'read' | 'scan' | 'rank' | 'long rank' | 'sift' | 'write'

/** Every method of Store but its lifecycle and readiness, and `asText` and `units`, which call the others. */
export type StoreMethod = Exclude<
  keyof Store,
  'asText' | 'units' | 'readiness' | 'close' | typeof Symbol.asyncDispose
>

/** What an operation asks of the database: run this statement with these parameters. */
export interface Step {
  readonly statement: Statement<never, unknown>
  readonly params: object
  readonly want: 'rows' | 'changes'
  /**
   * How much text the rows may hold: reading ends with the row that passes it, and `Rows` are the answer.
   * @default no bound, and the answer is a list
   */
  readonly mostText?: number
  /** Whether what it takes out is to be nowhere any more: in no file beside the database, either. */
  readonly erases?: boolean
}

/** What an operation wants logged, beside its result or its failure. It is answered nothing. */
export interface Notice {
  readonly notice: string
}

/**
 * What a `rank` or a `sift` asks of the index of approved units, which is as of the same moment as the database.
 */
export interface Question {
  readonly ask: (index: RankingIndex) => unknown
  /** Whether `undefined` is the answer where there is no index. */
  readonly ifThere?: boolean
}

/**
 * What an operation does: it yields statements, and questions where it is a `rank`, is handed their answers,
 * and returns its result. Notices it yields in between.
 */
// biome-ignore lint/suspicious/noExplicitAny: what a step answers is typed by the helper that yields it
export type Steps<Result> = Generator<Step | Notice | Question, Result, any>

/**
 * A method of Store in two halves. `prepare` runs where the call is made: it checks the arguments and
 * turns them into what the database needs, so that bad input costs no round trip and the writer no
 * time. `run` runs beside the database, and may run again on another connection if a reader dies.
 */
// biome-ignore lint/suspicious/noExplicitAny: only prepare and run know what passes between them
export interface Operation<Args extends unknown[], Result, Prepared extends unknown[] = any[]> {
  /** Where it runs; one that is told as a function, by what was prepared. */
  readonly access: Access | ((...prepared: Prepared) => Access)
  /** Whether a failure is only logged. */
  readonly bestEffort?: boolean
  /** @throws {StoreError} `invalid` */
  prepare(now: Date, ...args: Args): Prepared
  run(...prepared: Prepared): Steps<Result>
}

/** One operation for each of `Methods`, its types taken from Store. */
export type OperationsFor<Methods extends StoreMethod> = {
  readonly [M in Methods]: Operation<Parameters<Store[M]>, Awaited<ReturnType<Store[M]>>>
}

type Prepare<Args extends unknown[], Prepared extends unknown[]> = (
  now: Date,
  ...args: Args
) => Prepared
type Run<Prepared extends unknown[], Result> = (...prepared: Prepared) => Steps<Result>

export function read<Args extends unknown[], Result, const Prepared extends unknown[]>(
  prepare: Prepare<Args, Prepared>,
  run: Run<Prepared, Result>,
): Operation<Args, Result> {
  return { access: 'read', prepare, run: run as Run<unknown[], Result> }
}

export function scan<Args extends unknown[], Result, const Prepared extends unknown[]>(
  prepare: Prepare<Args, Prepared>,
  run: Run<Prepared, Result>,
): Operation<Args, Result> {
  return { access: 'scan', prepare, run: run as Run<unknown[], Result> }
}

export function rank<Args extends unknown[], Result, const Prepared extends unknown[]>(
  prepare: Prepare<Args, Prepared>,
  run: Run<Prepared, Result>,
): Operation<Args, Result> {
  return { access: 'rank', prepare, run: run as Run<unknown[], Result> }
}

export function write<Args extends unknown[], Result, const Prepared extends unknown[]>(
  prepare: Prepare<Args, Prepared>,
  run: Run<Prepared, Result>,
): Operation<Args, Result> {
  return { access: 'write', prepare, run: run as Run<unknown[], Result> }
}

/** Every row that the statement answers. */
export function* all<P extends object, Row>(statement: Statement<P, Row>, params: P): Steps<Row[]> {
  return yield { statement: statement as never, params, want: 'rows' }
}

/** Rows of an order, and whether there may be more that were not read, since these hold much text. */
export interface Rows<Row> {
  readonly rows: readonly Row[]
  readonly isCut: boolean
}

/**
 * How much text one answer holds, in characters: 4 Mi, and what the last unit has beyond it. A unit may be
 * large, and as many as are asked for too many for the memory.
 */
export const mostAnswered = 4_194_304

/** The first rows that the statement answers, at least one, up to so much text. */
export function* allWithin<P extends object, Row extends object>(
  mostText: number,
  statement: Statement<P, Row>,
  params: P,
): Steps<Rows<Row>> {
  return yield { statement: statement as never, params, want: 'rows', mostText }
}

/** As `allWithin` answers, of rows that are read one by one. */
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

/** How much text a row holds. */
function textIn(row: object): number {
  let length = 0
  for (const name in row) {
    const value = row[name as keyof typeof row] as unknown
    if (typeof value === 'string') length += value.length
  }
  return length
}

/** The first row that the statement answers. */
export function* first<P extends object, Row>(
  statement: Statement<P, Row>,
  params: P,
): Steps<Row | undefined> {
  return (yield* all(statement, params))[0]
}

/** Runs a statement that changes rows, and answers how many. */
export function* change<P extends object>(
  statement: Statement<P, unknown>,
  params: P,
): Steps<number> {
  return yield { statement: statement as never, params, want: 'changes' }
}

/** What the index of approved units answers. Only a `rank` may ask. */
export function* ask<Answer>(question: (index: RankingIndex) => Answer): Steps<Answer> {
  return yield { ask: question }
}

/** The same, where there is an index: a `sift` that runs as a scan has none. */
export function* askIfThere<Answer>(
  question: (index: RankingIndex) => Answer,
): Steps<Answer | undefined> {
  return yield { ask: question, ifThere: true }
}

/** Has something logged: once, however often it is said. */
export function* log(notice: string): Steps<void> {
  yield { notice }
}

/** As `change`, for what must leave no trace. */
export function* erase<P extends object>(
  statement: Statement<P, unknown>,
  params: P,
): Steps<number> {
  return yield { statement: statement as never, params, want: 'changes', erases: true }
}

/** As `change`, for a record that must be new: says `message` where it is not. */
export function* create<P extends object>(
  statement: Statement<P, unknown>,
  params: P,
  message: string,
): Steps<number> {
  try {
    return yield* change(statement, params)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'conflict')
      throw new StoreError('conflict', message, { cause: error })
    throw error
  }
}
