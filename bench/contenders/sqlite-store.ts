import { SqliteStore } from '../../src/index.ts'
import type { Contender, ContenderOptions } from '../contender.ts'

export function open({ path, readers }: ContenderOptions): Promise<Contender> {
  return SqliteStore.open({ path, readers })
}
