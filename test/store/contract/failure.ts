import { expect } from 'vitest'
import { StoreError, type StoreErrorCode } from '../../../src/index.ts'

/** The message of the StoreError that the call fails with, which must be of this code. */
export async function failure(code: StoreErrorCode, call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    (value) => `it resolved to ${JSON.stringify(value)}`,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StoreError)
  expect(error).toMatchObject({ name: 'StoreError', code })
  return (error as StoreError).message
}

/** How a call ended: what it resolved to, or its error's code. */
export type Outcome = { readonly value: unknown } | { readonly code: string }

export async function outcome(call: Promise<unknown>): Promise<Outcome> {
  return call.then(
    (value) => ({ value }),
    (error: unknown) => ({ code: error instanceof StoreError ? error.code : `not one: ${error}` }),
  )
}
