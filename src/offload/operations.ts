import { OffloadError } from '../threads/errors.ts'
import type { ConnectionAccess } from './connection-options.ts'
import type { Database } from './database.ts'

/**
 * Where an operation runs:
 * - `read`: on any reader, in one snapshot with others.
 * - `long read`: alone on a reader, so that no other call waits behind it.
 * - `write`: on the writer, in one transaction with others, and undone alone if it fails.
 * - `maintenance`: alone on the writer, outside any transaction, as VACUUM and most PRAGMAs need it.
 * - `stream`: on any reader, in a snapshot of its own that lasts until its consumer stops.
 * - `indexed read`: on an indexer, a reader that keeps something in memory, in one snapshot with others.
 * - `long indexed read`: likewise, but alone.
 */
export type OperationKind =
  | 'read'
  | 'long read'
  | 'write'
  | 'maintenance'
  | 'stream'
  | 'indexed read'
  | 'long indexed read'

/** Work on a database that callers ask for by name. */
export interface Operation<
  Kind extends OperationKind,
  Args extends unknown[],
  Result,
  Index = unknown,
> {
  readonly kind: Kind
  /** @param index what the keeper of an indexer has in memory; `undefined` elsewhere */
  readonly run: (db: Database, index: Index, ...args: Args) => Result
}

// biome-ignore lint/suspicious/noExplicitAny: any arguments, results and indexes
export type AnyOperation = Operation<OperationKind, any[], any, any>

/** Operations by name. */
export type Definitions = Readonly<Record<string, AnyOperation>>

/** Work on the caller's data must be done when it returns: a promise would be settled after the commit. */
type Settled<Result> = Result extends PromiseLike<unknown> ? never : Result

type Run<Args extends unknown[], Result> = (db: Database, ...args: Args) => Settled<Result>

function plain<const Kind extends OperationKind>(kind: Kind) {
  return <Args extends unknown[], Result>(
    run: Run<Args, Result>,
  ): Operation<Kind, Args, Result> => ({
    kind,
    run: (db, _, ...args) => run(db, ...args) as Result,
  })
}

function indexed<const Kind extends OperationKind>(kind: Kind) {
  return <Index, Args extends unknown[], Result>(
    run: (db: Database, index: Index, ...args: Args) => Settled<Result>,
  ): Operation<Kind, Args, Result, Index> => ({ kind, run: run as never })
}

/** Reads on any reader, in one snapshot with other reads. */
export const read = plain('read')
/** Reads alone on a reader: for what may take long. */
export const longRead = plain('long read')
/** Writes, in one transaction with other writes. If it throws, what it did is undone, and theirs is not. */
export const write = plain('write')
/** Runs alone on the writer, outside any transaction: for VACUUM, PRAGMA, ATTACH. */
export const maintenance = plain('maintenance')
/** Reads on an indexer, whose index it gets after the database. */
export const indexedRead = indexed('indexed read')
/** As `indexedRead`, alone on the indexer. */
export const longIndexedRead = indexed('long indexed read')

/**
 * Reads any number of items, which callers get as an async iterator, in chunks and no faster than they take them.
 * All are of one snapshot, which ends when the caller stops.
 */
export function stream<Args extends unknown[], Item>(
  run: (db: Database, ...args: Args) => Iterable<Item>,
): Operation<'stream', Args, Iterable<Item>> {
  return { kind: 'stream', run: (db, _, ...args) => run(db, ...args) }
}

/** What a thread tells the hooks of an operations file. */
export interface ThreadContext {
  readonly access: ConnectionAccess
  /** Its place among the threads of its kind, from 0. */
  readonly number: number
  readonly readOnly: boolean
  /** As given to `openOffloaded`. */
  readonly data: unknown
}

/** Does work in a snapshot of the database. */
export type InSnapshot = <Result>(work: () => Result) => Result

/** Keeps in memory what indexed reads are answered from. Each indexer has its own. */
export interface IndexKeeper {
  /** What indexed reads get; `undefined` until it is loaded. */
  readonly index: unknown
  /** Builds the index, in as many snapshots as it likes. */
  load(inSnapshot: InSnapshot): void
  /** Brings the index to the state of the open snapshot. Called before each batch, and while there is none. */
  catchUp(): void
  /** Called after `catchUp` if no batch follows. */
  idle?(): void
}

/** What an operations file says besides its operations. All of it runs in the workers. */
export interface OperationsOptions {
  /** Prepares every connection: functions, collations, PRAGMAs. */
  readonly connect?: (db: Database, context: ThreadContext) => void
  /** Called before a connection is closed. */
  readonly disconnect?: (db: Database, context: ThreadContext) => void
  /**
   * Looks at the file before anything in it is changed, and throws to refuse it: it is then left as it was. If it
   * returns true, `setup` and `migrations` are not run.
   */
  readonly inspect?: (db: Database, context: ThreadContext) => boolean
  /** Runs on the writer before anybody reads, in one transaction: `create table if not exists ...`. */
  readonly setup?: (db: Database, context: ThreadContext) => void
  /**
   * Steps of the schema, in order: SQL or functions. Those that a file lacks run on the writer after `setup`, in
   * the same transaction. How many it has is counted in `PRAGMA user_version`. Only ever add to them.
   */
  readonly migrations?: readonly (string | ((db: Database) => void))[]
  /** Makes the keeper of an indexer. */
  readonly index?: (db: Database, context: ThreadContext) => IndexKeeper
}

// Registered, since the file may import another copy of this one than the worker that loads it.
const brand = Symbol.for('cq-store operations')

/** What an operations file exports as its default. */
export interface Operations<Ops extends Definitions = Definitions> extends OperationsOptions {
  readonly [brand]: true
  readonly definitions: Ops
}

/** What a handle has besides the operations, so that none can be called so. */
export const reservedNames = [
  'with',
  'begin',
  'snapshot',
  'commit',
  'rollback',
  'savepoint',
  'rollbackTo',
  'release',
  'backup',
  'figures',
  'health',
  'fileSizes',
  'close',
  'then',
] as const

export type ReservedName = (typeof reservedNames)[number]

/**
 * Makes the default export of an operations file.
 * @throws {OffloadError} `invalid` for what is no operation, or is called as the database's own methods are
 */
export function operations<const Ops extends Definitions>(
  definitions: Ops & { readonly [Name in ReservedName]?: never },
  options: OperationsOptions = {},
): Operations<Ops> {
  for (const [name, operation] of Object.entries<Partial<AnyOperation>>(definitions)) {
    if ((reservedNames as readonly string[]).includes(name) || name === '__proto__')
      throw new OffloadError('invalid', `no operation can be called ${name}: the database has that`)
    if (typeof operation?.kind !== 'string' || typeof operation.run !== 'function')
      throw new OffloadError('invalid', `${name} is no operation: make it by read(), write(), ...`)
  }
  return { ...options, [brand]: true, definitions }
}

export function areOperations(value: unknown): value is Operations {
  return typeof value === 'object' && value !== null && brand in value
}
