import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { SqliteStore, type Store } from '../../src/index.ts'
import { internalOptions } from '../../src/internals.ts'
import { operations } from '../../src/operations/index.ts'
import type { StoreMethod } from '../../src/operations/operation.ts'
import { describeUnitContract } from './contract.ts'

let directory: string
let stores = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cq-store-contract-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describeUnitContract('SqliteStore, read only beside another one that writes,', async (options) => {
  const path = join(directory, `${++stores}.db`)
  const writer = await SqliteStore.open({ ...internalOptions(options), path, readers: 1 })
  const reader = await SqliteStore.open({
    ...internalOptions(options),
    path,
    readers: 2,
    readOnly: true,
  })
  return pairOf(reader, writer)
})

/** One store of two: what writes is done by the one, and all else by the other. */
function pairOf(reader: Store, writer: Store): Store {
  const close = async () => {
    await Promise.all([reader.close(), writer.close()])
  }
  const own: Partial<Store> = {
    close,
    [Symbol.asyncDispose]: close,
    asText: (view, method, ...args) =>
      (isWrite(method) ? writer : reader).asText(view, method, ...args),
  }
  return new Proxy(reader, {
    get(_, name) {
      if (name in own) return Reflect.get(own, name)
      const store = isWrite(name) ? writer : reader
      const member: unknown = Reflect.get(store, name)
      return typeof member === 'function' ? member.bind(store) : member
    },
  })
}

function isWrite(method: unknown): boolean {
  return typeof method === 'string' && operations[method as StoreMethod]?.kind === 'write'
}
