import type { AddressInfo } from 'node:net'
import { kill } from 'node:process'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { StoreError } from '../../src/errors.ts'
import type { PostgresStoreOptions } from '../../src/postgres/options.ts'
import { PostgresStore } from '../../src/postgres/store.ts'
import { createServer } from '../../src/server/server.ts'
import { failure } from '../store/contract/failure.ts'
import { FreshNames } from '../store/contract/fresh-names.ts'
import { sampleUnit } from '../store/samples.ts'
import { query } from './databases.ts'
import { startServer, type TestServer } from './server.ts'

const now = new Date('2026-11-22T12:00:00Z')
const fresh = new FreshNames()
const silent = { warn() {}, error() {} }

/** How often a server is restarted: more in a long round. */
const rounds = Number(process.env.CQ_TEST_RESTARTS ?? 3)

/** How calls may fail while the server does. */
const allowed = ['unavailable', 'outcome_unknown', 'timeout', 'overloaded']

/** Writes and reads without pause until it is ended, and keeps count of what was acknowledged. */
class Load {
  readonly inserted: string[] = []
  confirmations = 0
  readonly failures: string[] = []
  #isOver = false
  readonly #loops: Promise<void>[]
  /** Is called after each call that went well. */
  onAnswer = () => {}

  constructor(store: PostgresStore, confirmed: string) {
    const loop = async (call: () => Promise<void>) => {
      while (!this.#isOver)
        try {
          await call()
          this.onAnswer()
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          this.failures.push(error.code)
          // Its turn for everything else, too: without a server, calls fail at once.
          await new Promise<void>((resolve) => setImmediate(resolve))
        }
    }
    const insert = async () => {
      const unit = sampleUnit(fresh.unitId(), now)
      await store.insert(unit)
      this.inserted.push(unit.id)
    }
    const confirm = async () => {
      await store.confirm(confirmed)
      this.confirmations++
    }
    const read = async () => {
      await store.get(confirmed)
      await store.query(['sample'])
      await store.reviewStats()
    }
    this.#loops = [insert, insert, insert, confirm, confirm, read, read, read].map(loop)
  }

  /** Resolves once so many calls more have gone well. */
  answered(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    let left = count
    this.onAnswer = () => {
      if (--left === 0) resolve()
    }
    return promise
  }

  /** Ends it: every call that was made has settled. */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }
}

