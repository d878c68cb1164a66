import { type BigIntStats, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'

/** How a database's files differ from when they were opened. */
export type FileFault = 'moved' | 'unlocked'

/**
 * Recognises a database's files, as opposed to others that took their place: what is written to a file that was
 * moved, removed or replaced is lost once it is closed.
 */
export class OpenFile {
  readonly #path: string
  readonly #file: BigIntStats | undefined
  #log: BigIntStats | undefined
  #hadLocks = false

  /** To be created when the database is open. */
  constructor(path: string) {
    this.#path = path
    this.#file = statNow(path)
  }

  /** Identifies the file, also among those that have its path later. */
  get identity(): string {
    return identityOf(this.#file)
  }

  /** Whether the path leads to another file, or to none. */
  get isMoved(): boolean {
    return this.identity !== identityOf(statNow(this.#path))
  }

  /**
   * As `isMoved`, including the write-ahead log; and whether the process still holds its locks. It blocks no
   * thread, however slow the disk.
   */
  async look(): Promise<FileFault | undefined> {
    const [file, log, hasLocks] = await Promise.all([
      statLater(this.#path),
      statLater(`${this.#path}-wal`),
      this.#hasLocks(),
    ])
    const lostLocks = this.#hadLocks && !hasLocks
    this.#hadLocks ||= hasLocks
    // First, since whoever drops the locks may then delete the log, as nobody else seems to use it.
    if (lostLocks) return 'unlocked'
    // A log is created by the first read or write, and stays while the database is open.
    this.#log ??= log
    const isSame = this.identity === identityOf(file) && identityOf(this.#log) === identityOf(log)
    return isSame ? undefined : 'moved'
  }

  /** Accepts the next log as the right one, after a time in which nobody had the file open. */
  forgetLog(): void {
    this.#log = undefined
  }

  /**
   * Whether this process has a lock on the file. It always has one, until something else in it closes the file,
   * which drops all its locks. Only Linux reports it; elsewhere there never seems to be one.
   */
  async #hasLocks(): Promise<boolean> {
    try {
      const own = new RegExp(` ${process.pid} [0-9a-f]+:[0-9a-f]+:${this.#file?.ino} `)
      return own.test(await readFile('/proc/locks', 'latin1'))
    } catch {
      return false
    }
  }
}

function statNow(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    // For example if a directory on the way may not be searched any more.
    return undefined
  }
}

function statLater(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined)
}

function identityOf(file: BigIntStats | undefined): string {
  return file ? `${file.dev} ${file.ino}` : 'none'
}
