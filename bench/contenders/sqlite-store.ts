import { SqliteStore } from '../../src/index.ts'
import type { Contender, ContenderOptions } from '../contender.ts'
import { seededUntil } from '../corpus.ts'

export async function open({ path, readers, durability }: ContenderOptions): Promise<Contender> {
  // Its daily figures are of the last days, in which there are units then.
  const store = await SqliteStore.open({ path, readers, durability, now: () => seededUntil })
  return {
    get: (id) => store.get(id),
    insert: (unit) => store.insert(unit),
    query: ({ domains, ...options }) => store.query(domains, options),
    confirm: (id) => store.confirm(id),
    stats: () => store.stats(),
    reviewStats: () => store.reviewStats(),
    close: () => store.close(),
  }
}
