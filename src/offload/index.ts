import type { DefinitionsOf, Offloaded } from './open-offloaded.ts'
import type { Operations } from './operations.ts'
import type { OffloadOptions } from './options.ts'

export { OffloadError, type OffloadErrorCode } from '../threads/errors.ts'
export type { HistogramFigures } from '../threads/histogram.ts'
export type { LaneFigures } from '../threads/lane-figures.ts'
export type { Log } from '../threads/log.ts'
export type { CallMessage, WorkerMessage } from './channels.ts'
export type { ConnectionReport, Durability } from './connection-options.ts'
export type { Changes, Database, FunctionOptions, Statement } from './database.ts'
export type { CallSettings, OffloadFigures } from './engine.ts'
export type { DefinitionsOf, Methods, Offloaded, Snapshot, Transaction } from './open-offloaded.ts'
export {
  type IndexKeeper,
  type InSnapshot,
  indexedRead,
  longIndexedRead,
  longRead,
  maintenance,
  type Operation,
  type Operations,
  type OperationsOptions,
  operations,
  read,
  stream,
  type ThreadContext,
  write,
} from './operations.ts'
export type { OffloadOptions } from './options.ts'

/**
 * Opens a database, with worker threads for all of its SQL.
 *
 * `openOffloaded<typeof import('./notes.ts').default>({ path, operations: new URL('./notes.js', import.meta.url) })`
 * @throws {OffloadError} `invalid` for an option that is unknown or out of range, or an operations file that is
 * missing or is none; `corrupt`; `newer_schema`; `migration_needed`; `unavailable` if the file cannot be created,
 * opened or locked, or Node or SQLite is too old; what a hook throws. No thread is left running then.
 */
export async function openOffloaded<Ops extends Operations>(
  options: OffloadOptions,
): Promise<Offloaded<DefinitionsOf<Ops>>> {
  // Later, since operations files import this one in each worker, which needs none of that.
  const { openHandle } = await import('./open-offloaded.ts')
  return openHandle<Ops>(options)
}
