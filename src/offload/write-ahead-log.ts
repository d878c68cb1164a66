import type Sqlite from 'better-sqlite3'
import { CheckpointRequest } from './checkpoint-request.ts'

export interface WriteAheadLogOptions {
  /** How long the connection waits for a lock, in milliseconds. */
  readonly busyTimeout: number
  /** By which another thread is asked for checkpoints. Whether one answers is not known. */
  readonly request?: CheckpointRequest
  /**
   * How many pages the log gathers before they are folded into the file: 16 MiB. Pages that many writes
   * touch are folded in once, and the two flushes of a checkpoint are shared by more writes. Four times
   * SQLite's default; measured, inserts in groups take 0.7 of the time for it. Once twice as many have
   * gathered, it is no longer left to another thread.
   */
  readonly pagesBetweenCheckpoints?: number
}

/** How many pages the log has, and how many of them are in the file, too. `busy` where others were in the way. */
export interface Checkpoint {
  readonly busy: number
  readonly log: number
  readonly checkpointed: number
}

/** In bytes. */
const usualPageSize = 4_096
/** The part of `pagesBetweenCheckpoints` up to which the writer folds what is left: flushed in some ms. */
const littleLeft = 0.2
const newLog: Checkpoint = { busy: 0, log: 0, checkpointed: 0 }
/** How long readers are waited for, in milliseconds: longer each time that it was in vain. */
const shortestPatience = 50
const longestPatience = 400

/**
 * Keeps the write-ahead log of a connection that writes from growing without bound.
 *
 * A log begins anew only where all of it is in the file and nobody reads it any more. Most of it another
 * thread folds into the file, while this connection goes on writing; it is asked again until little is
 * left, as each of its checkpoints is shorter than the one before. What was written meanwhile this
 * connection folds itself, since only then nobody writes more. Where the other thread is not there, or too
 * slow, it does all of it.
 *
 * Where readers follow each other so closely that one always reads the log, they are waited for: whoever
 * begins to read meanwhile needs the file only, and each read ends within milliseconds. For one that
 * doesn't, such as a long scan, nobody waits; the log grows until it has ended.
 */
export class WriteAheadLog {
  readonly #sqlite: Sqlite.Database
  readonly #busyTimeout: number
  readonly #request: CheckpointRequest
  readonly #pagesBetweenCheckpoints: number
  readonly #look: Sqlite.Statement<[], Checkpoint>
  /** What the log held after the last checkpoint of this connection. */
  #last = newLog
  /** How many pages were in the file when another thread was last asked, if it was since then. */
  #askedAt: number | undefined
  #patience = shortestPatience
  /** Whether the log holds what must leave no trace, and has not been emptied since. */
  #mustEmpty = false

  constructor(
    sqlite: Sqlite.Database,
    {
      busyTimeout,
      request = new CheckpointRequest(),
      pagesBetweenCheckpoints = 4_000,
    }: WriteAheadLogOptions,
  ) {
    this.#sqlite = sqlite
    this.#busyTimeout = busyTimeout
    this.#request = request
    this.#pagesBetweenCheckpoints = pagesBetweenCheckpoints
    // SQLite's own would try again, and flush the disk, at every commit while a reader is in its way.
    sqlite.pragma('wal_autocheckpoint = 0')
    // What the file is cut to, once the log has begun anew.
    sqlite.pragma(`journal_size_limit = ${2 * pagesBetweenCheckpoints * usualPageSize}`)
    this.#look = sqlite.prepare('PRAGMA wal_checkpoint(NOOP)')
  }

  /** What the log holds now. */
  get state(): Checkpoint {
    return this.#look.get() as Checkpoint
  }

  /**
   * Sees to the log where enough has gathered in it. To be called after each commit.
   * @param erased whether what it took out must leave no trace. Then the log is emptied at once, or, where
   * readers are in the way, when it would next begin anew.
   */
  afterCommit(erased = false): void {
    if (erased) {
      this.#mustEmpty = true
      this.#request.waitWhileUnderWay(this.#busyTimeout)
      if (this.truncate()) return
    }
    const { log, checkpointed } = this.state
    const pages = this.#pagesBetweenCheckpoints
    if (log < this.#last.log) this.#last = newLog
    const gathered = log - this.#last.log
    if (gathered < pages) {
      this.#askedAt = undefined
      return
    }
    const isLate = this.#mustEmpty || gathered >= 2 * pages
    const isNearlyDone = log - checkpointed <= littleLeft * pages
    if (isLate || isNearlyDone) this.#beginAnew(isLate)
    // Not again where it was in vain, as where a reader is in the way.
    else if (checkpointed !== this.#askedAt) {
      this.#askedAt = checkpointed
      this.#request.make()
    }
  }

  /** Folds all of the log into the file and empties it. Whether readers let it. */
  truncate(): boolean {
    return this.#patiently('TRUNCATE', shortestPatience).busy === 0
  }

  /** Folds what is left. Where it is late, waits for the other thread's checkpoint if need be. */
  #beginAnew(isLate: boolean): void {
    let checkpoint = this.#checkpoint('PASSIVE')
    if (isUnderWayElsewhere(checkpoint) && isLate) {
      this.#request.waitWhileUnderWay(this.#busyTimeout)
      checkpoint = this.#checkpoint('PASSIVE')
    }
    // It is tried again after the next commit.
    if (isUnderWayElsewhere(checkpoint)) return
    // A reader that was in the way all this time won't be gone in a moment.
    const isStuck = checkpoint.checkpointed === (this.#askedAt ?? this.#last.checkpointed)
    this.#last = checkpoint
    if (isStuck) return
    const { busy } = this.#patiently(this.#mustEmpty ? 'TRUNCATE' : 'RESTART', this.#patience)
    this.#patience = busy ? Math.min(2 * this.#patience, longestPatience) : shortestPatience
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
    if (mode === 'TRUNCATE' && checkpoint?.busy === 0) this.#mustEmpty = false
    return checkpoint ?? { busy: 1, log: 0, checkpointed: 0 }
  }
}

/** SQLite refuses a checkpoint at once while another connection makes one, and tells nothing of the log. */
function isUnderWayElsewhere({ log }: Checkpoint): boolean {
  return log < 0
}
