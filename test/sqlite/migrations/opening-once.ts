import { SqliteStore, type StoreError } from '../../../src/index.ts'

/** A process that opens a store and closes it, and tells the code of what kept it from that. */
const [path = ''] = process.argv.slice(2)
try {
  const store = await SqliteStore.open({ path, readers: 1 })
  await store.close()
  console.log('opened')
} catch (error) {
  const { code, message } = error as StoreError
  console.log(`${code}: ${message}`)
}
