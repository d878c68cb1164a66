import { SqliteStore } from '../../../src/sqlite/store.ts'
import { ordinaryUnits } from '../steered-units.ts'

/** What the test tells it to do. */
export type PeerOrder =
  | { readonly insert: { readonly count: number; readonly from: number } }
  | { readonly count: true }
  | { readonly close: true }

const store = await SqliteStore.open({ path: process.argv[2] as string, readers: 1 })

process.on('message', async (order: PeerOrder) => {
  if ('insert' in order) {
    const { count, from } = order.insert
    await Promise.all(ordinaryUnits(count, from).map((unit) => store.insert(unit)))
    process.send?.('inserted')
  } else if ('count' in order) {
    process.send?.(await store.count())
  } else {
    await store.close()
    process.disconnect()
  }
})
process.send?.('open')
