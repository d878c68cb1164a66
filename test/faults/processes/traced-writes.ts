import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { SqliteStore } from '../../../src/index.ts'
import { internalOptions } from '../../../src/internals.ts'
import type { Durability } from '../../../src/offload/connection-options.ts'
import { sampleUnit, unitId } from '../../store/samples.ts'

/** A process that makes one write after the other, and marks in the shim's trace that each was acknowledged. */

const [directory = '', durability = 'full', count = '0'] = process.argv.slice(2)
const marks = openSync(join(directory, 'acknowledged.mark'), 'w')
const noon = new Date('2026-11-22T12:00:00Z')
const store = await SqliteStore.open({
  path: join(directory, 'cq.db'),
  durability: durability as Durability,
  readers: 1,
  rankers: 0,
  // So that the log is emptied in between.
  ...internalOptions({ upkeepInterval: 10 }),
})
for (let number = 1; number <= Number(count); number++) {
  const text = 'x'.repeat((number * 7919) % 9_000)
  await store.insert(sampleUnit(unitId(number), noon, { extensions: { 'a:b': text } }))
  writeSync(marks, Int32Array.from([number]), 0, 4, 4 * number)
  if (number % 25 === 0) await delay(40)
}
process.exit()
