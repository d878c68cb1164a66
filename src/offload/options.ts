import { availableParallelism } from 'node:os'
import { processLog } from '../logging.ts'
import { OffloadError } from '../threads/errors.ts'
import type { Log } from '../threads/log.ts'
import type { Durability } from './connection-options.ts'

/** How a database is opened. */
export interface OffloadOptions {
  /**
   * The database file. It and its directory are created if they do not exist, the file readable by its owner only.
   * Symbolic links are followed. `:memory:` is refused.
   *
   * Nothing else in this process may open the file, by any means: when it closes it, the operating system drops
   * this database's locks, and another process may delete what was written. If that is detected, it is logged.
   */
  readonly path: string
  /** The operations file, which each worker loads: `new URL('./notes.js', import.meta.url)`, or an absolute path. */
  readonly operations: URL | string
  /** What the hooks of the operations file get as `context.data`: what structured cloning carries. */
  readonly data?: unknown
  /**
   * Open read-only: there is no writer, and writes fail with `read_only`. The file must exist, and is never changed.
   * Other processes may write to it meanwhile, and their writes are seen. If neither the file nor its directory can
   * be written and nobody has the file open, a private copy is read, and `log` says so. @default false
   */
  readonly readOnly?: boolean | undefined
  /**
   * Create a missing file, and run `setup` and `migrations`. If `false`, opening these fails with `unavailable` or
   * `migration_needed`. @default true; always false with `readOnly`
   */
  readonly migrate?: boolean | undefined
  /** Check the file for damage before opening it, which reads all of it. Damage fails with `corrupt`. @default false */
  readonly quickCheck?: boolean | undefined
  /**
   * Reader threads, each with a connection. @default one per core, 1 to 8, of which one serves long reads only:
   * the caller's thread needs a core, too
   */
  readonly readers?: number | undefined
  /** Threads that answer indexed reads, each with an index of its own. They load it once the rest is open. @default 0 */
  readonly indexers?: number | undefined
  /**
   * What an acknowledged write survives. `normal`: a crash of the process; a power loss may take the last few
   * seconds of writes, but never damages the file. `full`: also a power loss, at the price of one disk flush for
   * each group of writes. @default 'normal'
   */
  readonly durability?: Durability | undefined
  /**
   * The most calls that may wait for the writer, for the readers, and for the indexers. One more fails with
   * `overloaded` at once. @default 10000
   */
  readonly maxQueue?: number | undefined
  /**
   * The most text and data of writes that wait or are under way, in characters and bytes; one more fails with
   * `overloaded`, unless it is the only one. Until they are answered, it is in memory several times.
   * @default 67108864 (64 MiB)
   */
  readonly maxQueueBytes?: number | undefined
  /**
   * How long a call may take, in milliseconds. Then it fails: with `timeout` if it had no effect, with
   * `outcome_unknown` if it is a write that was sent to the writer. A snapshot, or a stream, that is not used for so
   * long ends. @default 30000
   */
  readonly timeout?: number | undefined
  /**
   * How long a transaction may hold the writer, in milliseconds. Then it is rolled back, and its next call fails with
   * `timeout`. @default 10000
   */
  readonly transactionTimeout?: number | undefined
  /** How long the writer waits for another process's lock, in milliseconds. @default 5000 */
  readonly busyTimeout?: number | undefined
  /** Page cache of each connection, in KiB. @default 16384 */
  readonly cacheSize?: number | undefined
  /** How much of the file each connection memory-maps, in bytes. @default 0 */
  readonly mmapSize?: number | undefined
  /** How often idle work is done, such as emptying the write-ahead log, in milliseconds. @default 1000 */
  readonly upkeepInterval?: number | undefined
  /** Options of Node for the threads, as `['--import', 'tsx']`. @default those that the operations file needs */
  readonly execArgv?: readonly string[] | undefined
  /** Where worker crashes, and failures that no caller waits for, are logged. @default process warnings */
  readonly log?: Log | undefined
}

type Complete<Options> = { readonly [Name in keyof Options]-?: Exclude<Options[Name], undefined> }

/** Options with their defaults filled in. */
export interface CompleteOptions extends Complete<Omit<OffloadOptions, 'execArgv' | 'data'>> {
  readonly data: unknown
  readonly execArgv: readonly string[] | undefined
  /** How many of the readers take batches; the others serve long reads only. */
  readonly batchReaders: number
}

