import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { SqliteStore } from '../../src/index.ts'
import { internalOptions } from '../../src/internals.ts'
import { describeStoreContract } from './contract.ts'

let directory: string
let stores = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cq-store-contract-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describeStoreContract('SqliteStore', (options) =>
  SqliteStore.open({
    ...internalOptions(options),
    path: join(directory, `${++stores}.db`),
    readers: 2,
  }),
)
