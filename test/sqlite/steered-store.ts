import { internalOptions, internalsOf } from '../../src/internals.ts'
import type { SqliteStoreOptions } from '../../src/sqlite/options.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { RecordedLog } from '../threads/recorded-log.ts'

export const steeredWorker = new URL('./workers/steered.ts', import.meta.url)
/** As `steered.ts`, with a `reviewQueue` that is long by themselves. */
export const longScanWorker = new URL('./workers/long-scan.ts', import.meta.url)

/** A store whose workers do what `steered-units.ts` and `mishap.ts` say. */
export function openSteered(options: SqliteStoreOptions): Promise<SqliteStore> {
  return SqliteStore.open({
    readers: 2,
    log: new RecordedLog(),
    ...options,
    ...internalOptions({ operationsFile: steeredWorker, ...internalsOf(options) }),
  })
}
