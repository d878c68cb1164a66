import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresStore } from '../../src/postgres/store.ts'
import { outcome } from '../store/contract/failure.ts'
import { FreshNames } from '../store/contract/fresh-names.ts'
import { sampleUnit } from '../store/samples.ts'
import { dropDatabase, makeDatabase, query } from './databases.ts'

const now = new Date('2026-11-22T12:00:00Z')

/** What becomes of the connection when a commit is asked for, or a transaction begins. */
type Fault = 'none' | 'cut before' | 'cut after' | 'silent after' | 'silent before'

/** Stands between a store and its server, and fails when it comes to a commit. */
class FailingProxy {
  fault: Fault = 'none'
  readonly #server: Server

  constructor(port: number) {
    this.#server = createServer((store) => {
      const server = connect(port, '127.0.0.1')
      let isDeaf = false
      const cut = () => {
        store.destroy()
        server.destroy()
      }
      store.on('data', (data) => {
        const isCommit = data.includes('commit\0')
        if (isCommit && this.fault === 'cut before') return cut()
        if (this.fault === 'silent before' && data.includes('begin isolation level')) isDeaf = true
        if (isDeaf) return
        server.write(data)
        if (!isCommit || this.fault === 'none' || this.fault === 'silent before') return
        isDeaf = true
        // Once it has answered, so that the commit is done.
        if (this.fault === 'cut after') server.once('data', cut)
      })
      server.on('data', (data) => {
        if (!isDeaf) store.write(data)
      })
      for (const socket of [store, server]) socket.on('error', cut).on('close', cut)
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
  }
}

describe('writes whose connection fails', () => {
  const fresh = new FreshNames()
  let direct: string
  let proxy: FailingProxy
  let store: PostgresStore

  beforeAll(async () => {
    direct = await makeDatabase()
    const url = new URL(direct)
    proxy = new FailingProxy(Number(url.port))
    url.port = `${await proxy.listen()}`
    const log = { warn() {}, error() {} }
    store = await PostgresStore.open({ url: url.href, rankers: 0, timeout: 1_000, log })
  })
  afterAll(async () => {
    await store.close()
    proxy.close()
    await dropDatabase(direct)
  })

  it.each<[Fault, code: RegExp, stored: number]>([
    ['cut before', /^outcome_unknown$/, 0],
    ['cut after', /^outcome_unknown$/, 5],
    ['silent after', /^outcome_unknown$/, 5],
    // Nothing was committed, or the caller's own deadline came first.
    ['silent before', /^(timeout|outcome_unknown)$/, 0],
  ])('when it comes to the commit (%s) say what may have happened', async (fault, code, stored) => {
    for (let round = 0; round < 3; round++) {
      // Its connection is there, and works again.
      proxy.fault = 'none'
      while ('code' in (await outcome(store.insert(sampleUnit(fresh.unitId(), now)))));
      proxy.fault = fault
      const units = Array.from({ length: 5 }, () => sampleUnit(fresh.unitId(), now))
      expect(await outcome(store.insertMany(units))).toEqual({ code: expect.stringMatching(code) })
      const ids = units.map(({ id }) => id)
      const rows = await query(direct, 'select id from knowledge_units where id = any($1)', [ids])
      expect(rows).toHaveLength(stored)
    }
  })
})
