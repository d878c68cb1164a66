import type { StatementText } from '../statement.ts'

// Apart from `Connection`, whose types need those of the driver, which users of the package need not have.

/**
 * What a connection may do. The writer also makes the file and its write-ahead log; what `checkpoint`
 * may is to fold that into the file. One that may `rank` reads, and has an index in memory.
 */
export type Access = 'read' | 'rank' | 'write' | 'checkpoint'
/** How hard a commit is pressed to the disk, see `SqliteStoreOptions.durability`. */
export type Durability = 'normal' | 'full'

export interface ConnectionOptions {
  /** An absolute path. */
  readonly path: string
  readonly access: Access
  readonly durability: Durability
  /** How long to wait for another process's lock, in milliseconds. */
  readonly busyTimeout: number
  /** Page cache, in KiB. */
  readonly cacheSize: number
  /** How much of the file is read through memory mapping, in bytes. */
  readonly mmapSize: number
  /** Which file must lie there, see `OpenFile`, where others have it open already. */
  readonly file?: string | undefined
  /** How the write-ahead log was found, see `logState`, where a reader is to leave none behind. */
  readonly logAsFound?: string | undefined
  /** Of the `CheckpointRequest` that a writer makes, where somebody answers it. */
  readonly checkpointMemory?: SharedArrayBuffer
}

/** What a worker thread is started with. */
export interface WorkerOptions extends ConnectionOptions {
  /** Compiled by the thread that starts it, see `statement.ts`. */
  readonly statements: readonly StatementText[]
  readonly checkpointMemory: SharedArrayBuffer
  /** Of the figures of a ranker's index. */
  readonly rankingMemory?: SharedArrayBuffer | undefined
  /** Whether the file is looked through for damage first. */
  readonly quickCheck: boolean
  /** Whether the file must have the newest schema, and is not brought to it. */
  readonly mustBeNewest: boolean
}

/** How a connection is set up, as SQLite itself tells it. */
export interface ConnectionReport {
  readonly access: Access
  readonly sqliteVersion: string
  readonly pragmas: Readonly<Record<string, string | number>>
}

/** What came of a writer's upkeep. */
export interface Tidied {
  /** Whether no reader was in the way. */
  readonly isDone: boolean
  /** What could not be done, and why. */
  readonly undone: readonly string[]
}
