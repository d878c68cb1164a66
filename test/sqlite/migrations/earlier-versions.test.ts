import { describe, expect, it } from 'vitest'
import { rank } from '../../../src/knowledge/scoring.ts'
import { formerSteps, migrations } from '../../../src/sqlite/migrations/index.ts'
import { SqliteStore } from '../../../src/sqlite/store.ts'
import type { ReviewItem } from '../../../src/store.ts'
import {
  contentOf,
  earlierFile,
  faultsOf,
  migratedContent,
  migrateFile,
  newPath,
  onDatabase,
  referenceRows,
} from './database-file.ts'

function stepsOf(path: string): string[] {
  return onDatabase(path, (db) =>
    db.prepare<[], string>('select name from cq_store_migrations order by name').pluck().all(),
  )
}

function ownSchema(path: string) {
  return contentOf(path).schema.filter(({ name }) => String(name).includes('cq_store_'))
}

async function unitsIn(store: SqliteStore): Promise<ReviewItem[]> {
  const items: ReviewItem[] = []
  for await (const item of store.units()) items.push(item)
  return items
}

const files = [1, 2, 3, 4, 5, 6, 7, 8]

describe.each(files)('a file of earlier version %i', (number) => {
  it('gets what a new file has, and keeps what the reference server knows', () => {
    const path = earlierFile(number)
    const [before, steps] = [referenceRows(path), stepsOf(path)]
    migrateFile(path)
    expect(referenceRows(path)).toEqual(before)
    const made = newPath()
    migrateFile(made)
    expect(ownSchema(path)).toEqual(ownSchema(made))
    expect(stepsOf(path)).toEqual(
      [...new Set([...steps, ...migrations.map(({ name }) => name)])].sort(),
    )
    expect(faultsOf(path)).toEqual([])
    const again = migratedContent(path)
    migrateFile(path)
    expect(migratedContent(path)).toEqual(again)
  })

  it('answers queries, listings and statistics from what it holds', async () => {
    await using store = await SqliteStore.open({ path: earlierFile(number), readers: 1 })
    const items = await unitsIn(store)
    expect(items).toHaveLength(24)
    const approved = items
      .filter(({ status }) => status === 'approved')
      .map(({ knowledge_unit }) => knowledge_unit)
    const query = {
      domains: ['sqlite', 'css'],
      languages: ['go'],
      frameworks: [],
      pattern: 'API-client',
    }
    const { domains, ...context } = query
    const best = approved
      .filter((unit) => unit.domains.some((domain) => domains.includes(domain)))
      .sort((one, other) => rank(other, query) - rank(one, query) || (one.id < other.id ? 1 : -1))
    expect(await store.query(domains, { ...context, limit: 50 })).toEqual(best)
    expect(await store.countsByStatus()).toEqual({ approved: 15, pending: 6, rejected: 3 })
    expect(Object.values(await store.countsByTier())).toEqual(
      expect.arrayContaining([expect.any(Number)]),
    )
    expect((await store.listUnits({ status: 'approved', limit: 50 })).length).toBe(approved.length)
    expect((await store.pendingQueue({ limit: 50 })).length).toBe(6)
  })
})

describe('the files of earlier versions', () => {
  it('have every step between them that a version took and none takes today', () => {
    const steps = files.flatMap((number) => stepsOf(earlierFile(number)))
    expect(steps).toEqual(expect.arrayContaining([...formerSteps]))
  })
})
