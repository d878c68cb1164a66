import type { ContenderDescription } from './contender.ts'

/** To add a contender, write one file in `contenders/`, and name it here. */
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
