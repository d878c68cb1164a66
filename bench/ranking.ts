import { SqliteStore } from '../src/index.ts'

/** What answering queries from memory costs. */
export interface RankingCost {
  readonly units: number
  /** Until the store is open, and from then on until a query is answered, in milliseconds. */
  readonly openMilliseconds: number
  readonly loadMilliseconds: number
  /** Memory of the index, as the store tells it. */
  readonly bytes: number
  /** By how much all of the process's memory has grown, in bytes. */
  readonly rssGrowth: number
}

/** Opens a store, and has it loaded what queries are answered from. */
export async function measureRanking({ path }: { readonly path: string }): Promise<RankingCost> {
  const before = process.memoryUsage.rss()
  const start = performance.now()
  await using store = await SqliteStore.open({ path })
  const opened = performance.now()
  // Waits for the index, whatever it asks for.
  await store.query(['nothing'])
  const loaded = performance.now()
  const { units = 0, bytes = 0 } = store.figures.ranking[0] ?? {}
  return {
    units,
    openMilliseconds: opened - start,
    loadMilliseconds: loaded - opened,
    bytes,
    rssGrowth: process.memoryUsage.rss() - before,
  }
}
