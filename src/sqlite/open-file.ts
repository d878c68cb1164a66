import { type BigIntStats, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'

/** What of a database's files is not as it was when they were opened. */
export type FileFault = 'moved' | 'unlocked'

/**
 * Tells a database's files from others that came to lie in their place while they were open: what is written
 * to a file that was moved, removed or replaced is nowhere once the last who has it open is gone.
 */
export class OpenFile {
  readonly #path: string
  readonly #file: BigIntStats | undefined
  #log: BigIntStats | undefined
  #hadLocks = false

  /** To be made once the database is open. */
  constructor(path: string) {
    this.#path = path
    this.#file = statNow(path)
  }

  /** What tells the file from all others, also from one that has its path later. */
  get identity(): string {
    return identityOf(this.#file)
  }

  /** Whether the path leads to another file, or to none. */
  get isMoved(): boolean {
    return this.identity !== identityOf(statNow(this.#path))
  }

  /**
   * As `isMoved`, of the write-ahead log, too; and whether the system knows of no lock any more. It keeps no
   * thread waiting, however slow the disk is.
   */
  async look(): Promise<FileFault | undefined> {
    const [file, log, hasLocks] = await Promise.all([
      statLater(this.#path),
      statLater(`${this.#path}-wal`),
      this.#hasLocks(),
    ])
    const lostLocks = this.#hadLocks && !hasLocks
    this.#hadLocks ||= hasLocks
    // First, as who drops the locks may take the log away, too, for want of anybody else who has it open.
    if (lostLocks) return 'unlocked'
    // A log is made at the first read or write, and stays for as long as somebody has the database open.
    this.#log ??= log
    const isSame = this.identity === identityOf(file) && identityOf(this.#log) === identityOf(log)
    return isSame ? undefined : 'moved'
  }

  /** Takes the log that is there next for the right one, as after a time in which nobody had the file open. */
  forgetLog(): void {
    this.#log = undefined
  }

  /**
   * Whether this process has a lock on the file, as it has all the while: whatever else in it closes the file
   * drops the locks of all. Told by Linux only; elsewhere there never seem to be any.
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
    // As where a directory on the way may not be searched any more.
    return undefined
  }
}

function statLater(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined)
}

function identityOf(file: BigIntStats | undefined): string {
  return file ? `${file.dev} ${file.ino}` : 'none'
}
