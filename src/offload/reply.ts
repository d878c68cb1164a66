import { EngineError } from './errors.ts'

/** A failure as plain data: an Error loses its class and its code between threads. */
export interface Failure {
  readonly code: string
  readonly message: string
  /** The stack in the worker, for debugging. */
  readonly stack: string | undefined
  readonly notices?: readonly string[]
}

/** A result as text, with messages that the worker wants logged. */
export interface NotedResult {
  readonly text: string
  readonly notices: readonly string[]
}

/** A worker's reply to a call: the result as text, or why there is none. */
export type CallReply = string | NotedResult | Failure

/** A worker's reply to a duty. */
export type DutyReply = { readonly result: unknown } | Failure

/** Makes data of an error; the code of one that has none is `internal`. */
export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error))
    return { code: 'internal', message: String(error), stack: undefined }
  const { message, stack } = error
  const { code } = error as { readonly code?: unknown }
  return { code: typeof code === 'string' ? code : 'internal', message, stack }
}

/** Makes an error of data; its cause is the stack in the worker. */
export function toError({ code, message, stack }: Failure): EngineError {
  return new EngineError(code, message, { cause: stack })
}

export function isFailure(reply: CallReply | DutyReply | undefined): reply is Failure {
  return typeof reply === 'object' && 'code' in reply
}
