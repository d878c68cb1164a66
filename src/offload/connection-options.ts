// Apart from `Connection`, whose types need the driver's, which users of the package may not have.

/**
 * What a connection is for. `read`: any reader. `index`: a reader with an index in memory. `write`: the writer,
 * which also creates the file and its write-ahead log. `checkpoint`: copies the log into the file.
 */
export type ConnectionAccess = 'read' | 'index' | 'write' | 'checkpoint'

/** What an acknowledged write survives, see `OffloadOptions.durability`. */
export type Durability = 'normal' | 'full'

export interface ConnectionOptions {
  /** An absolute path. */
  readonly path: string
  readonly access: ConnectionAccess
  readonly durability: Durability
  /** How long to wait for another process's lock, in milliseconds. */
  readonly busyTimeout: number
  /** Page cache, in KiB. */
  readonly cacheSize: number
  /** How much of the file is memory-mapped, in bytes. */
  readonly mmapSize: number
  /** Which file must be at the path, see `OpenFile.identity`, if others have it open already. */
  readonly file?: string | undefined
  /** The state of the write-ahead log before opening, see `logState`, if a reader must not leave one behind. */
  readonly logAsFound?: string | undefined
  /** Memory of the `CheckpointRequest` by which a writer asks for checkpoints. */
  readonly checkpointMemory?: SharedArrayBuffer
}

/** The `workerData` of a worker thread. */
export interface WorkerOptions extends ConnectionOptions {
  /** The URL of the operations file. */
  readonly operations: string
  /** Its place among the threads of its kind, from 0. */
  readonly number: number
  readonly readOnly: boolean
  readonly data: unknown
  readonly checkpointMemory: SharedArrayBuffer
  /** Whether to check the file for damage before opening it. */
  readonly quickCheck: boolean
  /** Whether a file that lacks something is set up, in place of being refused. */
  readonly maySetUp: boolean
}

/** How a connection is set up, as reported by SQLite. */
export interface ConnectionReport {
  readonly access: ConnectionAccess
  readonly sqliteVersion: string
  readonly pragmas: Readonly<Record<string, string | number>>
}

/** The outcome of emptying the write-ahead log. */
export interface LogReport {
  /** Whether it was emptied; `false` if readers were in the way. */
  readonly isEmpty: boolean
  /** What failed, and why. */
  readonly failures: readonly string[]
}
