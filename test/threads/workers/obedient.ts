import { readFileSync } from 'node:fs'
import type { BatchReply, Failure } from '../../../src/threads/reply.ts'
import { serveWorker } from '../../../src/threads/worker-module.ts'
import { Latch } from '../latch.ts'
import { suffer } from '../mishap.ts'
import type { Order } from '../order.ts'
import { Tally } from '../tally.ts'

suffer('load')

// An error of its own, outside of any task: what kills a worker that has nothing to do.
Tally.find('deaths')
  ?.woken()
  .then(() => {
    throw new Error('died idle')
  })

const done: string[] = []
let batches = 0

const duties = {
  upkeep: () => Latch.wait('upkeep'),
}
export type ObedientDuties = typeof duties

export default serveWorker({
  open: () => {
    suffer('open')
    return 'opened'
  },
  answer,
  duties,
  close: () => {
    suffer('close')
    Tally.find('closings')?.add()
  },
})

async function answer(orders: readonly Order[]): Promise<BatchReply> {
  const batch = ++batches
  const results: (string | undefined)[] = []
  const failures = new Map<number, Failure>()
  for (const [index, order] of orders.entries()) {
    const [verb, ...words] = order.split(' ')
    if (verb === 'omit') continue
    results.push(await obey(order, batch))
    if (verb === 'fail')
      failures.set(index, {
        code: 'conflict',
        message: words.join(' '),
        stack: 'where it failed',
      })
  }
  return { results, failures }
}

async function obey(order: Order, batch: number): Promise<string | undefined> {
  const [verb, ...words] = order.split(' ')
  const rest = words.join(' ')
  if (verb !== 'list') done.push(order)
  switch (verb) {
    case 'wait':
      Latch.wait(rest)
      return order
    case 'wait-exit':
      Latch.wait(rest)
      return process.exit(3)
    case 'read':
      // Blocks where nobody writes to it, and in a call of the system, which nothing ends.
      return readFileSync(rest, 'utf8')
    case 'list':
      return done.join(', ')
    case 'batch':
      return String(batch)
    case 'fail':
      return undefined
    case 'throw':
      throw new Error(rest)
    case 'exit':
      return process.exit(3)
    case 'exit-once':
      if (rest) Latch.wait(rest)
      return exitOnce() ?? order
    case 'crash':
      process.nextTick(() => {
        throw new Error('crashed')
      })
      return new Promise(() => {})
    case 'hoard':
      return hoard()
    default:
      return order
  }
}

function exitOnce(): undefined {
  const exits = Tally.find('exits')
  if (exits?.value !== 0) return
  exits.add()
  process.exit(3)
}

/** Takes memory until there is none. */
function hoard(): never {
  const hoarded: number[][] = []
  for (;;) hoarded.push(Array.from({ length: 100_000 }, (_, index) => index + Math.random()))
}
