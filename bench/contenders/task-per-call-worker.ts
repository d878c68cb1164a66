import { workerData } from 'node:worker_threads'
import type { KnowledgeUnit } from '../../src/index.ts'
import type { Durability } from '../contender.ts'
import type { Query } from '../corpus.ts'
import { BetterSqlite3 } from './better-sqlite3.ts'

export interface TaskWorkerData {
  readonly path: string
  readonly durability: Durability
  readonly readonly: boolean
}

const { path, durability, readonly } = workerData as TaskWorkerData
const database = new BetterSqlite3(path, durability, readonly)

export const get = (id: string) => database.get(id)
export const insert = (unit: KnowledgeUnit) => database.insert(unit)
export const query = (query: Query) => database.query(query)
export const confirm = (id: string) => database.confirm(id)
export const decide = (id: string) => database.decide(id)
export const stats = () => database.stats()
