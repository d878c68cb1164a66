import { OffloadError } from './errors.ts'

/** A failure as plain data: an Error loses its class and its code between threads. */
export interface Failure {
  readonly code: string
  readonly message: string
  /** The stack in the worker, for debugging. */
  readonly stack: string | undefined
}

/** A worker's reply to a batch. */
export interface BatchReply {
  /** The result of each call, in order; `undefined` for one that failed. */
  readonly results: unknown[]
  /** One character a call, which tells how its result is to be read, if that differs between calls. */
  readonly forms?: string | undefined
  /** The calls that failed, by their place in the batch. */
  readonly failures?: ReadonlyMap<number, Failure> | undefined
  /** Messages to be logged. */
  readonly notices?: readonly string[] | undefined
}

/** A worker's reply to a duty. */
export type DutyReply = { readonly result: unknown } | Failure

/** Makes data of an error; the code of one that has none is `internal`. */
export function toFailure(error: unknown, code = 'internal'): Failure {
  try {
    if (!(error instanceof Error)) return { code, message: String(error), stack: undefined }
    const { message, stack } = error
    const { code: own } = error as { readonly code?: unknown }
    return { code: typeof own === 'string' ? own : code, message: `${message}`, stack: `${stack}` }
  } catch {
    // Whatever was thrown, reading it must not fail other calls.
    return { code, message: 'something that cannot be read was thrown', stack: undefined }
  }
}

/** Makes an error of data; its cause is the stack in the worker. */
export function toError({ code, message, stack }: Failure): OffloadError {
  return new OffloadError(code, message, { cause: stack })
}

export function isFailure(reply: DutyReply): reply is Failure {
  return 'code' in reply
}
