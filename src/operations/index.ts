// Imported so that the statements of rankers are compiled on the main thread, too.
import './ranked-units.ts'
import { accounts } from './accounts.ts'
import { administration } from './administration.ts'
import { browsing } from './browsing.ts'
import { curation } from './curation.ts'
import type { OperationsFor, StoreMethod } from './operation.ts'
import { proposals } from './proposals.ts'
import { reviews } from './reviews.ts'
import { search } from './search.ts'
import { sessions } from './sessions.ts'
import { statistics } from './statistics.ts'
import { units } from './units.ts'

/** The operation of every method of Store. */
export const operations: OperationsFor<StoreMethod> = {
  ...units,
  ...proposals,
  ...search,
  ...reviews,
  ...browsing,
  ...curation,
  ...statistics,
  ...accounts,
  ...sessions,
  ...administration,
}
