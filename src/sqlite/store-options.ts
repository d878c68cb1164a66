import { checker } from '../knowledge/validation.ts'
import type { Log } from '../offload/log.ts'
import type { Durability } from './connection-options.ts'

/** How a `SqliteStore` is opened. */
export interface SqliteStoreOptions {
  /**
   * The database file. It and its directory are made where they don't exist, the file for its owner
   * only. Symbolic links are followed. `:memory:` is refused.
   *
   * Nothing else in this process may open the file, by whatever means: as it closes it, the system drops the
   * locks of this store, and another process may take away what was written. Where that is seen, it is logged.
   */
  readonly path: string
  /**
   * Whether it only reads: there is no writer, a write is refused as `read_only`, and the file, which must
   * be there and of the newest schema, is never changed. Other processes may write meanwhile, and what they
   * write is seen. But where nobody has a file open that lies where this process can't write, a private
   * copy is read, as the file was when it was opened; `log` is told. @default false
   */
  readonly readOnly?: boolean | undefined
  /**
   * Whether a file that lacks steps of the schema is brought to the newest one, and a missing one made.
   * Else opening fails, with `migration_needed` or `unavailable`. @default true; never with `readOnly`
   */
  readonly migrate?: boolean | undefined
  /**
   * Whether the file is looked through for damage before the store is open, which reads all of it. A fault is
   * `corrupt`, and named. @default false
   */
  readonly quickCheck?: boolean | undefined
  /**
   * Reader workers, each a thread with a connection. @default one per core, at least 1, at most 8; of
   * these one is for long reads only, since this thread needs a core, too
   */
  readonly readers?: number | undefined
  /**
   * Workers beside these that answer queries and statistics: each a thread with a connection that has all
   * approved units in memory, some 130 bytes each, which it loads once the store is open. One answers more
   * queries than one event loop can send on; a second one is of use where queries are very many and cores are
   * free. With 0 such calls are `unavailable`, and nothing is loaded. @default 1
   */
  readonly rankers?: number | undefined
  /**
   * What an acknowledged write survives. `normal`: a crash of the process; a power loss may take the
   * last moments' writes, never the file's integrity. `full`: a power loss, too, at the price of a
   * disk flush for each group of writes. @default 'normal'
   */
  readonly durability?: Durability | undefined
  /**
   * The most calls that may wait, for the writer, the readers and the rankers each. One more is turned away
   * with `overloaded` at once. @default 10000
   */
  readonly maxQueue?: number | undefined
  /**
   * How much text the calls may hold that wait for the writer or are under way there, where a character counts
   * as a byte; one more is turned away with `overloaded`, unless it is the only one. What they hold is in memory
   * several times until they are answered. @default 67108864 (64 MiB)
   */
  readonly maxQueueBytes?: number | undefined
  /**
   * The time within which every call settles, in milliseconds: with `timeout` where it had no
   * effect, with `outcome_unknown` for a write that was sent to the writer. @default 30000
   */
  readonly timeout?: number | undefined
  /** How long the writer waits for another process's lock, in milliseconds. @default 5000 */
  readonly busyTimeout?: number | undefined
  /** Page cache of each connection, in KiB. @default 16384 */
  readonly cacheSize?: number | undefined
  /** How much of the file each connection reads through memory mapping, in bytes. @default 0 */
  readonly mmapSize?: number | undefined
  /** Where deaths of workers and failures that nobody waits for are told. @default process warnings */
  readonly log?: Log | undefined
  /** The time, for tests that own it. @default the system's */
  readonly now?: (() => Date) | undefined
  /**
   * How often it is looked whether the writer may tidy up and what rankers may follow, in milliseconds, for
   * tests. @default 1000
   */
  readonly tidyInterval?: number | undefined
  /** The file that workers run, for tests that need one to fail. */
  readonly workerFile?: URL | undefined
}

const count = { type: 'integer', minimum: 1 } as const
const atLeastNothing = { type: 'integer', minimum: 0 } as const

/** @throws {StoreError} `invalid` for an option that is unknown, or out of range */
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
    maxQueue: count,
    maxQueueBytes: count,
    // The longest that a timer of Node takes.
    timeout: { type: 'integer', minimum: 1, maximum: 2_147_483_647 },
    busyTimeout: { type: 'integer', minimum: 0, maximum: 2_147_483_647 },
    cacheSize: { type: 'integer', minimum: 1, maximum: 2_147_483_647 },
    mmapSize: atLeastNothing,
    log: { type: 'object', required: ['warn', 'error'] },
    now: {},
    tidyInterval: count,
    workerFile: {},
  },
  additionalProperties: false,
})