/** The longest delay of a timer in Node, in milliseconds. */
export const longestTimer = 2_147_483_647

/** What an option must be; `undefined` if it is. */
type Rule = (value: unknown) => string | undefined

function integer(least: number, most = Number.MAX_SAFE_INTEGER): Rule {
  const isRight = (value: unknown) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
  return (value) => (isRight(value) ? undefined : `an integer from ${least} to ${most}`)
}

const boolean: Rule = (value) => (typeof value === 'boolean' ? undefined : 'true or false')
const isText = (value: unknown) => typeof value === 'string' && !value.includes('\0')

const rules: Readonly<Record<keyof OffloadOptions, Rule>> = {
  path: (value) => (isText(value) ? undefined : 'a string without NUL'),
  operations: (value) =>
    isText(value) || value instanceof URL ? undefined : 'a URL, or an absolute path',
  data: () => undefined,
  readOnly: boolean,
  migrate: boolean,
  quickCheck: boolean,
  readers: integer(1, 64),
  indexers: integer(0, 64),
  durability: (value) =>
    value === 'normal' || value === 'full' ? undefined : "'normal' or 'full'",
  maxQueue: integer(1),
  maxQueueBytes: integer(1),
  timeout: integer(1, longestTimer),
  transactionTimeout: integer(1, longestTimer),
  busyTimeout: integer(0, longestTimer),
  cacheSize: integer(1, 2_147_483_647),
  mmapSize: integer(0),
  upkeepInterval: integer(1, longestTimer),
  execArgv: (value) =>
    Array.isArray(value) && value.every(isText) ? undefined : 'an array of strings',
  log: (value) =>
    typeof (value as Log | null)?.warn === 'function' && typeof (value as Log).error === 'function'
      ? undefined
      : 'an object with the functions `warn` and `error`',
}

/** @throws {OffloadError} `invalid` for an option that is missing, unknown or out of range */
export function checkOptions(options: OffloadOptions): OffloadOptions {
  if (typeof options !== 'object' || options === null)
    throw new OffloadError('invalid', 'options must be an object with `path` and `operations`')
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name as keyof OffloadOptions] : undefined
    if (!rule) {
      const known = Object.keys(rules).join(', ')
      throw new OffloadError('invalid', `there is no option ${name}; there are ${known}`)
    }
    const right = value === undefined ? undefined : rule(value)
    if (right !== undefined) throw new OffloadError('invalid', `${name} must be ${right}`)
  }
  for (const name of ['path', 'operations'] as const)
    if (options[name] === undefined)
      throw new OffloadError('invalid', `the option ${name} is missing`)
  const { path } = options
  if (path.trim() === '' || path === ':memory:')
    throw new OffloadError(
      'invalid',
      `path must name a file, got ${JSON.stringify(path)}: each connection would have a database of its own`,
    )
  try {
    structuredClone(options.data)
  } catch (error) {
    const why = `data can't be sent to another thread: ${(error as Error).message}`
    throw new OffloadError('invalid', why, { cause: error })
  }
  return options
}

export function completeOptions(options: OffloadOptions): CompleteOptions {
  const defaultReaders = Math.min(Math.max(availableParallelism(), 1), 8)
  const {
    path,
    operations,
    data,
    readOnly = false,
    migrate = true,
    quickCheck = false,
    readers = defaultReaders,
    indexers = 0,
    durability = 'normal',
    maxQueue = 10_000,
    maxQueueBytes = 67_108_864,
    timeout = 30_000,
    transactionTimeout = 10_000,
    busyTimeout = 5_000,
    cacheSize = 16_384,
    mmapSize = 0,
    upkeepInterval = 1_000,
    execArgv,
    log = processLog,
  } = options
  return {
    path,
    operations,
    data,
    readOnly,
    migrate,
    quickCheck,
    readers,
    batchReaders: options.readers ?? Math.max(1, defaultReaders - 1),
    indexers,
    durability,
    maxQueue,
    maxQueueBytes,
    timeout,
    transactionTimeout,
    busyTimeout,
    cacheSize,
    mmapSize,
    upkeepInterval,
    execArgv,
    log,
  }
}
