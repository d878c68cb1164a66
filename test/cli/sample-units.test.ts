import { expect, test } from 'vitest'
import {
  loadSampleUnits,
  pendingSamples,
  samples,
  sampleUnits,
} from '../../src/cli/sample-units.ts'
import { createKnowledgeUnit, parseKnowledgeUnit } from '../../src/index.ts'
import { serveStore } from '../server/served-store.ts'

test('the sample units are at least twenty, sound, and of the domains that they are queried by', () => {
  const units = samples.map((unit) => parseKnowledgeUnit(unit, new Date()))
  expect(units.length).toBeGreaterThanOrEqual(32)
  expect(new Set(units.map(({ id }) => id)).size).toBe(units.length)
  const domains = new Set(units.flatMap((unit) => unit.domains))
  for (const domain of ['sqlite', 'nodejs', 'worker-threads']) expect(domains).toContain(domain)
})

test('a new store is filled with them, a dozen of them to be reviewed, and a second time nothing happens', async () => {
  await using served = await serveStore()
  expect(await loadSampleUnits(served.store, 'cq-store')).toBe(samples.length)
  expect(await loadSampleUnits(served.store, 'cq-store')).toBe(0)
  expect(await served.store.countsByStatus()).toEqual({
    approved: sampleUnits.length,
    pending: pendingSamples.length,
  })
})

test('a store that has units of its own gets none', async () => {
  await using served = await serveStore()
  const insight = { summary: 's', detail: 'd', action: 'a' }
  await served.store.insert(createKnowledgeUnit({ domains: ['own'], insight }))
  expect(await loadSampleUnits(served.store, 'cq-store')).toBe(0)
  expect(await served.store.countsByStatus()).toEqual({ pending: 1 })
})

test('two that fill it at once fill it once', async () => {
  await using served = await serveStore()
  const counts = await Promise.all(
    ['one', 'other'].map((name) => loadSampleUnits(served.store, name)),
  )
  expect(counts.reduce((sum, count) => sum + count)).toBe(samples.length)
  expect(await served.store.countsByStatus()).toEqual({
    approved: sampleUnits.length,
    pending: pendingSamples.length,
  })
})
