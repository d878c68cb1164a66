import { StoreError } from '../errors.ts'
import type { RankingIndex } from '../ranking/ranking-index.ts'
import type { CompiledStatement, Statement } from '../sql/statement.ts'
import type { Notice, Question, Rows, Step, Steps, Together } from '../sql/steps.ts'
import type { Answer, Send } from './connection.ts'
import { toStoreError } from './errors.ts'

/** What operations need to run. */
export interface Surroundings {
  readonly send: Send
  readonly notice: (message: string) => void
  /** What a ranker answers questions from. */
  readonly index?: RankingIndex | undefined
}

/** How an operation ended. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown }

/**
 * Runs operations side by side: what each waits for is sent at once, and statements that look for one row by its key
 * become one for all of them. Each ends for itself.
 */
export async function runTogether(
  all: readonly Steps<unknown>[],
  surroundings: Surroundings,
): Promise<Outcome[]> {
  const runs = all.map((steps) => new Run(steps, surroundings))
  for (const run of runs) run.begin()
  for (;;) {
    const waiting = runs.filter((run) => run.step !== undefined)
    if (waiting.length === 0) break
    const lookups = new Lookups(surroundings.send)
    const answers = waiting.map(({ step }) => answerTo(step as Pending, surroundings, lookups))
    lookups.send()
    const settled = await Promise.allSettled(answers)
    for (const [place, run] of waiting.entries()) {
      const answer = settled[place] as PromiseSettledResult<unknown>
      if (answer.status === 'fulfilled') run.goOn(answer.value)
      else run.fail(answer.reason)
    }
  }
  return runs.map(({ outcome }) => outcome as Outcome)
}

/** Runs one operation. @throws what it fails with */
export async function runSteps<Result>(
  steps: Steps<Result>,
  surroundings: Surroundings,
): Promise<Result> {
  const [outcome] = await runTogether([steps], surroundings)
  return resultOf(outcome as Outcome) as Result
}

/** @throws what the operation failed with */
export function resultOf(outcome: Outcome): unknown {
  if ('error' in outcome) throw outcome.error
  return outcome.result
}

/** What an operation waits for. */
type Pending = Step | Together

/** An operation in progress. */
class Run {
  step: Pending | undefined
  outcome: Outcome | undefined
  readonly #steps: Steps<unknown>
  readonly #surroundings: Surroundings

  constructor(steps: Steps<unknown>, surroundings: Surroundings) {
    this.#steps = steps
    this.#surroundings = surroundings
  }

  begin(): void {
    this.goOn(undefined)
  }

  goOn(answer: unknown): void {
    this.#advance(() => this.#steps.next(answer))
  }

  fail(error: unknown): void {
    this.#advance(() => this.#steps.throw(toStoreError(error)))
  }

  /** Goes on up to the next step that needs the database. */
  #advance(move: () => IteratorResult<Step | Together | Notice | Question, unknown>): void {
    try {
      let next = move()
      while (!next.done && ('notice' in next.value || 'ask' in next.value))
        next = this.#steps.next(this.#answer(next.value))
      this.step = next.done ? undefined : (next.value as Pending)
      if (next.done) this.outcome = { result: next.value }
    } catch (error) {
      this.step = undefined
      this.outcome = { error }
    }
  }

  #answer(step: Notice | Question): unknown {
    const { index, notice } = this.#surroundings
    if ('notice' in step) return notice(step.notice)
    if (!index && step.ifThere) return undefined
    if (!index) throw new StoreError('internal', 'only a ranker has an index to ask')
    return step.ask(index)
  }
}

async function answerTo(
  step: Pending,
  surroundings: Surroundings,
  lookups: Lookups,
): Promise<unknown> {
  if ('together' in step)
    return (await runTogether(step.together, surroundings)).map((outcome) => resultOf(outcome))
  const { statement, want, mostText } = step
  if (statement.key !== undefined) return lookups.add(step, statement.key)
  const compiled = statement.compiled('postgres')
  const values = compiled.bind(step.params as Record<string, unknown>)
  if (mostText !== undefined) return boundedRows(step, compiled, values, surroundings.send)
  const answer = await surroundings.send(compiled.sql, values)
  return want === 'rows' ? answer.rows : answer.changes
}

/**
 * The first rows of a query, up to so much text. The server counts it, so that no more than that is sent, in bytes,
 * which are at least as many as characters.
 */
async function boundedRows(
  { mostText = 0, textColumn = 'data' }: Step,
  { sql }: CompiledStatement,
  values: readonly unknown[],
  send: Send,
): Promise<Rows<object>> {
  const size = `coalesce(octet_length(answered."${textColumn}"), 0)`
  const counted = `select answered.*, row_number() over () as cq_place, sum(${size}) over (rows unbounded preceding) as cq_text, ${size} as cq_size from (${sql}) as answered`
  const { rows } = await send(
    `select * from (${counted}) as counted where cq_text - cq_size < $${values.length + 1} order by cq_place`,
    [...values, mostText],
  )
  const isCut = Number(rows.at(-1)?.cq_text ?? 0) >= mostText
  return { rows: rows.map(({ cq_place: _, cq_text: __, cq_size: ___, ...row }) => row), isCut }
}

interface Lookup {
  readonly statement: Statement<never, unknown>
  readonly params: Readonly<Record<string, unknown>>
  readonly waiting: Map<unknown, PromiseWithResolvers<object[]>>
}

/** Statements that look for one row each, by a key, and are sent as one for all keys. */
class Lookups {
  readonly #send: Send
  readonly #all = new Map<string, Lookup>()

  constructor(send: Send) {
    this.#send = send
  }

  /** The row of a key, if there is one. */
  add({ statement, params }: Step, key: string): Promise<object[]> {
    const { [key]: wanted, ...others } = params as Record<string, unknown>
    const id = `${statement.name} ${bindsOthers(statement, key) ? JSON.stringify(others) : ''}`
    const lookup = this.#all.get(id) ?? { statement, params: others, waiting: new Map() }
    this.#all.set(id, lookup)
    const waiting = lookup.waiting.get(wanted) ?? Promise.withResolvers<object[]>()
    lookup.waiting.set(wanted, waiting)
    return waiting.promise
  }

  send(): void {
    for (const { statement, params, waiting } of this.#all.values()) {
      const key = statement.key as string
      const { sql, bind } = statement.compiled('postgres')
      const sent = this.#send(sql, bind({ ...params, [key]: [...waiting.keys()] }))
      sent.then(
        ({ rows }: Answer) => {
          const found = new Map(rows.map((row) => [row[key], row]))
          for (const [wanted, { resolve }] of waiting) {
            const row = found.get(wanted)
            resolve(row ? [row] : [])
          }
        },
        (error) => {
          for (const { reject } of waiting.values()) reject(error)
        },
      )
    }
  }
}

/** Whether the statement has parameters besides its key, so that calls differ by them. */
function bindsOthers(statement: Statement<never, unknown>, key: string): boolean {
  return statement.compiled('postgres').bind({ [key]: undefined }).length > 1
}
