import { OffloadError, offloadErrorCodes, type WorkerLost } from './errors.ts'
import type { PendingCall } from './pending-call.ts'

type AnyCall = PendingCall<unknown>

/** The failure of a call that finds the queue full. */
export function tooMany(name: string, most: number): OffloadError {
  const why = `${most} calls wait in the ${name} queue, which is the most it takes`
  return new OffloadError('overloaded', why)
}

/** The failure of a call that holds more data than there is room for. */
export function tooMuch(name: string, held: number, most: number): OffloadError {
  const why = `${held} bytes of text wait or are under way in the ${name} queue, of at most ${most}`
  return new OffloadError('overloaded', why)
}

/** The failure of a call that no worker took in time. */
export function notStarted(name: string, timeout: number): OffloadError {
  return new OffloadError('timeout', `the ${name} waited for ${timeout} ms and was not started`)
}

/** The failure of a call that was sent and not answered in time. */
export function notAnswered(
  name: string,
  timeout: number,
  { whenLost }: Pick<AnyCall, 'whenLost'>,
): OffloadError {
  if (whenLost !== 'unknown')
    return new OffloadError('timeout', `the ${name} was not answered within ${timeout} ms`)
  const why = `the ${name} was sent and not answered within ${timeout} ms; it may still take effect`
  return new OffloadError('outcome_unknown', why)
}

/** The failure of a call whose worker ended; `undefined` if it is to be made again. */
export function lostWith(
  cause: WorkerLost,
  name: string,
  { whenLost, wasRetried }: Pick<AnyCall, 'whenLost' | 'wasRetried'>,
): OffloadError | undefined {
  const { message } = cause
  if (whenLost === 'unknown') {
    const why = `whether the ${name} took effect is unknown: ${message}`
    return new OffloadError('outcome_unknown', why, { cause })
  }
  if (whenLost === 'undone')
    return new OffloadError('unavailable', `the ${name} was undone: ${message}`, { cause })
  if (!wasRetried) return undefined
  const why = `the ${name} was tried twice, and both times ${message}`
  return new OffloadError('unavailable', why, { cause })
}

/** The failure of every call while each worker fails to start; `cause` is why the first one did. */
export function noWorker(name: string, cause: OffloadError | undefined): OffloadError {
  // A worker's own code says more, such as that a file is damaged.
  const isOwn = !(offloadErrorCodes as readonly string[]).includes(cause?.code ?? '')
  const code = cause && isOwn ? cause.code : 'unavailable'
  return new OffloadError(code, `no worker can ${name}: ${cause?.message}`, { cause })
}
