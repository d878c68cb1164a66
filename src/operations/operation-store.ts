import { StoreError } from '../errors.ts'
import type { Store } from '../store.ts'
import { operations } from './index.ts'
import type { Access, StoreMethod } from './operation.ts'

/** An operation that is to run: its method, and what its `prepare` made of the arguments. */
export type Call = readonly [method: StoreMethod, ...prepared: unknown[]]

abstract class Performer {
  #closing: Promise<void> | undefined

  /** The time, as operations note it. */
  protected abstract readonly now: () => Date

  /** Carries out one call. */
  protected abstract perform(call: Call, access: Access): Promise<unknown>

  /** Notes the failure of a call that nobody waits for. */
  protected abstract logFailure(method: StoreMethod, error: StoreError): void

  /** Finishes what was accepted and lets go of every connection. Asked at most once. */
  protected abstract release(): Promise<void>

  close(): Promise<void> {
    this.#closing ??= this.release()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Not async: of the promises that a call costs, the lane's is enough. */
  #call(method: StoreMethod, args: unknown[]): Promise<unknown> {
    if (this.#closing) {
      const why = `the store is closed; ${method} was not done`
      return Promise.reject(new StoreError('closed', why))
    }
    try {
      return this.perform(prepareCall(method, this.now(), args), operations[method].access)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  static {
    for (const [method, { bestEffort }] of Object.entries(operations) as [
      StoreMethod,
      { bestEffort?: boolean },
    ][]) {
      const call = function (this: Performer, ...args: unknown[]) {
        const answer = this.#call(method, args)
        if (!bestEffort) return answer
        return answer.catch((error: StoreError) => {
          if (error.code === 'closed' || error.code === 'invalid') throw error
          this.logFailure(method, error)
        })
      }
      Object.defineProperty(Performer.prototype, method, {
        value: Object.defineProperty(call, 'name', { value: method }),
      })
    }
  }
}

/** What is to run. Arguments of another shape altogether are `invalid` like any others. */
function prepareCall(method: StoreMethod, now: Date, args: unknown[]): Call {
  const { prepare } = operations[method]
  try {
    return [method, ...(prepare as (now: Date, ...args: unknown[]) => unknown[])(now, ...args)]
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError('invalid', `invalid arguments of ${method}: ${error}`, { cause: error })
  }
}

/**
 * A Store whose methods are its operations: each of `operations` becomes a method, and all of them
 * meet in `perform`, which says where an operation runs.
 */
export const OperationStore = Performer as abstract new () => Performer & Pick<Store, StoreMethod>
