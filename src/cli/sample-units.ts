import type { KnowledgeUnitInput } from '../knowledge/records.ts'
import type { ReviewItemInput, Store } from '../store.ts'
import pending from './pending-sample-units.json' with { type: 'json' }
import approved from './sample-units.json' with { type: 'json' }

/** Units to try a new server with. */
export const sampleUnits = approved as readonly KnowledgeUnitInput[]
/** Units to try a review with. */
export const pendingSamples = pending as readonly KnowledgeUnitInput[]
export const samples: readonly KnowledgeUnitInput[] = [...sampleUnits, ...pendingSamples]

/** Fills an empty store with the sample units, most of them approved. Resolves to how many were stored. */
export async function loadSampleUnits(store: Store, reviewer: string): Promise<number> {
  if ((await store.count()) > 0) return 0
  const items: ReviewItemInput[] = [
    ...sampleUnits.map((knowledge_unit) => ({
      knowledge_unit,
      status: 'approved' as const,
      reviewed_by: reviewer,
    })),
    ...pendingSamples.map((knowledge_unit) => ({ knowledge_unit })),
  ]
  // Another process may be filling it, too.
  return store.importUnits(items, { existing: 'skip' })
}
