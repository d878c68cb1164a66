import { constants, getPriority, setPriority } from 'node:os'
import { workerData } from 'node:worker_threads'
import { StoreError } from '../src/errors.ts'
import { type CallReply, type Reply, toFailure } from '../src/offload/reply.ts'
import type { Call } from '../src/operations/operation-store.ts'
import { answerBatch } from '../src/sqlite/batch.ts'
import { CheckpointRequest } from '../src/sqlite/checkpoint-request.ts'
import { Connection } from '../src/sqlite/connection.ts'
import type { WorkerOptions } from '../src/sqlite/connection-options.ts'
import { toStoreError } from '../src/sqlite/errors.ts'
import { integrityFaults } from '../src/sqlite/integrity.ts'
import { migrate, requireNewest } from '../src/sqlite/migrator.ts'
import { Ranker } from '../src/sqlite/ranker.ts'
import { SharedRankingFigures } from '../src/sqlite/ranking-figures.ts'
import { adoptStatements } from '../src/statement.ts'

const options = workerData as WorkerOptions
adoptStatements('sqlite', options.statements)
let connection: Connection
let ranker: Ranker | undefined

/** Opened by a task, so that a failure to open is answered like any other. */
export const open = (): Reply =>
  reply(() => {
    connection = new Connection(options)
    if (options.quickCheck) requireSound(connection)
    if (options.access === 'write') migrate(connection, options.busyTimeout, !options.mustBeNewest)
    if (options.access === 'read' || options.access === 'rank') {
      if (options.mustBeNewest) requireReadable(connection)
      giveWay()
    }
    if (options.access === 'rank') {
      ranker = new Ranker(connection, new SharedRankingFigures(options.rankingMemory))
      ranker.load()
    }
    if (options.access === 'checkpoint')
      void connection.checkpointWhenAsked(new CheckpointRequest(options.checkpointMemory))
    return JSON.stringify(connection.report())
  })

/** Done while there is nothing else to do. */
export const tidy = (): Reply =>
  reply(() => {
    if (!ranker) return JSON.stringify(connection.tidy())
    ranker.tidy()
    return ''
  })

/** Writes what changes nothing, to find out whether anything can be written. */
export const tryWriting = (): Reply =>
  reply(() => {
    connection.flush()
    return ''
  })

/** Tells what of the writer's last duties could not be done. */
export const close = (): Reply => reply(() => JSON.stringify(connection.close()))

export default (calls: readonly Call[]): CallReply[] => {
  const replies = answerBatch(connection, calls, ranker)
  // Which could not be ended: another connection begins anew.
  if (connection.sqlite.inTransaction) setImmediate(() => process.exit(1))
  return replies
}

/** @throws {StoreError} `corrupt` */
function requireSound({ sqlite }: Connection): void {
  const [fault] = integrityFaults(sqlite, 'quick_check', 1)
  if (fault !== undefined) throw new StoreError('corrupt', `the database file is damaged: ${fault}`)
}

/** Where it is not, the connection is closed, so that a file that is refused is left as it was. */
function requireReadable(reader: Connection): void {
  try {
    requireNewest(reader)
  } catch (error) {
    reader.close()
    throw error
  }
}

/** How much lower than the event loop's the priority of readers is. */
const giveWayBy = 5

/**
 * Where cores are few, lets the event loop have one first: it hands out what readers find, and has little to
 * do for each. Only on Linux is a priority a thread's own.
 */
function giveWay(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(Math.min(getPriority() + giveWayBy, constants.priority.PRIORITY_LOW))
  } catch {
    // Where that is forbidden, readers compete with it.
  }
}

function reply(work: () => string): Reply {
  try {
    return work()
  } catch (error) {
    return toFailure(toStoreError(error))
  }
}
