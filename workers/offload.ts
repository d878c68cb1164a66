import { workerData } from 'node:worker_threads'
import { loadOperations } from '../src/offload/load-operations.ts'
import { SqliteWorker } from '../src/offload/worker.ts'
import { serveWorker } from '../src/threads/worker-module.ts'

// Loaded with this file, so that the thread is not ended while it does.
const operations = await loadOperations(workerData.operations)

export default serveWorker(new SqliteWorker(workerData, operations))
