import { constants, getPriority, setPriority } from 'node:os'
import Sqlite from 'better-sqlite3'
import { OffloadError } from '../threads/errors.ts'
import type { BatchReply } from '../threads/reply.ts'
import type { WorkerModule } from '../threads/worker-module.ts'
import { answerBatch, type Respondent } from './batch.ts'
import type { Call } from './calls.ts'
import { CheckpointRequest } from './checkpoint-request.ts'
import { Connection } from './connection.ts'
import type { ConnectionReport, LogReport, WorkerOptions } from './connection-options.ts'
import { failureOf } from './errors.ts'
import { stepsOf } from './file-steps.ts'
import { integrityFaults } from './integrity.ts'
import type { OperationKind, Operations, ThreadContext } from './operations.ts'
import { inspectIn, prepareFile } from './prepare-file.ts'
import { Sessions } from './sessions.ts'

// Loads the driver's native addon with this file: a thread that is ended while it loads one aborts the process, and
// `ThreadRun` lets a thread finish loading its file.
new Sqlite(':memory:').close()

/** The page cache of a connection that a snapshot has, in KiB. */
const largestSessionCache = 2_048

/** What a worker does besides answering calls. */
export type SqliteDuties = SqliteWorker['duties']

/** What a worker tells once it is open. */
export interface OpenReport {
  readonly connection: ConnectionReport
  /** The operations that it knows. */
  readonly kinds: Readonly<Record<string, OperationKind>>
}

/** What runs in the worker threads: a connection, operations and, in an indexer, an index. */
export class SqliteWorker implements WorkerModule<Call> {
  readonly #options: WorkerOptions
  readonly #module: Operations
  readonly #context: ThreadContext
  #respondent: Respondent | undefined
  #sessions: Sessions | undefined

  constructor(options: WorkerOptions, module: Operations) {
    this.#options = options
    this.#module = module
    const { access, number, readOnly, data } = options
    this.#context = { access, number, readOnly, data }
  }

  open(): OpenReport {
    const { access, quickCheck, busyTimeout, maySetUp, readOnly, checkpointMemory } = this.#options
    const connection = this.#connect(this.#options)
    const respondent = { connection, definitions: this.#module.definitions }
    this.#respondent = respondent
    if (quickCheck) requireSound(connection)
    const steps = stepsOf(connection, this.#module, this.#context, maySetUp)
    if (access === 'write') prepareFile(connection, steps, busyTimeout)
    if (access === 'read' || access === 'index') {
      if (readOnly) closingIfRefused(connection, () => inspectIn(connection, steps))
      lowerPriority()
    }
    if (access === 'index') this.#index(respondent)
    if (access === 'checkpoint')
      void connection.logUpkeep.checkpointWhenAsked(new CheckpointRequest(checkpointMemory))
    // Its snapshots' connections need not remove a log: this one does. They may be many.
    const { logAsFound: _, ...rest } = this.#options
    const options = { ...rest, cacheSize: Math.min(rest.cacheSize, largestSessionCache) }
    this.#sessions = new Sessions(this.#opened, () => this.#connect(options))
    const kinds = Object.entries(this.#module.definitions).map(([name, { kind }]) => [name, kind])
    return { connection: connection.report(), kinds: Object.fromEntries(kinds) }
  }

  answer(calls: readonly Call[]): BatchReply | Promise<BatchReply> {
    const [first] = calls
    const details = first?.[1] || {}
    // Alone, since calls of a session are sent one by one.
    if (first && (details.control || details.session !== undefined))
      return this.#watched(this.#sessionsOpened.answer(first, details))
    return this.#watched(answerBatch(this.#opened, calls))
  }

  readonly duties = {
    /** Empties the writer's log while nobody writes, and flushes what that leaves unflushed. */
    emptyLog: (): LogReport => {
      const { logUpkeep, transactions } = this.#opened.connection
      const isEmpty = logUpkeep.emptyLog()
      // A reader is in the way, and may be for long.
      if (!isEmpty && transactions.needsFlush)
        logUpkeep.attempt('user_version', () => transactions.flush())
      return { isEmpty, failures: logUpkeep.takeFailures() }
    },

    /** Has an indexer apply what was written since its last batch. */
    followChanges: (): void => {
      const { connection, keeper } = this.#opened
      connection.transactions.run(() => keeper?.catchUp())
      keeper?.idle?.()
    },

    /** Commits without changing anything, to find out whether writing works. */
    tryWriting: (): void => this.#opened.connection.transactions.flush(),
  }

  /** Returns what failed while it closed. */
  close(): string[] {
    const { connection } = this.#opened
    this.#sessions?.close()
    this.#module.disconnect?.(connection, this.#context)
    return connection.close()
  }

  toFailure(error: unknown) {
    return failureOf(error)
  }

  get #opened(): Respondent {
    if (!this.#respondent) throw new OffloadError('internal', 'the worker has no connection')
    return this.#respondent
  }

  get #sessionsOpened(): Sessions {
    if (!this.#sessions) throw new OffloadError('internal', 'the worker has no connection')
    return this.#sessions
  }

  #connect(options: WorkerOptions): Connection {
    const connection = new Connection(options)
    try {
      this.#module.connect?.(connection, this.#context)
    } catch (error) {
      connection.sqlite.close()
      throw error
    }
    return connection
  }

  #index(respondent: Respondent): void {
    const { connection } = respondent
    const keeper = this.#module.index?.(connection, this.#context)
    if (!keeper)
      throw new OffloadError('invalid', 'the operations file says nothing of an `index` to keep')
    this.#respondent = { ...respondent, keeper }
    keeper.load((work) => connection.transactions.run(work))
  }

  #watched<Reply>(reply: Reply): Reply {
    // A transaction that could not be ended: a new connection starts afresh.
    if (this.#opened.connection.sqlite.inTransaction && !this.#sessionsOpened.mayBeInTransaction)
      setImmediate(() => process.exit(1))
    return reply
  }
}

/** @throws {OffloadError} `corrupt` */
function requireSound({ sqlite }: Connection): void {
  const [fault] = integrityFaults(sqlite, 'quick_check', 1)
  if (fault !== undefined)
    throw new OffloadError('corrupt', `the database file is damaged: ${fault}`)
}

/** Closes the connection if it refuses the file, which is thereby left as it was. */
function closingIfRefused(reader: Connection, inspect: () => void): void {
  try {
    inspect()
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
