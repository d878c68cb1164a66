/**
 * What the engine itself fails with:
 * - `invalid`: an option or argument is wrong; nothing was done.
 * - `overloaded`: too many calls, or too much data, wait; nothing was done.
 * - `timeout`: the call did not settle within its deadline and had no effect.
 * - `outcome_unknown`: a call that is not repeatable was sent and its reply lost; it may have taken effect.
 * - `unavailable`: no worker can carry out the call; nothing was done.
 * - `closed`: the worker was closed.
 * - `internal`: a worker broke the protocol.
 */
export const offloadErrorCodes = [
  'invalid',
  'overloaded',
  'timeout',
  'outcome_unknown',
  'unavailable',
  'closed',
  'internal',
] as const

export type OffloadErrorCode = (typeof offloadErrorCodes)[number]

/** A failure of the engine, or of what runs in a worker, whose codes are its own. */
export class OffloadError extends Error {
  override readonly name = 'OffloadError'
  readonly code: OffloadErrorCode | (string & {})

  constructor(code: OffloadErrorCode | (string & {}), message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Thrown where a worker thread ended before it answered. */
export class WorkerLost extends Error {
  override readonly name = 'WorkerLost'
}
