import { workerData } from 'node:worker_threads'
import type { WorkerOptions } from '../../../src/offload/connection-options.ts'
import type { Operations } from '../../../src/offload/operations.ts'
import { operations } from '../../../src/operations/index.ts'
import type { Steps } from '../../../src/sql/steps.ts'
import { storeOperations } from '../../../src/sqlite/store-operations.ts'
import { Latch } from '../../threads/latch.ts'
import { suffer } from '../../threads/mishap.ts'
import { Tally } from '../../threads/tally.ts'
import { steeredIds } from '../steered-units.ts'

const { access } = workerData as WorkerOptions
const { get, reviewQueue, insert, insertMany } = operations

suffer('load', access)

// An error of its own, outside of any task: what kills a worker that has nothing to do.
Tally.find(`deaths of ${access}`)
  ?.woken()
  .then(() => {
    throw new Error('died idle')
  })

const steered = storeOperations()

export default {
  ...steered,
  connect: (database, context) => {
    suffer('open', access)
    steered.connect?.(database, context)
  },
  disconnect: () => {
    suffer('close', access)
    countClosing()
  },
} satisfies Operations

// What steers runs inside of the operations, and so inside of the transaction of their batch.
Object.assign(operations, {
  get: {
    ...get,
    *run(id: string): Steps<unknown> {
      dieOf([id])
      const unit = yield* get.run(id)
      if (isHeld(id)) Latch.wait('read')
      return unit
    },
  },
  reviewQueue: {
    ...reviewQueue,
    *run(page: unknown): Steps<unknown> {
      yield* reviewQueue.run(page)
      Latch.wait('scan')
      return yield* reviewQueue.run(page)
    },
  },
  insert: {
    ...insert,
    *run(record: { id: string }): Steps<unknown> {
      yield* insert.run(record)
      return holdOrDie([record])
    },
  },
  insertMany: {
    ...insertMany,
    *run(records: { id: string }[]): Steps<unknown> {
      yield* insertMany.run(records)
      return holdOrDie(records)
    },
  },
})

/** Counts readers that have closed, and says how many had when the writer did. */
function countClosing(): void {
  const closed = Tally.find('closed readers')
  if (access === 'read') closed?.add()
  else if (access === 'write')
    for (let reader = 0; reader < (closed?.value ?? 0); reader++)
      Tally.find('readers closed before the writer')?.add()
}

function holdOrDie(records: readonly { id: string }[]): void {
  const ids = records.map(({ id }) => id)
  dieOf(ids)
  if (ids.some(isHeld)) Latch.wait('write')
}

function isHeld(id: string): boolean {
  return id === steeredIds.held || id === steeredIds.heldToo
}

function dieOf(ids: readonly string[]): void {
  if (ids.includes(steeredIds.deadly)) process.exit(3)
  const exits = Tally.find('exits')
  if (!ids.includes(steeredIds.deadlyOnce) || exits?.value !== 0) return
  exits.add()
  process.exit(3)
}
