import { SqliteStore } from '../../src/index.ts'
import { internalOptions } from '../../src/internals.ts'
import type { Contender, ContenderOptions } from '../contender.ts'
import { seededUntil } from '../corpus.ts'

export async function open({ path, readers, durability }: ContenderOptions): Promise<Contender> {
  // Its daily figures are of the last days, in which there are units then.
  const store = await SqliteStore.open({
    path,
    readers,
    durability,
    ...internalOptions({ now: () => seededUntil }),
  })
  // Waits until the index is loaded, which is measured elsewhere, and would take its part of a core here.
  await store.query(['nothing'])
  return {
    get: (id) => store.get(id),
    insert: (unit) => store.insert(unit),
    query: ({ domains, ...options }) => store.query(domains, options),
    confirm: (id) => store.confirm(id),
    decide: async (id) => {
      await store.decide(id, 'approved', 'bench')
    },
    stats: () => store.stats(),
    reviewStats: () => store.reviewStats(),
    close: () => store.close(),
  }
}
