import { checker } from '../knowledge/validation.ts'
import type { Durability } from '../offload/connection-options.ts'
import { longestTimer } from '../offload/options.ts'
import type { Log } from '../threads/log.ts'

/** How a `SqliteStore` is opened. */
export interface SqliteStoreOptions {
  /**
   * The database file. It and its directory are created if they do not exist, the file readable by its owner only.
   * Symbolic links are followed. `:memory:` is refused.
   *
   * Nothing else in this process may open the file, by any means: when it closes it, the operating system drops
   * this store's locks, and another process may delete what was written. If that is detected, it is logged.
   */
  readonly path: string
  /**
   * Open read-only: there is no writer, and writes fail with `read_only`. The file must exist and have the newest
   * schema, and is never changed. Other processes may write to it meanwhile, and their writes are seen. If neither
   * the file nor its directory can be written and nobody has the file open, a private copy is read, and `log`
   * says so. @default false
   */
  readonly readOnly?: boolean | undefined
  /**
   * Create a missing file, and migrate one that lacks steps of the schema. If `false`, opening these fails with
   * `unavailable` or `migration_needed`. @default true; always false with `readOnly`
   */
  readonly migrate?: boolean | undefined
  /**
   * Check the file for damage before opening it, which reads all of it: about a second for 100,000 units. Damage
   * fails with `corrupt`, and is named. @default false
   */
  readonly quickCheck?: boolean | undefined
  /**
   * Reader threads, each with a connection. @default one per core, 1 to 8, of which one serves long reads only:
   * the caller's thread needs a core, too
   */
  readonly readers?: number | undefined
  /**
   * Threads that answer queries and statistics, each with a connection and all approved units in memory, some 146
   * bytes each, loaded once the store is open. One answers more queries than an event loop can pass on; a second
   * helps if queries are very many and cores are free. With 0, nothing is loaded and such calls fail with
   * `unavailable`. @default 1
   */
  readonly rankers?: number | undefined
  /**
   * What an acknowledged write survives. `normal`: a crash of the process; a power loss may take the last few
   * seconds of writes, but never damages the file. `full`: also a power loss, at the price of one disk flush for
   * each group of writes. @default 'normal'
   */
  readonly durability?: Durability | undefined
  /**
   * The most calls that may wait for the writer, for the readers, and for the rankers. One more fails with
   * `overloaded` at once. @default 10000
   */
  readonly maxQueue?: number | undefined
  /**
   * The most text of writes that wait or are under way, in characters; one more fails with `overloaded`, unless it
   * is the only one. Until they are answered, this text is in memory several times. @default 67108864 (64 MiB)
   */
  readonly maxQueueBytes?: number | undefined
  /**
   * How long a call may take, in milliseconds. Then it fails: with `timeout` if it had no effect, with
   * `outcome_unknown` if it is a write that was sent to the writer. @default 30000
   */
  readonly timeout?: number | undefined
  /** How long the writer waits for another process's lock, in milliseconds. @default 5000 */
  readonly busyTimeout?: number | undefined
  /** Page cache of each connection, in KiB. @default 16384 */
  readonly cacheSize?: number | undefined
  /** How much of the file each connection memory-maps, in bytes. @default 0 */
  readonly mmapSize?: number | undefined
  /** Where worker crashes, and failures that no caller waits for, are logged. @default process warnings */
  readonly log?: Log | undefined
}

const positive = { type: 'integer', minimum: 1 } as const

/** @throws {StoreError} `invalid` for an option that is unknown or out of range */
export const checkStoreOptions = checker<SqliteStoreOptions>('options of SqliteStore', {
  type: 'object',
  required: ['path'],
  properties: {
    path: { type: 'string', pattern: '^[^\\u0000]*$' },
    readOnly: { type: 'boolean' },
    migrate: { type: 'boolean' },
    quickCheck: { type: 'boolean' },
    readers: { type: 'integer', minimum: 1, maximum: 64 },
    rankers: { type: 'integer', minimum: 0, maximum: 64 },
    durability: { enum: ['normal', 'full'] },
    maxQueue: positive,
    maxQueueBytes: positive,
    timeout: { type: 'integer', minimum: 1, maximum: longestTimer },
    busyTimeout: { type: 'integer', minimum: 0, maximum: longestTimer },
    cacheSize: { type: 'integer', minimum: 1, maximum: 2_147_483_647 },
    mmapSize: { type: 'integer', minimum: 0 },
    log: { type: 'object', required: ['warn', 'error'] },
  },
  additionalProperties: false,
})
