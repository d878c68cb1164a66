import { requireCompiling } from '../knowledge/validation.ts'
import { requireSupportedRuntime } from '../offload/versions.ts'
import { toStoreError } from './errors.ts'

/**
 * To be asked before anything loads the SQLite driver, in whatever thread.
 * @throws {StoreError} `unavailable` where cq-store can't run, or not without a crash
 */
export function requireRuntime(versions = process.versions): void {
  try {
    requireSupportedRuntime(versions)
  } catch (error) {
    throw toStoreError(error)
  }
  requireCompiling()
}
