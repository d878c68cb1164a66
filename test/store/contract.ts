import { describe } from 'vitest'
import { describeAccounts } from './contract/accounts.ts'
import { describeAdministration } from './contract/administration.ts'
import { describeArguments } from './contract/arguments.ts'
import { describeBounds } from './contract/bounds.ts'
import { describeBrowsing } from './contract/browsing.ts'
import { describeConcurrency } from './contract/concurrency.ts'
import { describeCuration } from './contract/curation.ts'
import { describeLifecycle } from './contract/lifecycle.ts'
import type { OpenStore } from './contract/open-store.ts'
import { describeProposals } from './contract/proposals.ts'
import { describeRandomCalls } from './contract/random-calls.ts'
import { describeReviews } from './contract/reviews.ts'
import { describeSearch } from './contract/search.ts'
import { describeSessions } from './contract/sessions.ts'
import { describeStatistics } from './contract/statistics.ts'
import { describeTexts } from './contract/texts.ts'
import { describeUnits } from './contract/units.ts'

/** What a Store has to do with units, told by tests. The suite closes each store that it opens. */
export function describeUnitContract(name: string, openStore: OpenStore): void {
  describe(`${name} keeps the contract of Store about units`, () => {
    describeUnits(openStore)
    describeProposals(openStore)
    describeSearch(openStore)
    describeReviews(openStore)
    describeBrowsing(openStore)
    describeCuration(openStore)
    describeStatistics(openStore)
    describeTexts(openStore)
  })
}

/** All that a Store has to do. */
export function describeStoreContract(name: string, openStore: OpenStore): void {
  describeUnitContract(name, openStore)
  describe(`${name} keeps the contract of Store`, () => {
    describeAccounts(openStore)
    describeSessions(openStore)
    describeAdministration(openStore)
    describeArguments(openStore)
    describeBounds(openStore)
    describeLifecycle(openStore)
    describeConcurrency(openStore)
    describeRandomCalls(openStore)
  })
}
