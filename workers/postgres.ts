import { workerData } from 'node:worker_threads'
import { loadDriver } from '../src/postgres/driver.ts'
import { RankerThread } from '../src/postgres/ranker-thread.ts'
import { serveWorker } from '../src/threads/worker-module.ts'

export default serveWorker(new RankerThread(await loadDriver(), workerData))
