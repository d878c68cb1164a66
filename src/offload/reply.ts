import { StoreError, type StoreErrorCode } from '../errors.ts'

/** A failure as plain data, since an Error loses its class or its code between threads. */
export interface Failure {
  readonly code: StoreErrorCode
  readonly message: string
  /** The stack in the worker, for whoever debugs it. */
  readonly stack: string | undefined
  readonly notices?: readonly string[]
}

/** What a worker answers to a task: the result as text, or why there is none. */
export type Reply = string | Failure

/** A result together with what the worker wants logged. */
export interface NotedResult {
  readonly text: string
  readonly notices: readonly string[]
}

/** What a worker answers to a call. */
export type CallReply = Reply | NotedResult

export function toFailure({ code, message, stack }: StoreError): Failure {
  return { code, message, stack }
}

/** The failure as an error again, with the worker's stack as its cause. */
export function toError({ code, message, stack }: Failure): StoreError {
  return new StoreError(code, message, { cause: stack })
}
