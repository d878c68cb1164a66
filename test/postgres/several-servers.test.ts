import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { KnowledgeUnit } from '../../src/index.ts'
import { PostgresStore } from '../../src/postgres/store.ts'
import { outcome } from '../store/contract/failure.ts'
import { FreshNames } from '../store/contract/fresh-names.ts'
import { sampleKey, sampleUnit } from '../store/samples.ts'
import { dropDatabase, makeDatabase, query } from './databases.ts'

const now = new Date('2026-11-22T12:00:00Z')
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index))

/** Two stores on one database, as two servers behind a balancer have them. */
describe('several servers on one database', () => {
  const fresh = new FreshNames()
  let url: string
  let one: PostgresStore
  let other: PostgresStore

  beforeAll(async () => {
    url = await makeDatabase()
    // At once, on an empty database, and the reference server's tables are made by nobody else.
    const log = { warn() {}, error() {} }
    const open = () => PostgresStore.open({ url, log })
    ;[one, other] = await Promise.all([open(), open()])
  })
  afterAll(async () => {
    await Promise.all([one.close(), other.close()])
    await dropDatabase(url)
  })

  async function approved(domains: string[] = ['sample']): Promise<KnowledgeUnit> {
    const unit = sampleUnit(fresh.unitId(), now, { domains })
    await one.insert(unit)
    await one.decide(unit.id, 'approved', 'reviewer')
    return unit
  }

  it('index the words of units together, each unit once, and confirmations index nothing', async () => {
    const units = await Promise.all(times(30, () => approved(['indexed'])))
    await Promise.all(
      units.flatMap(({ id }, index) => [
        one.editUnit(id, { insight: { detail: `sempiternal${index}x` } }, { editedBy: 'ann' }),
        other.setReviewStatus(id, index % 2 ? 'approved' : 'rejected', 'bob'),
      ]),
    )
    while ((await one.indexTexts()) + (await other.indexTexts()) > 0);
    const queued = 'select count(*)::int as units from cq_store_unindexed'
    await expect.poll(() => query(url, queued)).toEqual([{ units: 0 }])
    const unlike = await query(
      url,
      `select id, status, words from knowledge_units left join cq_store_texts on unit_id = id
       where (status = 'approved') <> (words is not null)`,
    )
    expect(unlike).toEqual([])
    for (const [index, { id }] of units.entries()) {
      const found = await other.search(`sempiternal${index}x`)
      expect(found.map((hit) => hit.knowledge_unit.id)).toEqual(index % 2 ? [id] : [])
    }
    const [, { id = '' } = {}] = units
    await query(url, 'create table seen as select * from cq_store_unindexed with no data')
    await query(
      url,
      `create rule noted as on insert to cq_store_unindexed do also insert into seen values (new.entry, new.unit_id)`,
    )
    await one.confirm(id)
    await other.flag(id, { reason: 'stale' })
    expect(await query(url, 'select unit_id from seen')).toEqual([])
    await query(url, 'drop table seen cascade')
  })

  /** Keeps everybody from changing a row until it is let go: all who want to wait in line. */
  async function holding(table: string, condition: string) {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    onTestFinished(() => client.end())
    await client.query(`begin; select 1 from ${table} where ${condition} for update`)
    return {
      /** Resolves once so many connections wait for a lock. */
      async awaited(count: number): Promise<void> {
        for (;;) {
          const [row] = await query<{ waiting: string }>(
            url,
            `select count(*) as waiting from pg_stat_activity
             where wait_event_type = 'Lock' and datname = current_database()`,
          )
          if (Number(row?.waiting) >= count) return
        }
      },
      release: () => client.query('commit'),
    }
  }

  it('decide the same units at once, in opposite orders, and each is decided by one of them', async () => {
    const ids = times(100, () => fresh.unitId())
    await one.insertMany(ids.map((id) => sampleUnit(id, now)))
    const lock = await holding('knowledge_units', `id = '${[...ids].sort()[50]}'`)
    const decided = Promise.all([
      one.decideMany(ids, { decision: 'approved', reviewedBy: 'ann' }),
      other.decideMany(ids.toReversed(), { decision: 'rejected', reviewedBy: 'bob' }),
    ])
    await lock.awaited(2)
    await lock.release()
    const [anns, bobs] = await decided
    expect(anns.map(({ unit_id }) => unit_id)).toEqual(ids)
    const wins = (outcomes: typeof anns) =>
      outcomes.filter(({ outcome }) => outcome === 'decided').map(({ unit_id }) => unit_id)
    expect([...wins(anns), ...wins(bobs)].sort()).toEqual([...ids].sort())
    for (const id of wins(bobs))
      expect(await one.getReviewStatus(id)).toMatchObject({
        status: 'rejected',
        reviewed_by: 'bob',
      })
  })

  it('leave nothing of a unit that one removes while the other edits it', async () => {
    const { id } = await approved()
    const lock = await holding('knowledge_units', `id = '${id}'`)
    const editing = outcome(
      one.editUnit(id, { insight: { summary: 'edited' } }, { editedBy: 'ann' }),
    )
    await lock.awaited(1)
    const removing = other.removeUnit(id)
    await lock.awaited(2)
    await lock.release()
    await editing
    expect(await removing).toBe(true)
    expect(await one.unitHistory(id)).toEqual([])
  })

  it('leave no role of a user whom one removes while the other names it', async () => {
    const name = fresh.username()
    await one.createUser(name, 'hash')
    const lock = await holding('users', `username = '${name}'`)
    const naming = outcome(one.setRole(name, 'admin'))
    await lock.awaited(1)
    const removing = other.removeUser(name)
    await lock.awaited(2)
    await lock.release()
    await naming
    expect(await removing).toBe(true)
    expect(await query(url, 'select * from cq_store_roles')).toEqual([])
  })

  it('lose no confirmation: 200 of them, 100 by each, are 200 more', async () => {
    const { id } = await approved()
    const lock = await holding('knowledge_units', `id = '${id}'`)
    const confirmed = Promise.all(
      times(200, (index) => (index % 2 === 0 ? one : other).confirm(id)),
    )
    await lock.awaited(2)
    await lock.release()
    const counts = (await confirmed).map(({ evidence }) => evidence.confirmations)
    expect(counts.toSorted((a, b) => a - b)).toEqual(times(200, (index) => index + 2))
    expect((await other.get(id))?.evidence.confirmations).toBe(201)
  })

  it('give a login code to one of those who ask at once, and end sessions for both', async () => {
    const name = fresh.username()
    await one.createUser(name, 'hash')
    const codeHash = `hash of ${name}`
    const expiresAt = new Date(Date.now() + 60_000).toISOString()
    const code = { codeHash, username: name, generation: 0, codeChallenge: 'x', expiresAt }
    await one.createLoginCode(code)
    const lock = await holding('cq_store_login_codes', `code_hash = '${codeHash}'`)
    const taking = Promise.all([one.takeLoginCode(codeHash), other.takeLoginCode(codeHash)])
    await lock.awaited(2)
    await lock.release()
    expect((await taking).filter((taken) => taken !== null)).toHaveLength(1)
    await one.endSession(name, expiresAt)
    await other.endSessions(name)
    for (const store of [one, other])
      expect(await store.getSessionUser(name, name)).toMatchObject({
        session_ended: true,
        generation: 1,
      })
  })

  it('decide a unit once', async () => {
    const unit = sampleUnit(fresh.unitId(), now)
    await one.insert(unit)
    const lock = await holding('knowledge_units', `id = '${unit.id}'`)
    const decided = Promise.all(
      times(20, (index) =>
        outcome(
          (index % 2 === 0 ? one : other).decide(
            unit.id,
            index % 3 === 0 ? 'approved' : 'rejected',
            `reviewer ${index}`,
          ),
        ),
      ),
    )
    await lock.awaited(2)
    await lock.release()
    const outcomes = await decided
    expect(outcomes.filter((each) => 'value' in each)).toHaveLength(1)
    expect(outcomes.filter((each) => 'code' in each && each.code === 'conflict')).toHaveLength(19)
  })

  it('make no more API keys than the limit: of 60 under a limit of 20, 20', async () => {
    const username = fresh.username()
    await one.createUser(username, 'hash')
    const { id } = (await other.getUser(username)) ?? expect.fail()
    const lock = await holding('users', `id = ${id}`)
    const expiry = new Date('2099-01-01T00:00:00Z')
    const made = Promise.all(
      times(60, (index) =>
        outcome(
          (index % 2 === 0 ? one : other).createApiKey(
            sampleKey(fresh.keyId(), id, expiry, { activeLimit: 20 }),
          ),
        ),
      ),
    )
    await lock.awaited(2)
    await lock.release()
    const outcomes = await made
    expect(outcomes.filter((each) => 'value' in each)).toHaveLength(20)
    expect(outcomes.filter((each) => 'code' in each && each.code === 'limit_reached')).toHaveLength(
      40,
    )
    expect(await one.countActiveApiKeysForUser(id)).toBe(20)
  })

  it('see what the other wrote at their next query', async () => {
    const domain = fresh.domain()
    for (let round = 0; round < 20; round++) {
      const unit = await approved([domain])
      expect((await other.query([domain], { limit: 100 })).map(({ id }) => id)).toContain(unit.id)
      const confirmed = await other.confirm(unit.id)
      expect(await one.query([domain], { limit: 100 })).toContainEqual(confirmed)
      await one.setReviewStatus(unit.id, 'rejected', 'reviewer')
      expect(await other.query([domain], { limit: 100 })).toEqual([])
    }
  })

  it('see a write that was begun before others and is committed after them', async () => {
    const domain = fresh.domain()
    const [early, late] = [await approved([domain]), await approved([domain])]
    await one.setReviewStatus(early.id, 'rejected', 'reviewer')
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    onTestFinished(() => client.end())
    // Has its number before the next write has one.
    await client.query('begin')
    await client.query(`update knowledge_units set status = 'approved' where id = $1`, [early.id])
    const confirmed = await one.confirm(late.id)
    expect(await other.query([domain])).toEqual([confirmed])
    await client.query('commit')
    expect((await other.query([domain])).map(({ id }) => id).toSorted()).toEqual(
      [early.id, late.id].toSorted(),
    )
  })

  it('see that the table was emptied, and what is stored after that', async () => {
    const domain = fresh.domain()
    await approved([domain])
    expect(await other.query([domain])).toHaveLength(1)
    await query(url, 'truncate knowledge_units cascade')
    expect(await other.query([domain])).toEqual([])
    expect(await one.count()).toBe(0)
    const unit = await approved([domain])
    expect(await other.query([domain])).toEqual([unit])
    expect(await one.countsByStatus()).toEqual({ approved: 1 })
  })

  it('follow more changes than are read at once', async () => {
    const domain = fresh.domain()
    const units = times(450, () => sampleUnit(fresh.unitId(), now, { domains: [domain] }))
    await other.query([domain])
    await one.importUnits(
      units.map((knowledge_unit) => ({ knowledge_unit, status: 'approved', reviewed_by: 'carol' })),
    )
    expect(await other.query([domain], { limit: 1000 })).toHaveLength(450)
    expect((await other.domainCounts())[domain]).toBe(450)
  })

  it('fail alone where others are written along with them', async () => {
    await query(
      url,
      `create function refuse() returns trigger language plpgsql as $body$
       begin raise exception 'refused' using errcode = new.reviewed_by; end $body$;
       create trigger refuse before insert on knowledge_units for each row
       when (new.reviewed_by ~ '^[0-9A-Z]{5}$') execute function refuse()`,
    )
    onTestFinished(async () => void (await query(url, 'drop function refuse cascade')))
    const codes = ['42501', '42P01', '55P03', '57014', '08006', '57P01', 'XX001', '40001']
    for (const reviewed_by of codes) {
      const units = times(5, () => sampleUnit(fresh.unitId(), now))
      const guilty = sampleUnit(fresh.unitId(), now)
      const refused = { knowledge_unit: guilty, status: 'approved', reviewed_by } as const
      const written = await Promise.all([
        ...units.slice(0, 3).map((unit) => outcome(one.insert(unit))),
        outcome(one.importUnits([refused])),
        ...units.slice(3).map((unit) => outcome(one.insert(unit))),
      ])
      expect([reviewed_by, written.map((each) => 'value' in each)]).toEqual([
        reviewed_by,
        [true, true, true, false, true, true],
      ])
      expect(await one.getAny(guilty.id)).toBeNull()
    }
  })

  it('fail alone where they wait for a row that another program has locked', async () => {
    await using store = await PostgresStore.open({ url, rankers: 0, timeout: 4_000 })
    const locked = [await approved(), await approved()]
    const lock = await holding('knowledge_units', `id in ('${locked[0]?.id}', '${locked[1]?.id}')`)
    const units = times(5, () => sampleUnit(fresh.unitId(), now))
    const written = await Promise.all([
      ...locked.map(({ id }) => outcome(store.confirm(id))),
      ...units.map((unit) => outcome(store.insert(unit))),
    ])
    expect(written).toEqual([
      { code: 'unavailable' },
      { code: 'unavailable' },
      ...units.map(() => ({ value: undefined })),
    ])
    await lock.release()
    expect((await store.confirm(locked[0]?.id ?? '')).evidence.confirmations).toBe(2)
  })

  it('find what a restored dump holds, though its tables came before their triggers', async () => {
    const domain = fresh.domain()
    const units = times(2, () => sampleUnit(fresh.unitId(), now, { domains: [domain] }))
    await one.insertMany(units)
    const found = async () => (await other.query([domain])).map(({ id }) => id).toSorted()
    expect(await found()).toEqual([])
    const [row] = await query<{ trigger: string }>(
      url,
      `select pg_get_triggerdef(oid) as trigger from pg_trigger where tgname = 'cq_store_changed'`,
    )
    const approve = (unit?: KnowledgeUnit) =>
      `update knowledge_units set status = 'approved' where id = '${unit?.id}'`
    // As pg_restore --clean does: what the tables hold comes without a note, and triggers last.
    await query(url, 'drop trigger cq_store_changed on knowledge_units')
    expect(await found()).toEqual([])
    await query(url, approve(units[0]))
    expect(await found()).toEqual([])
    await query(url, `${row?.trigger}`)
    expect(await found()).toEqual([units[0]?.id])
    // With the notes of before, which are none of what it holds.
    await query(
      url,
      `begin; set local session_replication_role = replica; ${approve(units[1])};
       create table again (like cq_store_changes including all);
       drop table cq_store_changes; alter table again rename to cq_store_changes; commit`,
    )
    expect(await found()).toEqual(units.map(({ id }) => id).toSorted())
  })
})
