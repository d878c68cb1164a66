import type { StoreError } from '../errors.ts'
import { translated } from '../offload/errors.ts'
import { toStoreError } from './errors.ts'

/** Makes a StoreError of a failure beside the driver, of SQLite's own among others. Loads the driver. */
export function driverFailure(error: unknown): StoreError {
  return toStoreError(translated(error))
}
