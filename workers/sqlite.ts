import { workerData } from 'node:worker_threads'
import { serveWorker } from '../src/offload/worker-module.ts'
import { SqliteWorker } from '../src/sqlite/worker.ts'

export default serveWorker(new SqliteWorker(workerData))
