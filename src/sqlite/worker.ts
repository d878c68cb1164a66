import { constants, getPriority, setPriority } from 'node:os'
import Sqlite from 'better-sqlite3'
import { StoreError } from '../errors.ts'
import { type CallReply, toFailure } from '../offload/reply.ts'
import type { WorkerModule } from '../offload/worker-module.ts'
import type { Call } from '../operations/operation-store.ts'
import { adoptStatements } from '../sql/statement.ts'
import { answerBatch } from './batch.ts'
import { CheckpointRequest } from './checkpoint-request.ts'
import { Connection } from './connection.ts'
import type { ConnectionReport, LogReport, WorkerOptions } from './connection-options.ts'
import { toStoreError } from './errors.ts'
import { integrityFaults } from './integrity.ts'
import { migrate, requireNewest } from './migrator.ts'
import { Ranker } from './ranker.ts'
import { SharedRankingFigures } from './ranking-figures.ts'

// Loads the driver's native addon with this file: a thread that is ended while it loads one aborts the process, and
// `ThreadRun` lets a thread finish loading its file.
new Sqlite(':memory:').close()

/** What a worker does besides answering calls. */
export type SqliteDuties = SqliteWorker['duties']

/** What runs in the worker threads of a SqliteStore: a connection and, in a ranker, its index. */
export class SqliteWorker implements WorkerModule<Call> {
  readonly #options: WorkerOptions
  #opened: Connection | undefined
  #ranker: Ranker | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    adoptStatements('sqlite', options.statements)
  }

  get #connection(): Connection {
    if (!this.#opened) throw new StoreError('internal', 'the worker has no connection')
    return this.#opened
  }

  open(): ConnectionReport {
    const { access, quickCheck, busyTimeout, mustBeNewest, checkpointMemory, rankingMemory } =
      this.#options
    const connection = new Connection(this.#options)
    this.#opened = connection
    if (quickCheck) requireSound(connection)
    if (access === 'write') migrate(connection, busyTimeout, !mustBeNewest)
    if (access === 'read' || access === 'rank') {
      if (mustBeNewest) requireReadable(connection)
      lowerPriority()
    }
    if (access === 'rank') {
      this.#ranker = new Ranker(connection, new SharedRankingFigures(rankingMemory))
      this.#ranker.load()
    }
    if (access === 'checkpoint')
      void connection.logUpkeep.checkpointWhenAsked(new CheckpointRequest(checkpointMemory))
    return connection.report()
  }

  answer(calls: readonly Call[]): CallReply[] {
    const replies = answerBatch(this.#connection, calls, this.#ranker)
    // A transaction that could not be ended: a new connection starts afresh.
    if (this.#connection.sqlite.inTransaction) setImmediate(() => process.exit(1))
    return replies
  }

  readonly duties = {
    /** Empties the writer's log while nobody writes, and flushes what that leaves unflushed. */
    emptyLog: (): LogReport => {
      const { logUpkeep, transactions } = this.#connection
      const isEmpty = logUpkeep.emptyLog()
      // A reader is in the way, and may be for long.
      if (!isEmpty && transactions.needsFlush)
        logUpkeep.attempt('user_version', () => transactions.flush())
      return { isEmpty, failures: logUpkeep.takeFailures() }
    },

    /** Has a ranker apply what was written since its last batch. */
    followChanges: (): void => this.#ranker?.followChanges(),

    /** Commits without changing anything, to find out whether writing works. */
    tryWriting: (): void => this.#connection.transactions.flush(),
  }

  /** Returns what failed while it closed. */
  close(): string[] {
    return this.#connection.close()
  }

  toFailure(error: unknown) {
    return toFailure(toStoreError(error))
  }
}

/** @throws {StoreError} `corrupt` */
function requireSound({ sqlite }: Connection): void {
  const [fault] = integrityFaults(sqlite, 'quick_check', 1)
  if (fault !== undefined) throw new StoreError('corrupt', `the database file is damaged: ${fault}`)
}

/** Closes the connection if it refuses the file, which is thereby left as it was. */
function requireReadable(reader: Connection): void {
  try {
    requireNewest(reader)
  } catch (error) {
    reader.close()
    throw error
  }
}

/** How much lower a reader's priority is than that of the event loop. */
const niceness = 5

/**
 * Lets the event loop go first if there are few cores: it passes on what readers find, with little to do for each.
 * Only on Linux does each thread have a priority of its own.
 */
function lowerPriority(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(Math.min(getPriority() + niceness, constants.priority.PRIORITY_LOW))
  } catch {
    // If that is forbidden, readers compete with it.
  }
}
