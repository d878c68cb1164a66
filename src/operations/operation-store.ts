import { StoreError, type StoreErrorCode } from '../errors.ts'
import { type UnitView, unitViews } from '../knowledge/document.ts'
import {
  type Readiness,
  type ReviewItem,
  type Store,
  type TextMethod,
  textMethods,
} from '../store.ts'
import { checkInteger, checkOptions, checkText } from './arguments.ts'
import { operations } from './index.ts'
import type { OperationKind, StoreMethod } from './operation.ts'

/**
 * A call to carry out: its method, the view of the units in its result, and what its `prepare` made of the
 * arguments.
 */
export type Call = readonly [method: StoreMethod, view: UnitView, ...prepared: unknown[]]

/** Whether the caller gets the result as an object, or as its JSON text. */
export type ResultForm = 'object' | 'text'

/** Why a store is not ready that fails to answer, in words that contain nothing private. */
const reasons: Partial<Record<StoreErrorCode, string>> = {
  corrupt: 'the database file is damaged',
  overloaded: 'too many calls wait',
  timeout: 'reads take too long',
}
const unknown = 'reads fail; see the log'

/** What may change the words of approved units, or approve some. */
const textWrites: ReadonlySet<StoreMethod> = new Set([
  'update',
  'setReviewStatus',
  'decide',
  'decideMany',
  'editUnit',
  'importUnits',
  'removeUnit',
])

abstract class StoreBase {
  #closing: Promise<void> | undefined
  #indexing: Promise<void> | undefined
  /** Whether texts may have changed since indexing began. */
  #mustIndex = false

  /** The time, as operations store it. */
  protected abstract readonly now: () => Date

  /** Carries out a call. */
  protected abstract perform(call: Call, kind: OperationKind, form: ResultForm): Promise<unknown>

  /** Logs the failure of a call that nobody waits for. */
  protected abstract logFailure(method: StoreMethod, error: StoreError): void

  /** Finishes what was accepted and closes every connection. Called at most once. */
  protected abstract release(): Promise<void>

  /** Whether it answers queries at all. */
  protected readonly answersQueries: boolean = true

  /** Why it does not work, as far as is known without asking the database. */
  protected abstract unreadiness(): Promise<string | undefined>

  async readiness(): Promise<Readiness> {
    if (this.#closing) return { isReady: false, reason: 'the store is closed' }
    try {
      const calls = [this.#call('getReviewStatus', [''])]
      // Finds nothing for a blank domain, and waits for the index.
      if (this.answersQueries) calls.push(this.#call('query', [[' ']]))
      await Promise.all(calls)
    } catch (error) {
      const reason = await this.unreadiness()
      return { isReady: false, reason: reason ?? reasons[(error as StoreError).code] ?? unknown }
    }
    const reason = await this.unreadiness()
    return reason === undefined ? { isReady: true } : { isReady: false, reason }
  }

  close(): Promise<void> {
    this.#closing ??= this.release()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async asText<Method extends TextMethod>(
    view: UnitView,
    method: Method,
    ...args: Parameters<Store[Method]>
  ): Promise<string> {
    this.#requireOpen('asText')
    if (!unitViews.includes(view)) throw noneOf('view', unitViews)
    if (!textMethods.includes(method)) throw noneOf('method', textMethods)
    return (await this.#call(method, args, view, 'text')) as string
  }

  async *units(
    options?: Parameters<Store['units']>[0],
  ): AsyncGenerator<ReviewItem, void, undefined> {
    this.#requireOpen('units')
    const { pageSize, ...from } = checkOptions(options, { pageSize: 100, after: '' })
    const limit = checkInteger('pageSize', pageSize, 1)
    let after = checkText('after', from.after)
    for (;;) {
      const page = (await this.#call('exportUnits', [{ after, limit }])) as ReviewItem[]
      yield* page
      const last = page.at(-1)?.knowledge_unit.id
      if (last === undefined) return
      after = last
    }
  }

  /** Not async: the lane's promise is enough. */
  #call(
    method: StoreMethod,
    args: unknown[],
    view: UnitView = 'whole',
    form: ResultForm = 'object',
  ): Promise<unknown> {
    try {
      this.#requireOpen(method)
      const call = prepareCall(method, view, this.now(), args)
      const answer = this.perform(call, kindOf(call), form)
      if (textWrites.has(method) || searchesWords(call)) this.#indexAfter(answer)
      return answer
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Indexes the words of what was approved or edited, one portion after the other. To be called once the store is open;
   * nobody waits for it. Where there is nothing to do, it only reads.
   */
  protected keepIndexed(): void {
    this.#mustIndex = true
    this.#indexing ??= this.#index().finally(() => {
      this.#indexing = undefined
    })
  }

  async #index(): Promise<void> {
    try {
      while (this.#mustIndex && !this.#closing) {
        this.#mustIndex = false
        if ((await this.#count('unindexedTexts')) > 0 && (await this.#count('indexTexts')) > 0)
          this.#mustIndex = true
      }
    } catch (error) {
      const { code } = error as StoreError
      if (code !== 'closed' && code !== 'read_only')
        this.logFailure('indexTexts', error as StoreError)
    }
  }

  #count(method: 'unindexedTexts' | 'indexTexts'): Promise<number> {
    return this.#call(method, []) as Promise<number>
  }

  /**
   * After a write, and after a search, whether it succeeds or not: another program may have approved units, and what
   * failed to be indexed is tried again.
   */
  #indexAfter(call: Promise<unknown>): void {
    const index = () => this.keepIndexed()
    call.then(index, index)
  }

  #requireOpen(method: string): void {
    if (!this.#closing) return
    throw new StoreError('closed', `the store is closed; ${method} was not done`)
  }

  static {
    for (const [method, { bestEffort }] of Object.entries(operations) as [
      StoreMethod,
      { bestEffort?: boolean },
    ][]) {
      const call = function (this: StoreBase, ...args: unknown[]) {
        const answer = this.#call(method, args)
        if (!bestEffort) return answer
        return answer.catch((error: StoreError) => {
          if (error.code === 'closed' || error.code === 'invalid') throw error
          this.logFailure(method, error)
        })
      }
      Object.defineProperty(StoreBase.prototype, method, {
        value: Object.defineProperty(call, 'name', { value: method }),
      })
    }
  }
}

/** Prepares a call. Malformed arguments of any kind are `invalid`. */
function prepareCall(method: StoreMethod, view: UnitView, now: Date, args: unknown[]): Call {
  const { prepare } = operations[method]
  try {
    return [
      method,
      view,
      ...(prepare as (now: Date, ...args: unknown[]) => unknown[])(now, ...args),
    ]
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError('invalid', `invalid arguments of ${method}: ${error}`, { cause: error })
  }
}

function kindOf([method, , ...prepared]: Call): OperationKind {
  const { kind } = operations[method]
  return typeof kind === 'function' ? kind(...prepared) : kind
}

/** Whether a call looks for words. */
function searchesWords([method, , words]: Call): boolean {
  return (
    method === 'search' || method === 'similarUnits' || (method === 'query' && words !== undefined)
  )
}

function noneOf(name: string, known: readonly string[]): StoreError {
  return new StoreError('invalid', `${name} must be one of ${known.join(', ')}`)
}

/**
 * A Store whose methods are its operations: each becomes a method, and all of them call `perform`, which decides
 * where an operation runs.
 */
export const OperationStore = StoreBase as abstract new () => StoreBase & Pick<Store, StoreMethod>
