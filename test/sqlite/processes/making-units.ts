import { createKnowledgeUnit, StoreError } from '../../../src/index.ts'

/** A process that makes a unit and opens no store. */
try {
  const insight = { summary: 'Summary', detail: 'Detail', action: 'Action' }
  createKnowledgeUnit({ domains: ['units'], insight })
  console.log('made')
} catch (error) {
  console.log(error instanceof StoreError ? `${error.code}: ${error.message}` : String(error))
}
