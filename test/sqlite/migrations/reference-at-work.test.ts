import type Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKnowledgeUnit, type KnowledgeUnit, SqliteStore } from '../../../src/index.ts'
import { internalOptions } from '../../../src/internals.ts'
import {
  copyOf,
  type Fixture,
  faultsOf,
  newPath,
  onDatabase,
  otherProgram,
} from './database-file.ts'

const now = () => new Date('2026-11-22T12:00:00Z')

/** The statements that the reference server runs, on a connection set up as it does. */
class ReferenceServer {
  readonly db: Sqlite.Database

  constructor(path: string) {
    this.db = otherProgram(path)
    this.db.pragma('foreign_keys = ON')
    this.db.pragma('journal_mode = WAL')
    this.db.pragma('synchronous = NORMAL')
    this.db.pragma('busy_timeout = 5000')
  }

  insert(unit: KnowledgeUnit): void {
    const createdAt = unit.evidence.first_observed.replace('Z', '+00:00')
    this.db.transaction(() => {
      this.db
        .prepare('INSERT INTO knowledge_units (id, data, created_at, tier) VALUES (?, ?, ?, ?)')
        .run(unit.id, this.#document(unit), createdAt, unit.tier)
      this.#insertDomains(unit)
    })()
  }

  update(unit: KnowledgeUnit): void {
    this.db.transaction(() => {
      this.db
        .prepare('UPDATE knowledge_units SET data = ?, tier = ? WHERE id = ?')
        .run(this.#document(unit), unit.tier, unit.id)
      this.db.prepare('DELETE FROM knowledge_unit_domains WHERE unit_id = ?').run(unit.id)
      this.#insertDomains(unit)
    })()
  }

  setReviewStatus(id: string, status: string, reviewedBy: string, reviewedAt: string): void {
    this.db
      .prepare(
        'UPDATE knowledge_units SET status = ?, reviewed_by = ?, reviewed_at = ? WHERE id = ?',
      )
      .run(status, reviewedBy, reviewedAt, id)
  }

  delete(id: string): void {
    this.db.prepare('DELETE FROM knowledge_units WHERE id = ?').run(id)
  }

  createUser(username: string): void {
    this.db
      .prepare('INSERT INTO users (username, password_hash, created_at) VALUES (?, ?, ?)')
      .run(username, 'hash', '2026-11-22 11:00:00')
  }

  createApiKey(id: string, userId: number): void {
    this.db
      .prepare(
        `INSERT INTO api_keys
           (id, user_id, name, labels, key_prefix, key_hash, ttl, expires_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        userId,
        'agent',
        '["ci"]',
        'abcdefgh',
        `hash of ${id}`,
        '30d',
        '2026-12-22T11:00:00.000001+00:00',
        '2026-11-22T11:00:00.000001+00:00',
      )
  }

  query(...domains: string[]): unknown[] {
    const marks = domains.map(() => '?').join(', ')
    return this.db
      .prepare(
        `SELECT DISTINCT ku.id FROM knowledge_units ku
         JOIN knowledge_unit_domains d ON ku.id = d.unit_id
         WHERE ku.status = 'approved' AND d.domain IN (${marks}) ORDER BY ku.id`,
      )
      .pluck()
      .all(domains)
  }

  revision(): unknown {
    return this.db.prepare('SELECT version_num FROM alembic_version').pluck().all()
  }

  /** Null fields left out, as the newest release does. */
  #document(unit: KnowledgeUnit): string {
    return JSON.stringify(unit, (_, value) => value ?? undefined)
  }

  #insertDomains({ id, domains }: KnowledgeUnit): void {
    const insert = this.db.prepare(
      'INSERT INTO knowledge_unit_domains (unit_id, domain) VALUES (?, ?)',
    )
    for (const domain of domains) insert.run(id, domain)
  }
}

function unit(summary: string, domains = ['shared']): KnowledgeUnit {
  return createKnowledgeUnit({ domains, insight: { summary, detail: 'D', action: 'A' } }, now())
}

const starts: [name: string, path: () => string][] = [
  ['an empty file', newPath],
  ...(['first', 'unstamped', 'legacy', 'current'] as const).map(
    (fixture: Fixture): [string, () => string] => [
      `a file that was ${fixture}`,
      () => copyOf(fixture),
    ],
  ),
]

describe.each(starts)('the reference server on %s, while a store has it open', (_, start) => {
  let path: string
  let store: SqliteStore
  let server: ReferenceServer

  beforeEach(async () => {
    path = start()
    store = await SqliteStore.open({ path, readers: 1, ...internalOptions({ now }) })
    server = new ReferenceServer(path)
  })
  afterEach(async () => {
    await store.close()
    server.db.close()
    expect(faultsOf(path)).toEqual([])
  })

  it('finds its revision', () => {
    expect(server.revision()).toEqual(['0001'])
  })

  it('writes what the store sees: each step of a unit, of review and of accounts', async () => {
    const proposed = unit('Proposed there')
    const pending = await store.pendingCount()
    server.insert(proposed)
    expect(await store.getAny(proposed.id)).toEqual(proposed)
    expect(await store.getReviewStatus(proposed.id)).toEqual({
      status: 'pending',
      reviewed_by: null,
      reviewed_at: null,
    })
    expect(await store.pendingCount()).toBe(pending + 1)
    expect((await store.pendingQueue({ limit: 1, offset: pending }))[0]?.knowledge_unit).toEqual(
      proposed,
    )

    server.setReviewStatus(proposed.id, 'approved', 'dave', '2026-11-22T11:30:00.000001+00:00')
    expect(await store.pendingCount()).toBe(pending)
    expect(await store.query(['shared'])).toEqual([proposed])
    expect((await store.recentActivity(1))[0]).toEqual({
      type: 'approved',
      unit_id: proposed.id,
      summary: 'Proposed there',
      reviewed_by: 'dave',
      timestamp: '2026-11-22T11:30:00.000001+00:00',
    })

    const updated = { ...proposed, domains: ['moved'], tier: 'public' as const }
    server.update(updated)
    expect(await store.query(['shared'])).toEqual([])
    expect(await store.query(['moved'])).toEqual([updated])
    expect((await store.countsByTier()).public).toBe(1)

    server.delete(proposed.id)
    expect(await store.getAny(proposed.id)).toBeNull()
    expect((await store.domainCounts()).moved).toBeUndefined()

    server.createUser('erin')
    const erin = await store.getUser('erin')
    expect(erin).toMatchObject({ username: 'erin', created_at: '2026-11-22 11:00:00' })
    const userId = erin?.id ?? 0
    server.createApiKey('0'.repeat(32), userId)
    expect(await store.getActiveApiKeyById('0'.repeat(32))).toMatchObject({
      username: 'erin',
      labels: ['ci'],
    })
    server.db.prepare('DELETE FROM users WHERE username = ?').run('erin')
    expect(await store.countActiveApiKeysForUser(userId)).toBe(0)
  })

  it('reads what the store writes, in the forms that it writes itself', async () => {
    const proposed = unit('Proposed here', ['Shared ', 'other'])
    await store.insert(proposed)
    await store.decide(proposed.id, 'approved', 'carol')
    expect(server.query('shared')).toEqual([proposed.id])
    const row = server.db.prepare('SELECT * FROM knowledge_units WHERE id = ?').get(proposed.id)
    expect(row).toEqual({
      id: proposed.id,
      data: JSON.stringify(proposed, (_, value) => value ?? undefined),
      status: 'approved',
      reviewed_by: 'carol',
      reviewed_at: '2026-11-22T12:00:00.000000+00:00',
      created_at: '2026-11-22T12:00:00.000000+00:00',
      tier: 'private',
    })

    await store.createUser('erin', 'hash')
    const { id: userId } = (await store.getUser('erin')) ?? { id: 0 }
    const key = { keyId: '1'.repeat(32), userId, name: 'agent', labels: ['a', 'b'] }
    const secrets = { keyPrefix: 'abcdefgh', keyHash: 'hash' }
    await store.createApiKey({ ...key, ...secrets, ttl: '1d', expiresAt: '2026-11-23T12:00:00Z' })
    expect(server.db.prepare('SELECT * FROM api_keys WHERE user_id = ?').get(userId)).toEqual({
      id: '1'.repeat(32),
      user_id: userId,
      name: 'agent',
      labels: '["a","b"]',
      key_prefix: 'abcdefgh',
      key_hash: 'hash',
      ttl: '1d',
      expires_at: '2026-11-23T12:00:00.000000+00:00',
      created_at: '2026-11-22T12:00:00.000000+00:00',
      last_used_at: null,
      revoked_at: null,
    })
  })

  it('meets the constraints that it relies on', () => {
    const one = unit('One')
    server.insert(one)
    expect(() => server.insert(one)).toThrow(/UNIQUE constraint failed: knowledge_units.id/)
    server.createUser('erin')
    expect(() => server.createUser('erin')).toThrow(/UNIQUE constraint failed: users.username/)
    expect(() => server.createApiKey('2'.repeat(32), 999)).toThrow(/FOREIGN KEY constraint failed/)
  })
})

describe('the reference server, once the store is closed', () => {
  it('finds a file that it serves, in any journal mode', async () => {
    const path = copyOf('first')
    await (await SqliteStore.open({ path, readers: 1 })).close()
    const inserted = unit('Later')
    onDatabase(path, (db) => db.pragma('journal_mode = DELETE'))
    new ReferenceServer(path).insert(inserted)
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.getAny(inserted.id)).toEqual(inserted)
  })
})
