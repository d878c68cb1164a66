import { workerData } from 'node:worker_threads'
import type { KnowledgeUnit } from '../../src/index.ts'
import { DirectContender } from './direct.ts'

export interface DirectWorkerData {
  readonly path: string
  readonly readonly: boolean
}

const { path, readonly } = workerData as DirectWorkerData
const database = new DirectContender(path, readonly)

export const get = (id: string) => database.get(id)
export const insert = (unit: KnowledgeUnit) => database.insert(unit)
export const query = (domains: readonly string[]) => database.query(domains)
