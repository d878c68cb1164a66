import { StoreError } from '../../src/errors.ts'
import { OffloadError } from '../../src/threads/errors.ts'

/** How a call ends: `answered`, or the code of its error. Any other error is passed on. */
export async function outcome(call: Promise<unknown>): Promise<'answered' | string> {
  try {
    await call
    return 'answered'
  } catch (error) {
    if (error instanceof StoreError || error instanceof OffloadError) return error.code
    throw error
  }
}

/** The StoreError that a call ends with. */
export async function failureOf(call: Promise<unknown>): Promise<StoreError | OffloadError> {
  try {
    await call
  } catch (error) {
    if (error instanceof StoreError || error instanceof OffloadError) return error
    throw error
  }
  throw new Error('the call did not fail')
}
