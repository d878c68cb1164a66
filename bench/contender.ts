import type { KnowledgeUnit } from '../src/index.ts'

export type Awaitable<T> = T | Promise<T>

/** A way to keep knowledge units in SQLite, opened on a file that is seeded already. */
export interface Contender {
  /** The unit if it is approved, as a whole object: parsed, absent values `null`. */
  get(id: string): Awaitable<KnowledgeUnit | null>
  /** Adds a unit and its domains. Done only once it is committed. */
  insert(unit: KnowledgeUnit): Awaitable<void>
  /** The best five approved units that share a domain, as `Store.query` ranks them. */
  query(domains: readonly string[]): Awaitable<KnowledgeUnit[]>
  close(): Awaitable<void>
}

export interface ContenderOptions {
  readonly path: string
  /** Threads that read, for contenders that have any. */
  readonly readers: number
}

export interface ContenderDescription {
  /** What it is and how it is set up, for whoever reads the figures. */
  readonly about: string
  /**
   * Whether a call holds up the caller's thread until it is done. Such a contender has the event loop
   * turn after each round of calls, as it does in a server whose requests arrive through the loop.
   */
  readonly blocks: boolean
  /** Packages whose versions belong to the figures. */
  readonly packages: readonly string[]
  /** Loaded only in the contender's own process. */
  open(options: ContenderOptions): Promise<Contender>
}

/** To add a contender, write one file beside the others, and name it here. */
export const contenders = {
  direct: {
    about:
      'better-sqlite3 on the main thread: WAL, synchronous NORMAL, prepared statements, a transaction for each insert, fetch-and-score for a query',
    blocks: true,
    packages: ['better-sqlite3'],
    open: async (options) => (await import('./contenders/direct.ts')).open(options),
  },
  'one-task-per-call': {
    about:
      'the same better-sqlite3 code in Piscina workers, a task for each call: a pool of one writer, a pool of readers, everything else as Piscina has it by default; documents cross as objects',
    blocks: false,
    packages: ['piscina', 'better-sqlite3'],
    open: async (options) => (await import('./contenders/one-task-per-call.ts')).open(options),
  },
  SqliteStore: {
    about: 'this package, default options save for the number of readers; inserts are validated',
    blocks: false,
    packages: ['cq-store', 'piscina', 'better-sqlite3'],
    open: async (options) => (await import('./contenders/sqlite-store.ts')).open(options),
  },
} as const satisfies Record<string, ContenderDescription>

export type ContenderName = keyof typeof contenders
