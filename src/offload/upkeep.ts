import { setTimeout as delay } from 'node:timers/promises'
import type { Lane } from '../threads/lane.ts'
import type { Log } from '../threads/log.ts'
import type { Call } from './calls.ts'
import type { Health } from './health.ts'
import type { OpenFile } from './open-file.ts'
import type { SqliteThread } from './threads.ts'
import type { SqliteDuties } from './worker.ts'

export interface UpkeepOptions {
  readonly path: string
  readonly log: Log
  /** Logs a message once. */
  readonly onNotice: (notice: string) => void
  readonly health: Health
  readonly writer: SqliteThread | undefined
  readonly writes: Lane<Call, SqliteDuties>
  readonly indexed: Lane<Call, SqliteDuties>
  /** The files as they were opened; absent in a database that is read only. */
  readonly openFile: OpenFile | undefined
}

/** What is done on a timer: none of it delays a call. */
export class Upkeep {
  readonly #options: UpkeepOptions
  #timer: NodeJS.Timeout | undefined
  /**
   * Writes at the last tick, and when the log was last emptied: never yet, since a process that was killed may
   * have left one.
   */
  readonly #writes = { atLastTick: 0, whenEmptied: -1 }
  /** Restarts of the writer when the files were last checked. */
  #restartsSeen = 0
  #emptying: Promise<void> | undefined
  #following: Promise<unknown> | undefined
  #tryingToWrite: Promise<void> | undefined
  #checking: Promise<void> | undefined

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  start(interval: number): void {
    this.#timer = setInterval(() => {
      void this.checkFiles()
      this.#emptyLogWhenIdle()
      this.#tryWriting()
      this.#followChangesWhenIdle()
    }, interval).unref()
  }

  /** Stops the timer, and waits for a log that is being emptied, but not beyond `most` milliseconds. */
  async stop(most: number): Promise<void> {
    clearInterval(this.#timer)
    await Promise.race([this.#emptying, delay(most, undefined, { ref: false })])
  }

  /** Checks whether the files are the ones that were opened. Concurrent callers share one check. */
  checkFiles(): Promise<void> {
    this.#checking ??= this.#checkFiles().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #checkFiles(): Promise<void> {
    const { openFile, writer, health, log, path } = this.#options
    // While no thread has the file open, SQLite itself removes the log.
    if (!openFile || !writer?.isReady) return
    if (writer.restarts !== this.#restartsSeen && !health.fileFault) openFile.forgetLog()
    this.#restartsSeen = writer.restarts
    const fault = await openFile.look()
    const isStillOpen = writer.isReady && writer.restarts === this.#restartsSeen
    if (!isStillOpen || !health.noteFiles(fault)) return
    const { fileFault } = health
    if (fileFault === undefined) log.warn({ path }, 'the database file is back')
    else log.error({ path }, fileFault)
  }

  /** Finds out whether writing works again after it failed. */
  #tryWriting(): void {
    const { health, writer, writes } = this.#options
    if (!health.mustTryWriting || this.#tryingToWrite || !writer?.isReady || writes.isHeld) return
    this.#tryingToWrite = writes
      .perform(writer, 'tryWriting')
      .then(() => health.noteWritten())
      // It is tried again at the next tick, and callers that write get the failure.
      .catch(() => {})
      .finally(() => {
        this.#tryingToWrite = undefined
      })
  }

  /** Empties the log if something was written since it last was, and nothing since the last tick. */
  #emptyLogWhenIdle(): void {
    const { writes, writer } = this.#options
    const { calls, waiting, underWay } = writes.figures
    const isQuiet = waiting === 0 && underWay === 0 && !writes.isHeld
    const isIdle = isQuiet && calls === this.#writes.atLastTick
    this.#writes.atLastTick = calls
    const isDue = isIdle && calls !== this.#writes.whenEmptied
    if (!isDue || this.#emptying || !writer?.isReady) return
    this.#emptying = this.#emptyLog(writer, calls).finally(() => {
      this.#emptying = undefined
    })
  }

  async #emptyLog(writer: SqliteThread, calls: number): Promise<void> {
    const { writes, log } = this.#options
    try {
      const { isEmpty, failures } = await writes.perform(writer, 'emptyLog')
      // If a reader was in the way, it is tried again.
      if (isEmpty || failures.length > 0) this.#writes.whenEmptied = calls
      for (const failure of failures) log.warn({}, `idle upkeep failed: ${failure}`)
    } catch (error) {
      this.#writes.whenEmptied = calls
      log.warn({ error }, `idle upkeep failed: ${(error as Error).message}`)
    }
  }

  /** Has idle indexers apply what was written, also by other processes, so that the next query waits less. */
  #followChangesWhenIdle(): void {
    const { indexed, onNotice } = this.#options
    if (this.#following) return
    const follow = async (indexer: Lane<Call, SqliteDuties>['idleWorkers'][number]) => {
      try {
        await indexed.perform(indexer, 'followChanges')
      } catch (error) {
        onNotice(`the ${indexer.name} does not follow changes: ${(error as Error).message}`)
      }
    }
    this.#following = Promise.all(indexed.idleWorkers.map(follow)).finally(() => {
      this.#following = undefined
    })
  }
}
