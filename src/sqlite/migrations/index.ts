import { changesAndCounts, counts } from './changes-and-counts.ts'
import type { DerivedTable } from './derived-table.ts'
import type { Migration } from './migration.ts'
import { oldDocuments } from './old-documents.ts'
import { proposals } from './proposals.ts'
import { rolesAndHistory } from './roles-and-history.ts'
import { signIn } from './sign-in.ts'
import { indexedTexts, texts } from './texts.ts'

/** Our own steps on top of the reference schema, in the order in which they are taken. */
export const migrations: readonly Migration[] = [
  // First, so that what follows is derived from documents of one format.
  oldDocuments,
  changesAndCounts,
  rolesAndHistory,
  texts,
  proposals,
  signIn,
]

/** Steps of earlier versions, which later ones did away with: files may have them. */
export const formerSteps: readonly string[] = [
  '2026-11-22 ranking index',
  '2026-11-22 ranking lists',
  '2026-11-22 ranking by context',
  '2026-11-22 review indexes',
  '2026-11-22 counters',
  '2026-11-22 confidence indexes',
  '2026-11-22 confidence buckets',
  '2026-11-22 spent counters',
]

/** Our tables that can be checked against the reference server's, and made anew from them. */
export const derivedTables: readonly DerivedTable[] = [counts, indexedTexts]
