import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresStore } from '../../src/postgres/store.ts'
import { outcome } from '../store/contract/failure.ts'
import { FreshNames } from '../store/contract/fresh-names.ts'
import { sampleUnit } from '../store/samples.ts'
import { dropDatabase, makeDatabase, query } from './databases.ts'

const now = new Date('2026-11-22T12:00:00Z')

/** What becomes of the connection when a commit is asked for, or a transaction begins. */
type Fault =
  | 'none'
  | 'cut before'
  | 'cut after'
  | 'silent after'
  | 'silent before'
  | 'refused beginning'
  | 'refused rollback'

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
        server.write(this.#garbled(data))
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

  /** What the server fails to understand, instead of what it was to do. */
  #garbled(data: Buffer): Buffer {
    const text = { 'refused beginning': 'read write', 'refused rollback': 'rollback\0' }
    const place = data.indexOf(text[this.fault as keyof typeof text] ?? '\0never')
    return place < 0 ? data : Buffer.from(data).fill('?', place, place + 8)
  }

  close(): void {
    this.#server.close()
  }
}

describe.each([true, false])('writes whose connection fails (pipeline: %s)', (pipeline) => {
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
    store = await PostgresStore.open({ url: url.href, rankers: 0, timeout: 1_000, pipeline, log })
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
    ['refused beginning', /^unavailable$/, 0],
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

  it('when it comes to the rollback are followed by others on a new connection', async () => {
    proxy.fault = 'none'
    const known = sampleUnit(fresh.unitId(), now)
    while ('code' in (await outcome(store.insert(known))));
    proxy.fault = 'refused rollback'
    const others = [sampleUnit(fresh.unitId(), now), known]
    expect(await outcome(store.insertMany(others))).toEqual({ code: 'unavailable' })
    proxy.fault = 'none'
    const later = sampleUnit(fresh.unitId(), now)
    await store.insert(later)
    const rows = await query(direct, 'select id from knowledge_units where id = any($1)', [
      [...others, later].map(({ id }) => id),
    ])
    expect(rows.map(({ id }) => id).toSorted()).toEqual([known.id, later.id].toSorted())
  })

  it('by what a trigger raises are undone, and followed by others', async () => {
    await query(
      direct,
      `create function refuse() returns trigger language plpgsql as $body$
       begin raise exception 'refused' using errcode = new.reviewed_by; end $body$;
       create trigger refuse before insert on knowledge_units for each row
       when (new.reviewed_by is not null) execute function refuse()`,
    )
    proxy.fault = 'none'
    for (const errcode of ['08001', '08006', '25006', '57P01']) {
      const unit = sampleUnit(fresh.unitId(), now)
      const refused = store.importUnits([
        { knowledge_unit: unit, status: 'approved', reviewed_by: errcode },
      ])
      expect(await outcome(refused)).toEqual({ code: 'unavailable' })
      await store.insert(unit)
    }
  })
})
