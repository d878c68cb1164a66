import type { Durability } from '../offload/connection-options.ts'
import type { ExposureFlags } from './serve-exposure.ts'
import type { LogSettings } from './server-log.ts'
import type { DatabaseSettings } from './settings.ts'

/** The database of `serve --dev`. */
export const developmentDatabase = 'data/cq.db'

export interface ServeFlags extends DatabaseSettings, ExposureFlags, LogSettings {
  readonly dev?: true
  readonly port: number
  readonly host: string
  readonly readOnly?: true
  readonly quickCheck?: true
  readonly trustProxy?: readonly string[]
  readonly readers?: number
  readonly replicas?: readonly string[]
  readonly rankers: number
  readonly durability: Durability
  readonly maxQueue: number
  readonly maxQueueBytes: number
  readonly timeout: number
  readonly maxConnections: number
  readonly gracePeriod: number
}
