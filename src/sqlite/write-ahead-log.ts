import type Sqlite from 'better-sqlite3'

export interface WriteAheadLogOptions {
  /** How long the connection waits for a lock, in milliseconds. */
  readonly busyTimeout: number
  /**
   * How many pages the log gathers before they are folded into the file: 16 MiB. Pages that many writes
   * touch are folded in once, and the two flushes of a checkpoint are shared by more writes. Four times
   * SQLite's default; measured, inserts in groups take 0.7 of the time for it.
   */
  readonly pagesBetweenCheckpoints?: number
  /** From how many pages on readers are waited for, so that the log can begin anew. */
  readonly pagesToWaitFrom?: number
}

/** How many pages the log has, and how many of them are in the file, too. `busy` where others were in the way. */
export interface Checkpoint {
  readonly busy: number
  readonly log: number
  readonly checkpointed: number
}

/** In bytes. */
const usualPageSize = 4_096
/** How long readers are waited for, in milliseconds: longer each time that it was in vain. */
const shortestPatience = 50
const longestPatience = 400

/**
 * Keeps the write-ahead log of a connection that writes from growing without bound.
 *
 * A log begins anew only where all of it is in the file and nobody reads it any more. A checkpoint that
 * doesn't wait gets there most of the time. Where readers follow each other so closely that one always
 * reads the log, they are waited for: whoever begins to read meanwhile needs the file only, and each read
 * ends within milliseconds. For one that doesn't, such as a long scan, nobody waits; the log grows until
 * it has ended.
 */
export class WriteAheadLog {
  readonly #sqlite: Sqlite.Database
  readonly #busyTimeout: number
  readonly #pagesBetweenCheckpoints: number
  readonly #pagesToWaitFrom: number
  readonly #look: Sqlite.Statement<[], Checkpoint>
  /** How many pages the log had at the last checkpoint, and how many of them were in the file then. */
  #last: Checkpoint = { busy: 0, log: 0, checkpointed: 0 }
  #patience = shortestPatience

  constructor(
    sqlite: Sqlite.Database,
    {
      busyTimeout,
      pagesBetweenCheckpoints = 4_000,
      pagesToWaitFrom = 2 * pagesBetweenCheckpoints,
    }: WriteAheadLogOptions,
  ) {
    this.#sqlite = sqlite
    this.#busyTimeout = busyTimeout
    this.#pagesBetweenCheckpoints = pagesBetweenCheckpoints
    this.#pagesToWaitFrom = pagesToWaitFrom
    // SQLite's own would try again, and flush the disk, at every commit while a reader is in its way.
    sqlite.pragma('wal_autocheckpoint = 0')
    // What the file is cut to, once the log has begun anew.
    sqlite.pragma(`journal_size_limit = ${pagesBetweenCheckpoints * usualPageSize}`)
    this.#look = sqlite.prepare('PRAGMA wal_checkpoint(NOOP)')
  }

  /** What the log holds now. */
  get state(): Checkpoint {
    return this.#look.get() as Checkpoint
  }

  /** Folds the log into the file where enough has gathered. To be called after each commit. */
  afterCommit(): void {
    const { log } = this.state
    const isNew = log < this.#last.log
    if (isNew) this.#last = { busy: 0, log: 0, checkpointed: 0 }
    if (log < this.#last.log + this.#pagesBetweenCheckpoints) return
    const before = this.#last.checkpointed
    this.#last = this.#checkpoint('PASSIVE')
    // A reader that was in the way all this time won't be gone in a moment.
    const isStuck = this.#last.checkpointed === before
    if (this.#last.log < this.#pagesToWaitFrom || isStuck) return
    const { busy } = this.#patiently('RESTART', this.#patience)
    this.#patience = busy ? Math.min(2 * this.#patience, longestPatience) : shortestPatience
  }

  /** Folds all of the log into the file and empties it. Whether readers let it. */
  truncate(): boolean {
    return this.#patiently('TRUNCATE', shortestPatience).busy === 0
  }

  #patiently(mode: 'RESTART' | 'TRUNCATE', patience: number): Checkpoint {
    this.#sqlite.pragma(`busy_timeout = ${Math.min(patience, this.#busyTimeout)}`)
    try {
      return this.#checkpoint(mode)
    } finally {
      this.#sqlite.pragma(`busy_timeout = ${this.#busyTimeout}`)
    }
  }

  #checkpoint(mode: 'PASSIVE' | 'RESTART' | 'TRUNCATE'): Checkpoint {
    const [checkpoint] = this.#sqlite.pragma(`wal_checkpoint(${mode})`) as Checkpoint[]
    return checkpoint ?? { busy: 1, log: 0, checkpointed: 0 }
  }
}
