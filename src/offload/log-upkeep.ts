import Sqlite from 'better-sqlite3'
import { CheckpointRequest } from './checkpoint-request.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { wordsOf } from './errors.ts'
import { logState } from './readable-file.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

/** The most failures that are kept to be reported. */
const mostFailures = 20

/** What a connection does about the write-ahead log. Its failures are reported, and fail no call. */
export class LogUpkeep {
  readonly #sqlite: Sqlite.Database
  /** The log of a connection that writes. */
  readonly #log: WriteAheadLog | undefined
  readonly #logAsFound: string | undefined
  readonly #failures: string[] = []

  constructor(sqlite: Sqlite.Database, options: ConnectionOptions) {
    const { access, busyTimeout, checkpointMemory, logAsFound } = options
    this.#sqlite = sqlite
    this.#logAsFound = logAsFound
    if (access === 'write') {
      const request = new CheckpointRequest(checkpointMemory)
      this.#log = new WriteAheadLog(sqlite, { busyTimeout, request })
    }
  }

  /** @param erased whether the commit deleted something that must leave no trace */
  afterCommit(erased: boolean): void {
    this.attempt('wal_checkpoint', () => this.#log?.afterCommit(erased))
  }

  /** Empties the log; whether it could. `false` if readers were in the way. */
  emptyLog(): boolean {
    return this.attempt('wal_checkpoint', () => this.#log?.truncate()) !== false
  }

  /** Checkpoints whenever a writer asks for it, until the connection is closed. */
  async checkpointWhenAsked(request: CheckpointRequest): Promise<void> {
    const pragma = 'wal_checkpoint(PASSIVE)'
    while ((await request.whenPending()) && this.#sqlite.open) {
      request.take()
      this.attempt(pragma, () => this.#sqlite.pragma(pragma))
      request.done()
    }
  }

  /**
   * Closes the connection; a writer first copies the log into the file. A reader removes a log that came into
   * being since it was opened, see `ConnectionOptions.logAsFound`. Returns what failed.
   */
  close(): string[] {
    const sqlite = this.#sqlite
    if (this.#log) {
      const pragma = 'wal_checkpoint(TRUNCATE)'
      this.attempt(pragma, () => sqlite.pragma(pragma))
    }
    sqlite.close()
    const { name } = sqlite
    if (this.#logAsFound !== undefined && this.#logAsFound !== logState(name))
      this.attempt('wal_checkpoint', () => removeLog(name))
    return this.takeFailures()
  }

  /** The failures since they were last taken. */
  takeFailures(): string[] {
    return this.#failures.splice(0)
  }

  /** Does upkeep, and notes if it fails. */
  attempt<Result>(pragma: string, work: () => Result): Result | undefined {
    try {
      return work()
    } catch (error) {
      if (this.#failures.length < mostFailures)
        this.#failures.push(`PRAGMA ${pragma}: ${wordsOf(error)}`)
      return undefined
    }
  }
}

/**
 * A read-only connection that is the last one leaves the log behind that it created to read. A connection that
 * may write removes it when it closes, as long as nobody else has the file open.
 */
function removeLog(path: string): void {
  const sqlite = new Sqlite(path, { fileMustExist: true, timeout: 0 })
  try {
    sqlite.prepare('SELECT 1 FROM sqlite_schema').get()
  } finally {
    sqlite.close()
  }
}
