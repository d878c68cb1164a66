import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkOnServer, migrateOnServer, planOnServer } from '../../src/postgres/administer.ts'
import { PostgresStore } from '../../src/postgres/store.ts'
import { failure } from '../store/contract/failure.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { dropDatabase, makeDatabase, query } from './databases.ts'

const now = new Date('2026-11-22T12:00:00Z')

describe('a database that lacks what cq-store made', () => {
  let url: string

  beforeEach(async () => {
    url = await makeDatabase()
    await using store = await PostgresStore.open({ url, rankers: 0 })
    await store.importUnits([{ knowledge_unit: sampleUnit(unitId(1), now), status: 'approved' }])
  })
  afterEach(() => dropDatabase(url))

  async function expectWhole(): Promise<void> {
    expect(await checkOnServer(url, false)).toMatchObject({ findings: [] })
    await using store = await PostgresStore.open({ url })
    expect(await store.query(['sample'])).toHaveLength(1)
    expect(await store.listUnits()).toHaveLength(1)
    expect(await store.countsByStatus()).toEqual({ approved: 1 })
  }

  it.each([
    ['trigger cq_store_added', 'drop trigger cq_store_added on knowledge_units'],
    ['function cq_store_note_changed', 'drop function cq_store_note_changed cascade'],
    ['function cq_store_confidence', 'drop function cq_store_confidence'],
    ['table cq_store_count_slots', 'drop table cq_store_count_slots cascade'],
    ['table cq_store_changes', 'drop table cq_store_changes'],
  ])('such as the %s is not opened, and check names and makes that', async (what, sql) => {
    await query(url, sql)
    expect(await failure('corrupt', PostgresStore.open({ url }))).toContain(`lacks the ${what}`)
    expect(await failure('corrupt', planOnServer(url))).toContain('check --rebuild')
    const { findings } = await checkOnServer(url, false)
    expect(findings).toContainEqual({ check: 'schema', message: `the ${what} is missing` })
    const { rebuilt } = await checkOnServer(url, true)
    expect(rebuilt.tables).toContain(what.split(' ')[1])
    await expectWhole()
  })

  it('has indexes, and triggers that were disabled, made anew', async () => {
    await query(url, 'drop index idx_domains_domain, idx_cq_store_id')
    await query(url, 'alter table knowledge_units disable trigger cq_store_removed')
    expect((await checkOnServer(url, false)).findings).toHaveLength(3)
    expect((await checkOnServer(url, true)).findings).toEqual([])
    await expectWhole()
  })

  it('may have lost the note of its steps only', async () => {
    await query(url, 'truncate cq_store_migrations')
    await migrateOnServer(url)
    await expectWhole()
  })
})
