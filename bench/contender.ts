import type { KnowledgeStats, KnowledgeUnit, ReviewStats } from '../src/index.ts'
import type { Query } from './corpus.ts'

export type Awaitable<T> = T | Promise<T>

/** What an acknowledged write survives: a crash of the process, or with `full` a power loss, too. */
export type Durability = 'normal' | 'full'

/** A way to keep knowledge units in SQLite, opened on a file that is seeded already. */
export interface Contender {
  /** The unit if it is approved, as a whole object: parsed, absent values `null`. */
  get(id: string): Awaitable<KnowledgeUnit | null>
  /** Adds a unit and its domains. Done only once it is committed. */
  insert(unit: KnowledgeUnit): Awaitable<void>
  /** The best approved units that share a domain, as `Store.query` ranks them. */
  query(query: Query): Awaitable<KnowledgeUnit[]>
  /** Adds one confirmation to an approved unit, and loses no other's. Done only once it is committed. */
  confirm(id: string): Awaitable<KnowledgeUnit>
  /** Approves a pending unit. Done only once it is committed. @throws where it is not pending */
  decide(id: string): Awaitable<void>
  stats(): Awaitable<KnowledgeStats>
  /** What only the store itself offers. */
  reviewStats?(): Awaitable<ReviewStats>
  close(): Awaitable<void>
}

export interface ContenderOptions {
  readonly path: string
  /** Threads that read, for contenders that have any. */
  readonly readers: number
  readonly durability: Durability
}

export interface ContenderDescription {
  /** What it is and how it is set up, for whoever reads the figures. */
  readonly about: string
  /**
   * Whether a call holds up the caller's thread until it is done. Such a contender has the event loop
   * turn after each round of calls, as it does in a server whose requests arrive through the loop.
   */
  readonly blocks: boolean
  /** Whether it reads in threads of its own, as many as it is told. */
  readonly hasReaders: boolean
  /** Packages whose versions belong to the figures. */
  readonly packages: readonly string[]
  /** What installs it, where `npm ci` does not: without, it takes no part. */
  readonly installation?: string
  /** Loads it, in the contender's own process only. */
  open(options: ContenderOptions): Promise<Contender>
}

/** To add a contender, write one file beside the others, and name it here. */
export const contenders = {
  'better-sqlite3': {
    about:
      'called directly on the main thread, with prepared statements; an insert is an immediate transaction, a query is fetch-and-score',
    blocks: true,
    hasReaders: false,
    packages: ['better-sqlite3'],
    open: async (options) => (await import('./contenders/better-sqlite3.ts')).open(options),
  },
  'node:sqlite': {
    about:
      'the module that comes with Node, the same way: `DatabaseSync` on the main thread with prepared statements',
    blocks: true,
    hasReaders: false,
    packages: [],
    open: async (options) => (await import('./contenders/node-sqlite.ts')).open(options),
  },
  sqlite3: {
    about:
      "TryGhost's, in libuv's threads: one connection that reads, with prepared statements, and one in serialised mode that writes, whose transactions are queued in one go, as its documentation shows. A confirmation is an update that holds only if the document is still the one that was read",
    blocks: false,
    hasReaders: false,
    packages: ['sqlite3'],
    installation: 'npm install --no-save sqlite3@6.0.1',
    open: async (options) => (await import('./contenders/sqlite3.ts')).open(options),
  },
  '@libsql/client': {
    about:
      'on a local file, which it reads and writes on the main thread behind its promises: `execute`, and a `batch` for each insert; one connection, for which its settings hold. A confirmation is an update that holds only if the document is still the one that was read',
    blocks: true,
    hasReaders: false,
    packages: ['@libsql/client', 'libsql'],
    open: async (options) => (await import('./contenders/libsql.ts')).open(options),
  },
  Kysely: {
    about:
      'with its own SQLite dialect, over better-sqlite3 on the main thread; each call composes its queries',
    blocks: true,
    hasReaders: false,
    packages: ['kysely', 'better-sqlite3'],
    open: async (options) => (await import('./contenders/kysely.ts')).open(options),
  },
  'Piscina, a task per call': {
    about:
      'the code of `better-sqlite3` in Piscina workers, a task for each call: a pool of one writer, a pool of readers, everything else as Piscina has it by default; documents cross as objects',
    blocks: false,
    hasReaders: true,
    packages: ['piscina', 'better-sqlite3'],
    open: async (options) => (await import('./contenders/task-per-call.ts')).open(options),
  },
  SqliteStore: {
    about:
      'this package, default options save for the number of readers; inserts are validated; queries and statistics are answered by a thread that holds all approved units in memory',
    blocks: false,
    hasReaders: true,
    packages: ['cq-store', 'piscina', 'better-sqlite3'],
    open: async (options) => (await import('./contenders/sqlite-store.ts')).open(options),
  },
} as const satisfies Record<string, ContenderDescription>

export type ContenderName = keyof typeof contenders
export const contenderNames = Object.keys(contenders) as ContenderName[]
