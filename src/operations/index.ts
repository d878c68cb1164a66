// What rankers run is compiled with all else, on the thread that opens the store.
import './ranked-units.ts'
import { accounts } from './accounts.ts'
import { administration } from './administration.ts'
import type { OperationsFor, StoreMethod } from './operation.ts'
import { reviews } from './reviews.ts'
import { statistics } from './statistics.ts'
import { units } from './units.ts'

/** What every method of Store does. */
export const operations: OperationsFor<StoreMethod> = {
  ...units,
  ...reviews,
  ...statistics,
  ...accounts,
  ...administration,
}
