import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { KnowledgeStats, KnowledgeUnit } from '../../src/index.ts'
import type { Contender, ContenderOptions } from '../contender.ts'
import type { TaskWorkerData } from './task-per-call-worker.ts'

const workerFile = fileURLToPath(
  new URL(`./task-per-call-worker${extname(import.meta.url)}`, import.meta.url),
)

/** What one writes first to get SQLite off the event loop: each call is a task of a pool. */
export function open({ path, readers, durability }: ContenderOptions): Contender {
  const pool = (threads: number, readonly: boolean) =>
    new Piscina({
      filename: workerFile,
      minThreads: threads,
      maxThreads: threads,
      workerData: { path, durability, readonly } satisfies TaskWorkerData,
    })
  const writing = pool(1, false)
  const reading = pool(readers, true)
  return {
    get: (id) => reading.run(id, { name: 'get' }) as Promise<KnowledgeUnit | null>,
    insert: (unit) => writing.run(unit, { name: 'insert' }) as Promise<void>,
    query: (query) => reading.run(query, { name: 'query' }) as Promise<KnowledgeUnit[]>,
    confirm: (id) => writing.run(id, { name: 'confirm' }) as Promise<KnowledgeUnit>,
    decide: (id) => writing.run(id, { name: 'decide' }) as Promise<void>,
    stats: () => reading.run(undefined, { name: 'stats' }) as Promise<KnowledgeStats>,
    close: async () => {
      await reading.close()
      await writing.close()
    },
  }
}
