import { afterAll, describe } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import { PostgresStore } from '../../src/postgres/store.ts'
import { type Collation, dropDatabase, makeDatabase } from '../postgres/databases.ts'
import { describeStoreContract } from './contract.ts'

// The harder one, and the other where another version than the usual one is tested.
const collations: Collation[] = process.env.CQ_TEST_POSTGRES_BIN ? ['C'] : ['ICU']

describe.each(collations)('in a database that sorts by %s', (collation) => {
  const urls: string[] = []
  let template: Promise<string> | undefined

  /** A database with the newest schema and no units, to copy: sooner made than by migrating. */
  async function migrated(): Promise<string> {
    const url = await makeDatabase(collation)
    urls.push(url)
    await (await PostgresStore.open({ url, rankers: 0, connections: 1 })).close()
    return url
  }

  afterAll(async () => {
    for (const url of urls) await dropDatabase(url)
  })

  describeStoreContract('PostgresStore', async (options) => {
    template ??= migrated()
    const url = await makeDatabase(collation, await template)
    urls.push(url)
    return PostgresStore.open({ ...internalOptions(options), url, connections: 2 })
  })
})