describe('a server of PostgreSQL', () => {
  let server: TestServer
  const stores: PostgresStore[] = []

  beforeAll(async () => {
    server = await startServer({ settings: { fsync: 'on' } })
  })
  afterAll(async () => {
    for (const store of stores) await store.close()
    await server.stop()
  })

  async function open(options: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> {
    const store = await PostgresStore.open({ url: server.url, log: silent, ...options })
    stores.push(store)
    return store
  }

  /** An approved unit. */
  async function confirmable(store: PostgresStore): Promise<string> {
    const unit = sampleUnit(fresh.unitId(), now)
    await store.importUnits([{ knowledge_unit: unit, status: 'approved' }])
    return unit.id
  }

  async function expectNothingLost(load: Load, confirmed: string): Promise<void> {
    await using store = await PostgresStore.open({ url: server.url, rankers: 0 })
    const found = await Promise.all(load.inserted.map((id) => store.getAny(id)))
    expect(found.filter((unit) => unit === null)).toEqual([])
    const { evidence } = (await store.get(confirmed)) ?? expect.fail()
    const unknown = load.failures.filter((code) => code === 'outcome_unknown').length
    expect(evidence.confirmations - 1).toBeGreaterThanOrEqual(load.confirmations)
    expect(evidence.confirmations - 1).toBeLessThanOrEqual(load.confirmations + unknown)
    expect(load.failures.filter((code) => !allowed.includes(code))).toEqual([])
  }

  const backends = (what: string) =>
    query<{ pid: number }>(
      server.url,
      `select pid${what} from pg_stat_activity where application_name = 'cq-store' order by pid`,
    )

  it.each(['SIGINT', 'SIGQUIT'] as const)(
    'that is restarted by %s under load loses no write that was acknowledged, and is used again',
    { timeout: 60_000 + rounds * 10_000 },
    async (how) => {
      const store = await open()
      const confirmed = await confirmable(store)
      const load = new Load(store, confirmed)
      for (let round = 0; round < rounds; round++) {
        await load.answered(200)
        await server.restart(how)
      }
      await load.answered(200)
      await load.end()
      await expectNothingLost(load, confirmed)
    },
  )

  it('may end all connections under load: reads are made again, and nothing is lost', async () => {
    const store = await open()
    const confirmed = await confirmable(store)
    const load = new Load(store, confirmed)
    for (let round = 0; round < 5; round++) {
      await load.answered(100)
      await backends(', pg_terminate_backend(pid)')
    }
    await load.answered(200)
    await load.end()
    await expectNothingLost(load, confirmed)
  })

  it('whose connections freeze keeps nobody waiting for ever, and others take their place', async () => {
    const store = await open({ timeout: 400 })
    const unit = sampleUnit(fresh.unitId(), now)
    await store.insert(unit)
    await store.getAny(unit.id)
    const frozen = (await backends('')).map(({ pid }) => pid)
    for (const pid of frozen) kill(pid, 'SIGSTOP')
    onTestFinished(() => {
      for (const pid of frozen)
        try {
          kill(pid, 'SIGCONT')
        } catch {
          // It has ended.
        }
    })
    const other = sampleUnit(fresh.unitId(), now)
    const codes = (await Promise.allSettled([store.getAny(unit.id), store.insert(other)])).map(
      (ended) => (ended.status === 'rejected' ? (ended.reason as StoreError).code : 'answered'),
    )
    // Of a write, it depends on how far it got.
    expect(codes).toEqual(['timeout', expect.stringMatching(/^(timeout|outcome_unknown)$/)])
    for (;;) {
      const answer = await store.getAny(unit.id).catch((error: StoreError) => error.code)
      if (typeof answer !== 'string') {
        expect(answer).toEqual(unit)
        break
      }
      expect(answer).toBe('timeout')
    }
    const later = sampleUnit(fresh.unitId(), now)
    for (;;) {
      const code = await store.insert(later).then(
        () => 'stored',
        (error: StoreError) => error.code,
      )
      // It may have been stored where that was said to be unknown.
      if (code === 'stored' || code === 'conflict') break
      expect(['timeout', 'outcome_unknown']).toContain(code)
    }
    expect(await store.getAny(later.id)).toEqual(later)
  })

  it('that is frozen keeps no store from closing', async () => {
    const warnings: string[] = []
    const log = { warn: (_: object, text: string) => void warnings.push(text), error() {} }
    const store = await PostgresStore.open({ url: server.url, timeout: 400, log })
    await store.query(['none'])
    const frozen = (await backends('')).map(({ pid }) => pid)
    for (const pid of frozen) kill(pid, 'SIGSTOP')
    onTestFinished(() => {
      for (const pid of frozen) kill(pid, 'SIGCONT')
    })
    await store.close()
    expect(warnings.join()).toMatch(/closing the store: .*ranker 1/)
  })

  it('that takes no more connections is told as such, and is used once it does', async () => {
    await query(server.url, 'create role narrow login connection limit 1')
    await query(server.url, 'grant all on schema public to narrow')
    await query(server.url, 'grant all on all tables in schema public to narrow')
    const url = server.url.replace('cq@', 'narrow@')
    const store = await open({ url, connections: 1, rankers: 0 })
    const unit = sampleUnit(fresh.unitId(), now)
    await store.insert(unit)
    expect(await failure('unavailable', store.getAny(unit.id))).toMatch(
      /53300|too many connections/,
    )
    expect(await store.readiness()).toEqual({
      isReady: false,
      reason: 'PostgreSQL cannot be reached',
    })
    await query(server.url, 'alter role narrow connection limit 10')
    expect(await store.getAny(unit.id)).toEqual(unit)
    expect(await store.readiness()).toEqual({ isReady: true })
  })

  it('that is gone makes /ready say so, and /health stays well', async () => {
    const store = await open()
    const http = await createServer({
      store,
      jwtSecret: 'signs what the tests of the server log in with',
      apiKeyPepper: 'hashes the keys that these tests write with',
    })
    onTestFinished(() => http.close())
    await http.listen({ host: '127.0.0.1', port: 0 })
    const base = `http://127.0.0.1:${(http.server.address() as AddressInfo).port}`
    const ask = async (path: string) => {
      const answer = await fetch(base + path)
      return [answer.status, await answer.json()] as const
    }
    expect((await ask('/ready'))[0]).toBe(200)
    await server.halt('SIGINT')
    expect(await ask('/ready')).toEqual([
      503,
      expect.objectContaining({ detail: expect.stringContaining('PostgreSQL cannot be reached') }),
    ])
    expect((await ask('/health'))[0]).toBe(200)
    await server.restart('SIGINT')
    expect((await ask('/ready'))[0]).toBe(200)
  })

  it('that cannot be reached fails opening, without the password', async () => {
    const url = 'postgresql://cq:s3cr3t@127.0.0.1:1/postgres'
    expect(await failure('unavailable', PostgresStore.open({ url }))).not.toContain('s3cr3t')
    const bad = 'postgresql://cq:s3cr3t@127.0.0.1:none/postgres'
    expect(await failure('invalid', PostgresStore.open({ url: bad }))).not.toContain('s3cr3t')
    expect(await failure('invalid', PostgresStore.open({ url: 'mysql://x:s3cr3t@h/d' }))).toMatch(
      /^the database must be postgresql:/,
    )
    const authority = `${server.url}?sslmode=verify-full&sslrootcert=/none/ca.pem`
    expect(await failure('invalid', PostgresStore.open({ url: authority }))).toMatch(
      /sslrootcert.*ENOENT/,
    )
    const nowhere = `${server.url}_nowhere`
    expect(await failure('unavailable', PostgresStore.open({ url: nowhere }))).toMatch(/3D000/)
  })

  it('that may have lost what it had committed is queried for what it has, once connected to anew', async () => {
    const store = await open()
    const domain = fresh.domain()
    const unit = sampleUnit(fresh.unitId(), now, { domains: [domain] })
    await store.insert(unit)
    expect(await store.query([domain])).toEqual([])
    // Without a note, as where numbers of transactions are used again.
    await query(
      server.url,
      `begin; set local session_replication_role = replica;
       update knowledge_units set status = 'approved' where id = '${unit.id}'; commit`,
    )
    expect(await store.query([domain])).toEqual([])
    await backends(', pg_terminate_backend(pid)')
    await vi.waitFor(async () => expect(await store.query([domain])).toEqual([unit]))
  })
})
