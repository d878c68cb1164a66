import { createKnowledgeUnit, SqliteStore, StoreError } from '../../../src/index.ts'

/** A process that uses a store from its opening to its end, and tells what came of it. */
try {
  await using store = await SqliteStore.open({ path: process.argv[2] as string, readers: 1 })
  const insight = { summary: 'Summary', detail: 'Detail', action: 'Action' }
  const unit = createKnowledgeUnit({ domains: ['rounds'], insight })
  await store.insert(unit)
  await store.decide(unit.id, 'approved', 'carol')
  console.log(`found ${(await store.query(['rounds'])).length}`)
} catch (error) {
  console.log(error instanceof StoreError ? `${error.code}: ${error.message}` : String(error))
}
