import { OffloadError } from '../threads/errors.ts'
import { type CallSettings, Engine, type OffloadFigures } from './engine.ts'
import type {
  AnyOperation,
  Definitions,
  Operation,
  OperationKind,
  Operations,
} from './operations.ts'
import type { OffloadOptions } from './options.ts'
import type { Session } from './session.ts'

/** The operations of an operations file. */
export type DefinitionsOf<Ops> = Ops extends Operations<infer Defined> ? Defined : never

type Method<Op extends AnyOperation> =
  // biome-ignore lint/suspicious/noExplicitAny: whatever the index is
  Op extends Operation<'stream', infer Args, Iterable<infer Item>, any>
    ? (...args: Args) => AsyncGenerator<Item, void, undefined>
    : // biome-ignore lint/suspicious/noExplicitAny: whatever the index is
      Op extends Operation<OperationKind, infer Args, infer Result, any>
      ? (...args: Args) => Promise<Result>
      : never

/** A method for each operation. */
export type Methods<Defined extends Definitions> = {
  readonly [Name in keyof Defined]: Method<Defined[Name]>
}

type ReadsOf<Defined extends Definitions> = {
  readonly [Name in keyof Defined as Defined[Name]['kind'] extends 'read' | 'long read' | 'stream'
    ? Name
    : never]: Method<Defined[Name]>
}

type PlainOf<Defined extends Definitions> = {
  readonly [Name in keyof Defined as Defined[Name]['kind'] extends
    | 'read'
    | 'long read'
    | 'stream'
    | 'write'
    ? Name
    : never]: Method<Defined[Name]>
}

/**
 * Operations that are committed together, while no other call writes. Reads see what it wrote. Disposing of it rolls
 * it back, unless it was committed.
 */
export type Transaction<Defined extends Definitions> = PlainOf<Defined> &
  AsyncDisposable & {
    /**
     * Commits. @throws {OffloadError} `outcome_unknown` if the writer ended before it answered; `timeout` if the
     * transaction took longer than `transactionTimeout` and was rolled back
     */
    commit(): Promise<void>
    rollback(): Promise<void>
    savepoint(name: string): Promise<void>
    rollbackTo(name: string): Promise<void>
    release(name: string): Promise<void>
  }

/** Reads of one state of the database. It must be closed: while it lasts, the write-ahead log grows. */
export type Snapshot<Defined extends Definitions> = ReadsOf<Defined> &
  AsyncDisposable & { close(): Promise<void> }

/** A database with a method for each operation of its operations file. */
export type Offloaded<Defined extends Definitions> = Methods<Defined> &
  AsyncDisposable & {
    /** The same methods, whose calls are made so. */
    with(settings: CallSettings): Methods<Defined>
    /** Holds the writer for a transaction. */
    begin(settings?: Pick<CallSettings, 'signal'>): Promise<Transaction<Defined>>
    /** Takes a snapshot that several calls read. */
    snapshot(): Promise<Snapshot<Defined>>
    /**
     * Copies the database as of one moment into a new file, while others read and write.
     * @throws {OffloadError} `invalid` if there is such a file already; `unavailable`
     */
    backup(path: string): Promise<void>
    /** What the threads are doing, and have done. */
    readonly figures: OffloadFigures
    /** Why the database does not work, as far as is known without asking it; in words that contain nothing private. */
    health(): Promise<string | undefined>
    /** The sizes of the database file and its write-ahead log, in bytes. */
    fileSizes(): Promise<{ readonly database: number; readonly wal: number }>
    /** Finishes what was accepted, rolls back what is open, and ends the threads. */
    close(): Promise<void>
  }

/** See `openOffloaded` in `index.ts`. */
export async function openHandle<Ops extends Operations>(
  options: OffloadOptions,
): Promise<Offloaded<DefinitionsOf<Ops>>> {
  const engine = await Engine.open(options)
  const handle = {
    ...methodsOf(engine, {}),
    with: (settings: CallSettings) => methodsOf(engine, settings),
    begin: async (settings: Pick<CallSettings, 'signal'> = {}) =>
      transactionOf(engine, await engine.begin(settings.signal)),
    snapshot: async () => snapshotOf(engine, await engine.snapshot()),
    backup: (path: string) => engine.backup(path),
    get figures() {
      return engine.figures
    },
    health: () => engine.fault(),
    fileSizes: () => engine.fileSizes(),
    close: () => engine.close(),
    [Symbol.asyncDispose]: () => engine.close(),
  }
  return handle as unknown as Offloaded<DefinitionsOf<Ops>>
}

function methodsOf(engine: Engine, settings: CallSettings): Record<string, unknown> {
  const methods: Record<string, unknown> = {}
  for (const [name, kind] of Object.entries(engine.kinds))
    methods[name] =
      kind === 'stream'
        ? (...args: unknown[]) => itemsOf(() => engine.snapshot(), true, name, args, settings)
        : (...args: unknown[]) => engine.call(name, kind, args, settings)
  return methods
}

function sessionMethods(engine: Engine, session: Session, kinds: readonly OperationKind[]) {
  const methods: Record<string, unknown> = {}
  for (const [name, kind] of Object.entries(engine.kinds)) {
    if (!kinds.includes(kind)) continue
    methods[name] =
      kind === 'stream'
        ? (...args: unknown[]) => itemsOf(async () => session, false, name, args, {})
        : (...args: unknown[]) => session.call(name, args)
  }
  return methods
}

function transactionOf(engine: Engine, session: Session): object {
  return {
    ...sessionMethods(engine, session, ['read', 'long read', 'stream', 'write']),
    commit: () => session.commit(),
    rollback: () => session.rollBack(),
    savepoint: (name: string) => session.savepoint('savepoint', name),
    rollbackTo: (name: string) => session.savepoint('roll back to', name),
    release: (name: string) => session.savepoint('release', name),
    [Symbol.asyncDispose]: () => session.rollBack(),
  }
}

function snapshotOf(engine: Engine, session: Session): object {
  return {
    ...sessionMethods(engine, session, ['read', 'long read', 'stream']),
    close: () => session.rollBack(),
    [Symbol.asyncDispose]: () => session.rollBack(),
  }
}

/** The items of a stream, chunk by chunk, none of which is asked for before it is needed. */
async function* itemsOf(
  open: () => Promise<Session>,
  isOwn: boolean,
  operation: string,
  args: readonly unknown[],
  { signal }: CallSettings,
): AsyncGenerator<unknown, void, undefined> {
  signal?.throwIfAborted()
  const session = await open()
  let isBeingRead = false
  try {
    let chunk = await session.stream(operation, args)
    isBeingRead = true
    for (;;) {
      yield* chunk.items
      if (chunk.isLast) break
      signal?.throwIfAborted()
      chunk = await session.nextChunk()
    }
    isBeingRead = false
  } finally {
    if (isOwn) await session.rollBack()
    else if (isBeingRead) await session.stopStream().catch(ignoreOver)
  }
}

/** A session that is over reads no stream any more. */
function ignoreOver(error: unknown): void {
  if (!(error instanceof OffloadError)) throw error
}
