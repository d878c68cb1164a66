import { type AddressInfo, connect, createServer } from 'node:net'
import { kill } from 'node:process'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PostgresStore } from '../../src/postgres/store.ts'
import { failure } from '../store/contract/failure.ts'
import { FreshNames } from '../store/contract/fresh-names.ts'
import { sampleUnit } from '../store/samples.ts'
import { query } from './databases.ts'
import { replicating, startServer, type TestServer } from './server.ts'

const now = new Date('2026-11-22T12:00:00Z')
const bin = replicating()

describe.runIf(bin)('a store with a standby', () => {
  const fresh = new FreshNames()
  let primary: TestServer
  let standby: TestServer
  let store: PostgresStore

  beforeAll(async () => {
    if (bin === undefined) return
    primary = await startServer({ bin })
    await (await PostgresStore.open({ url: primary.url, rankers: 0 })).close()
    standby = await startServer({ bin, standbyOf: primary })
    store = await PostgresStore.open({ url: primary.url, replicas: [standby.url] })
  })
  afterAll(async () => {
    await store.close()
    await standby.stop()
    await primary.stop()
  })

  const replay = (what: 'pause' | 'resume') => query(standby.url, `select pg_wal_replay_${what}()`)

  /** Resolves once the standby has all that the primary has. */
  async function caughtUp(): Promise<void> {
    const [row] = await query<{ last: string }>(
      primary.url,
      'select pg_current_wal_insert_lsn()::text as last',
    )
    for (;;) {
      const [standing] = await query<{ has: boolean }>(
        standby.url,
        'select pg_last_wal_replay_lsn() >= $1::pg_lsn as has',
        [row?.last],
      )
      if (standing?.has) return
    }
  }

  it('reads there what it wrote, once that has arrived', async () => {
    const unit = sampleUnit(fresh.unitId(), now)
    await store.insert(unit)
    await caughtUp()
    const { answered } = store.figures.replicas
    expect(await store.getAny(unit.id)).toEqual(unit)
    expect((await store.listUnits()).map(({ knowledge_unit }) => knowledge_unit)).toContainEqual(
      unit,
    )
    expect(store.figures.replicas.answered).toBe(answered + 2)
  })

  it('reads each write at once, however far behind the standby is', async () => {
    for (let write = 0; write < 300; write++) {
      if (write % 100 === 50) await replay('pause')
      if (write % 100 === 99) await replay('resume')
      const unit = sampleUnit(fresh.unitId(), now)
      await store.insert(unit)
      expect(await store.getAny(unit.id)).toEqual(unit)
      const { status } = await store.decide(unit.id, 'approved', 'carol')
      expect(await store.getReviewStatus(unit.id)).toMatchObject({ status })
    }
    expect(store.figures.replicas.behind).toBeGreaterThanOrEqual(300)
  })

  it('reads what an earlier process wrote, too', async () => {
    await replay('pause')
    const unit = sampleUnit(fresh.unitId(), now)
    await store.insert(unit)
    await using next = await PostgresStore.open({ url: primary.url, replicas: [standby.url] })
    expect(await next.getAny(unit.id)).toEqual(unit)
    expect(next.figures.replicas).toMatchObject({ answered: 0, behind: 1 })
    await replay('resume')
  })

  it('writes to the primary again, once its name leads there and no more to a standby', async () => {
    let target = standby.url
    // As a name does whose address changes: connections that are there stay.
    const name = createServer((client) => {
      const server = connect(Number(new URL(target).port), '127.0.0.1')
      client.pipe(server).pipe(client)
      for (const socket of [client, server])
        socket.on('error', () => {}).on('close', () => [client, server].map((one) => one.destroy()))
    })
    await new Promise<void>((resolve) => name.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void name.close())
    const url = new URL(primary.url)
    url.port = `${(name.address() as AddressInfo).port}`
    await caughtUp()
    const log = { warn() {}, error() {} }
    await using moved = await PostgresStore.open({ url: url.href, rankers: 0, log })
    const unit = sampleUnit(fresh.unitId(), now)
    expect(await failure('unavailable', moved.insert(unit))).toContain('could not begin')
    target = primary.url
    await moved.insert(unit)
    // Another store may read from the standby, which sees it later.
    await caughtUp()
    expect(await store.getAny(unit.id)).toEqual(unit)
  })

  it('reads from the primary where the standby is silent, in the time of the call', async () => {
    const unit = sampleUnit(fresh.unitId(), now)
    await using short = await PostgresStore.open({
      url: primary.url,
      replicas: [standby.url],
      connections: 1,
      rankers: 0,
      timeout: 2_000,
    })
    await short.insert(unit)
    await caughtUp()
    expect(await short.getAny(unit.id)).toEqual(unit)
    const backends = await query<{ pid: number }>(
      standby.url,
      `select pid from pg_stat_activity where application_name = 'cq-store'`,
    )
    for (const { pid } of backends) kill(pid, 'SIGSTOP')
    onTestFinished(() => {
      for (const { pid } of backends) kill(pid, 'SIGCONT')
    })
    expect(await short.getAny(unit.id)).toEqual(unit)
    expect(short.figures.replicas.failed).toBe(1)
  })

  it('reads from the primary while the standby is gone, and after it was promoted', async () => {
    const unit = sampleUnit(fresh.unitId(), now)
    await store.insert(unit)
    await standby.halt('SIGINT')
    expect(await store.getAny(unit.id)).toEqual(unit)
    expect(store.figures.replicas.failed).toBeGreaterThan(0)
    await standby.restart('SIGINT')
    // Its rest after the failure is over, and it has all that was written.
    await caughtUp()
    const { answered } = store.figures.replicas
    await vi.waitFor(async () => {
      await store.getAny(unit.id)
      expect(store.figures.replicas.answered).toBeGreaterThan(answered)
    }, 10_000)
    await query(standby.url, 'select pg_promote()')
    await query(standby.url, 'delete from knowledge_units')
    // What it had was all that this store has written.
    const before = store.figures.replicas
    expect(await Promise.all([store.getAny(unit.id), store.get(unit.id)])).toContainEqual(unit)
    expect(store.figures.replicas.answered).toBe(before.answered)
    await using next = await PostgresStore.open({ url: primary.url, replicas: [standby.url] })
    expect(await next.getAny(unit.id)).toEqual(unit)
    expect(next.figures.replicas).toMatchObject({ answered: 0, behind: 1 })
  })
})
