import type { Worker } from 'node:worker_threads'

/** The threads of this process that have begun and not ended, since this file was imported. */
export const liveThreads = new Set<Worker>()

process.on('worker', (worker: Worker) => {
  liveThreads.add(worker)
  worker.once('exit', () => liveThreads.delete(worker))
})
