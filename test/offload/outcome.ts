import { StoreError, type StoreErrorCode } from '../../src/errors.ts'

/** How a call ends: `answered`, or the code of its StoreError. Any other error is passed on. */
export async function outcome(call: Promise<unknown>): Promise<'answered' | StoreErrorCode> {
  try {
    await call
    return 'answered'
  } catch (error) {
    if (error instanceof StoreError) return error.code
    throw error
  }
}

/** The StoreError that a call ends with. */
export async function failureOf(call: Promise<unknown>): Promise<StoreError> {
  try {
    await call
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
  throw new Error('the call did not fail')
}
