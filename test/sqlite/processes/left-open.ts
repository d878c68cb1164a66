import { SqliteStore } from '../../../src/sqlite/store.ts'
import { ordinaryUnits } from '../steered-units.ts'

// Neither awaits the last call nor closes the store. Its deadline must keep no process alive, either.
const store = await SqliteStore.open({
  path: process.argv[2] as string,
  readers: 1,
  timeout: 2_147_483_647,
})
const units = ordinaryUnits(2)
await store.insertMany(units)
store.stats().then(({ total_count }) => console.log(`counted ${total_count}`))
