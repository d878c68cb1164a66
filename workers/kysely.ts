import { workerData } from 'node:worker_threads'
import { type DialectData, dialectOperations, loadPrepare } from '../src/kysely/operations.ts'

const { connection } = workerData.data as DialectData

export default dialectOperations(await loadPrepare(connection))
