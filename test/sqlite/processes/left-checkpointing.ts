import { setImmediate } from 'node:timers/promises'
import { internalOptions } from '../../../src/internals.ts'
import { SqliteStore } from '../../../src/sqlite/store.ts'
import { heavyUnits } from '../steered-units.ts'

// Does not close the store, of which every worker runs.
const store = await SqliteStore.open({
  path: process.argv[2] as string,
  readers: 1,
  ...internalOptions({ upkeepInterval: 5 }),
})
for (let group = 0; group < 10; group++) await store.insertMany(heavyUnits(60, 0x1000 + 60 * group))
while (store.figures.connections.length < 3) await setImmediate()
store.stats().then(({ total_count }) => console.log(`counted ${total_count}`))
