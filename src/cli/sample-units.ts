import type { KnowledgeUnitInput } from '../knowledge/records.ts'
import type { Store } from '../store.ts'
import units from './sample-units.json' with { type: 'json' }

/** Units to try a new server with. */
export const sampleUnits = units as readonly KnowledgeUnitInput[]

/** Fills an empty store with the sample units, approved. Resolves to how many were stored. */
export async function loadSampleUnits(store: Store, reviewer: string): Promise<number> {
  if ((await store.count()) > 0) return 0
  return store.importUnits(
    sampleUnits.map((knowledge_unit) => ({
      knowledge_unit,
      status: 'approved',
      reviewed_by: reviewer,
    })),
    // Another process may be filling it, too.
    { existing: 'skip' },
  )
}
