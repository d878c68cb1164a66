import type { DatabaseError } from 'pg'
import { StoreError, type StoreErrorCode, storeErrorCodes } from '../errors.ts'
import { OffloadError } from '../threads/errors.ts'

/** Thrown where there is no connection, or it ended or was given up before the server had answered. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  /** Whether the server was silent for too long. */
  readonly wasSilent: boolean

  constructor(message: string, options: ErrorOptions & { readonly wasSilent?: boolean } = {}) {
    super(message, options)
    this.wasSilent = options.wasSilent ?? false
  }
}

/** PostgreSQL's codes, or the classes that they begin with, by what a caller can do about them. */
const meanings: readonly (readonly [StoreErrorCode, RegExp])[] = [
  ['outcome_unknown', /^(08007|40003)$/],
  ['timeout', /^57014$/],
  ['conflict', /^23505$/],
  ['not_found', /^23503$/],
  ['invalid', /^(2350[12]|23514|22003|22021|22P05|54000)$/],
  ['corrupt', /^(XX00[12]|42P01|42703|42883)$/],
  ['unavailable', /^(08|53|28|55P03$|57P0[1235]$|25P03$|25006$|3D000$|42501$|40001$|40P01$)/],
]

/** Codes after which the server ends the connection, or it is of no use: a primary that became a standby. */
const endings = /^(08|57P0[1235]$|25P03$|25006$)/

/** An error that the server answered, and not the driver or the network. */
export function isServerError(error: unknown): error is DatabaseError & { readonly code: string } {
  if (!(error instanceof Error) || !('severity' in error)) return false
  return typeof (error as { code?: unknown }).code === 'string'
}

/** Whether the connection is of no use after this error. */
export function endsConnection(error: unknown): boolean {
  return error instanceof ConnectionLost || (isServerError(error) && endings.test(error.code))
}

/** Whether the same may go well if it is done again: it met others that wrote the same. */
export function isPassing(error: unknown): boolean {
  return isServerError(error) && /^(40001|40P01)$/.test(error.code)
}

/** Whether a prepared statement is of no use any more, though it would be on a new connection. */
export function isStalePlan(error: unknown): boolean {
  if (!isServerError(error)) return false
  return (
    /^(26000|42P05)$/.test(error.code) ||
    (error.code === '0A000' && /cached plan/.test(error.message))
  )
}

/** Makes a StoreError of any failure; what is not of the server's is the connection's. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  if (error instanceof OffloadError) {
    const { code, message, cause } = error
    const isKnown = (storeErrorCodes as readonly string[]).includes(code)
    return new StoreError(isKnown ? (code as StoreErrorCode) : 'internal', message, { cause })
  }
  if (error instanceof ConnectionLost)
    return new StoreError(error.wasSilent ? 'timeout' : 'unavailable', error.message, {
      cause: error,
    })
  if (!isServerError(error))
    return new StoreError('internal', `a fault in cq-store: ${error}`, { cause: error })
  const { code, message } = error
  const meaning = meanings.find(([, codes]) => codes.test(code))?.[0] ?? 'internal'
  return new StoreError(meaning, `PostgreSQL failed (${code}: ${message})`, { cause: error })
}
