import { SqliteStore, type StoreError } from '../../../src/index.ts'

/** A process that opens a store read only, and tells how many units it finds and what the log is told. */
const [path = ''] = process.argv.slice(2)
const told: string[] = []
const tell = (_details: object, message: string) => void told.push(message)
try {
  const store = await SqliteStore.open({
    path,
    readOnly: true,
    readers: 2,
    log: { warn: tell, error: tell },
  })
  console.log(`found ${await store.count()}`)
  await store.close()
} catch (error) {
  const { code, message } = error as StoreError
  console.log(`${code}: ${message}`)
}
for (const message of told) console.log(message)
