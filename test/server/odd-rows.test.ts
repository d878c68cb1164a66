import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KnowledgeUnit } from '../../src/index.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { type ServedStore, serveStore } from './served-store.ts'

// What other programs may have stored, and what the store and its server make of it.

const observed = new Date('2026-11-22T12:00:00Z')
const good = sampleUnit(unitId(5), observed, { domains: ['odd'], created_by: 'carol' })
const insight = { summary: 's', detail: 'd', action: 'a' }

/** Documents that no client could read. */
const unreadable = [
  '',
  'no JSON',
  '{"id":"ID","domains":["odd"]}',
  '{"id":"ID","domains":["odd"],"insight":{"summary":"s","detail":"d","action":"a"},"flags":{}}',
  '{"id":"ID","domains":["odd"],"insight":{"summary":"s","detail":"d","action":"a"},"tier":"odd"}',
  '{"id":"another","domains":["odd"],"insight":{"summary":"s","detail":"d","action":"a"}}',
]

const directory = mkdtempSync(join(tmpdir(), 'cq-store-odd-'))
const path = join(directory, 'cq.db')
let log: RecordedLog
let served: ServedStore
let token: string
let key: string

beforeAll(async () => {
  log = new RecordedLog()
  served = await serveStore({ store: { path, log } })
  token = await served.login('carol')
  key = await served.apiKey('carol')
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})
beforeEach(() => {
  onFile((db) => db.exec('delete from knowledge_unit_domains; delete from knowledge_units'))
})

function onFile(work: (db: Sqlite.Database) => void): void {
  const db = new Sqlite(path)
  try {
    work(db)
  } finally {
    db.close()
  }
}

/** Stores a document as another program would. */
function store(number: number, document: string | object, status = 'approved'): string {
  const id = unitId(number)
  const text = typeof document === 'string' ? document : JSON.stringify({ id, ...document })
  onFile((db) => {
    db.prepare('insert into knowledge_units (id, data, status) values (?, ?, ?)').run(
      id,
      text.replace('"ID"', `"${id}"`),
      status,
    )
    db.prepare("insert into knowledge_unit_domains values (?, 'odd')").run(id)
  })
  return id
}

async function bodyOf(path: string, status = 200): Promise<unknown> {
  const answer = await served.send('GET', path, token)
  expect(answer.status).toBe(status)
  return answer.json()
}

const query = async (limit = 50) =>
  ((await bodyOf(`/api/v1/knowledge?domains=odd&limit=${limit}`)) as { data: KnowledgeUnit[] }).data

describe.each(unreadable)('a row with the document %j', (document) => {
  test('is left out of what agents and reviewers see, and stops no other', async () => {
    const odd = [3, 4, 6, 7].map((number) => store(number, document))
    await served.store.insert(good)
    await served.store.decide(good.id, 'approved', 'carol')

    expect((await query()).map(({ id }) => id)).toEqual([good.id])
    // Its place goes to another one.
    expect((await query(1)).map(({ id }) => id)).toEqual([good.id])
    expect(await bodyOf('/api/v1/review/units?limit=1')).toMatchObject([
      { knowledge_unit: { id: good.id } },
    ])
    expect(await bodyOf('/query?domains=odd')).toMatchObject([{ id: good.id }])
    for (const id of odd) {
      expect(await served.store.get(id)).toBeNull()
      expect(await served.store.getAny(id)).toBeNull()
      expect(await bodyOf(`/api/v1/review/${id}`, 404)).toEqual({
        detail: 'Knowledge unit not found',
      })
      for (const path of [`/api/v1/knowledge/${id}/confirmations`, `/api/v1/confirm/${id}`])
        expect((await served.send('POST', path, key)).status).toBe(404)
      const flag = { reason: 'stale' }
      expect((await served.send('POST', `/api/v1/knowledge/${id}/flags`, key, flag)).status).toBe(
        404,
      )
    }
    await bodyOf('/api/v1/review/stats')
    await bodyOf('/api/v1/knowledge/stats')
    expect(await served.store.exportUnits({ limit: 1 })).toMatchObject([
      { knowledge_unit: { id: good.id } },
    ])
  })

  test('is left out of the queue of reviewers, which goes on', async () => {
    for (const number of [1, 2, 3]) store(number, document, 'pending')
    await served.store.insert(good)
    // Of a whole page nothing can be read.
    expect(await bodyOf('/api/v1/review/queue?limit=2')).toMatchObject({
      items: [{ knowledge_unit: { id: good.id } }],
      total: 4,
    })
    expect(await served.store.pendingQueue({ limit: 0 })).toEqual([])
  })

  test('makes no page of the queue overlap with another one', async () => {
    for (const number of [1, 4]) store(number, document, 'pending')
    for (const number of [2, 3, 5, 6])
      await served.store.insert(sampleUnit(unitId(number), observed, { domains: ['odd'] }))
    // By id then, so that each page has one of either kind.
    onFile((db) =>
      db.exec("update knowledge_units set created_at = '2026-11-22T12:00:00.000000+00:00'"),
    )
    const pages: string[][] = []
    for (const offset of [0, 2, 4]) {
      const page = await served.store.pendingQueue({ limit: 2, offset })
      pages.push(page.map(({ knowledge_unit }) => knowledge_unit.id))
    }
    expect(pages.flat().toSorted()).toEqual([2, 3, 5, 6].map(unitId))
  })

  test('may be decided, and is listed nowhere', async () => {
    const id = store(1, document, 'pending')
    expect(await served.store.decide(id, 'rejected', 'carol')).toMatchObject({
      status: 'rejected',
    })
    expect(await served.store.listUnits()).toEqual([])
  })
})

test('an edit keeps what cq does not know, and asks only what is edited to be sound', async () => {
  const odd = { text: 'kept', list: [1] }
  const time = '2026-11-22T12:00:00.000000Z'
  const written = {
    version: 1,
    domains: ['odd', 'Twice', 'twice'],
    insight: { summary: 's', detail: 'x'.repeat(9_000), action: 'a', odd },
    context: { languages: [], frameworks: [], pattern: '', odd },
    evidence: {
      confidence: 0.5,
      confirmations: 1,
      first_observed: time,
      last_confirmed: time,
      odd,
    },
    tier: 'private',
    extensions: { 'no.namespace': odd },
    flags: [{ reason: 'stale', timestamp: time, detail: null, duplicate_of: null, odd }],
    odd,
  }
  const id = store(1, written)
  const before = await served.store.getAny(id)
  expect(before).toMatchObject(written)
  const edit = { insight: { summary: 'better' } }
  await served.store.editUnit(id, edit, { editedBy: 'carol' })
  const after = { ...before, insight: { ...before?.insight, summary: 'better' } }
  expect(await served.store.getAny(id)).toEqual(after)
  await served.store.editUnit(id, { domains: ['Other'] }, { editedBy: 'carol' })
  expect(await served.store.getAny(id)).toEqual({ ...after, domains: ['other'] })
  expect(await served.store.query(['other'])).toHaveLength(1)
  expect(await served.store.query(['odd'])).toEqual([])
})

test('a unit that is left out is logged, once', async () => {
  const before = log.entries.length
  const id = store(0x77, '')
  for (let round = 0; round < 3; round++) {
    await query()
    await served.store.getAny(id)
    await served.store.confirm(id).catch(() => {})
  }
  expect(log.entries.slice(before)).toMatchObject([
    {
      level: 'warn',
      message: `a unit is left out of answers: the document of ${id} is not JSON; it begins with ""`,
    },
  ])
})

describe('a sparse document', () => {
  test('goes out whole, and confirmations count from the default', async () => {
    const id = store(1, { domains: ['odd'], insight })
    const whole = {
      id,
      version: 1,
      tier: 'private',
      context: { languages: [], frameworks: [], pattern: '' },
      evidence: { confidence: 0.5, confirmations: 1 },
      superseded_by: null,
      extensions: null,
      flags: [],
    }
    expect(await query()).toMatchObject([whole])
    expect(await bodyOf(`/api/v1/review/${id}`)).toMatchObject({ knowledge_unit: whole })
    expect(await bodyOf('/api/v1/review/units')).toMatchObject([{ knowledge_unit: whole }])
    await served.send('POST', `/api/v1/knowledge/${id}/confirmations`, key)
    expect(await query()).toMatchObject([{ evidence: { confidence: 0.6, confirmations: 2 } }])
  })

  test('in the queue does not fail it', async () => {
    store(1, { domains: ['odd'], insight }, 'pending')
    store(2, { domains: ['odd'], insight, context: null, evidence: null, flags: null }, 'pending')
    expect(await bodyOf('/api/v1/review/queue')).toMatchObject({
      items: [{ knowledge_unit: { version: 1 } }, { knowledge_unit: { tier: 'private' } }],
      total: 2,
    })
  })
})

describe('what makes strict clients refuse whole answers', () => {
  const timestamp = '2026-11-22T12:00:00.000000Z'
  const stale = { reason: 'stale', timestamp }

  test.each([
    ['names no unit', {}],
    ['names nothing', { duplicate_of: null }],
    ['names a blank', { duplicate_of: '' }],
    ['names no id', { duplicate_of: 'ku_1' }],
    ['names the unit itself', { duplicate_of: unitId(1) }],
  ])('a flag as a duplicate that %s is shown to reviewers, and to no agent', async (_, named) => {
    const flags = [{ reason: 'duplicate', timestamp, ...named }, stale]
    const id = store(1, { domains: ['odd'], insight, flags })
    const shown = [{ ...stale, detail: null, duplicate_of: null }]
    expect(await query()).toMatchObject([{ flags: shown }])
    expect(await bodyOf('/query?domains=odd')).toMatchObject([{ flags: shown }])
    const confirmed = await served.send('POST', `/api/v1/knowledge/${id}/confirmations`, key)
    expect(await confirmed.json()).toMatchObject({ flags: shown })
    expect(await bodyOf(`/api/v1/review/${id}`)).toMatchObject({
      knowledge_unit: { flags: [{ reason: 'duplicate' }, stale] },
    })
  })

  test('so are all fields that cq does not know, and what other programs cannot read', async () => {
    const keys = Array.from({ length: 30 }, (_, index) => [`a:${index}`, index])
    store(1, {
      domains: ['odd'],
      insight: { ...insight, by: 'bob' },
      context: { later: 1 },
      evidence: { later: 1 },
      later: 1,
      extensions: { 'a:x\u0085': 1, 'a:half': '\ud800', ...Object.fromEntries(keys) },
      flags: [{ ...stale, who: 'bob' }],
    })
    for (const path of ['/api/v1/knowledge?domains=odd', '/query?domains=odd']) {
      const answer = await served.ask(path)
      const text = await answer.text()
      for (const part of ['later', 'bob', 'half', '\u0085']) expect(text).not.toContain(part)
    }
    expect(Object.keys((await query())[0]?.extensions ?? {})).toHaveLength(20)
  })

  test('half of a surrogate pair in a text leaves the unit out', async () => {
    store(1, { domains: ['odd'], insight: { ...insight, summary: '\ud800' } })
    const whole = { ...insight, summary: '\ud83d\ude00' }
    const id = store(2, { domains: ['odd'], insight: whole })
    expect(await query()).toMatchObject([{ id, insight: whole }])
  })

  test('counts that not every client can read are refused and go no higher', async () => {
    const confirmations = 2_147_483_647
    const most = { ...good, evidence: { ...good.evidence, confirmations } }
    await served.store.insert(most)
    await served.store.decide(good.id, 'approved', 'carol')
    const answer = await served.send('POST', `/api/v1/knowledge/${good.id}/confirmations`, key)
    expect(await answer.json()).toMatchObject({ evidence: { confirmations } })
    const more = { ...most, evidence: { ...most.evidence, confirmations: confirmations + 1 } }
    await expect(served.store.update(more)).rejects.toMatchObject({ code: 'invalid' })
    store(1, { domains: ['odd'], insight, evidence: { confirmations: confirmations + 1 } })
    expect((await query()).map(({ id }) => id)).toEqual([good.id])
  })

  test('so are references and keys of extensions that are none', async () => {
    store(1, {
      domains: ['odd'],
      insight,
      superseded_by: 'somebody',
      extensions: { 'no key': 1, 'a:b': 2 },
      flags: [{ ...stale, duplicate_of: 'x' }],
    })
    expect(await query()).toMatchObject([
      { superseded_by: null, extensions: { 'a:b': 2 }, flags: [{ duplicate_of: null }] },
    ])
    expect(Object.keys((await query())[0]?.extensions ?? {})).toEqual(['a:b'])
  })
})

describe('numbers and names that JavaScript would change', () => {
  const number = '9007199254740993'

  test('stay as they were proposed', async () => {
    const body = JSON.stringify({ domains: ['odd'], insight, extensions: { 'a:b': ['N'] } })
    const proposed = await served.ask('/api/v1/knowledge', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: body.replace('"N"', `${number},1e21,-0.5,0e-400,1e-300`),
    })
    expect(proposed.status).toBe(201)
    const text = await proposed.text()
    expect(text).toContain(`{"a:b":[${number},`)
    const { id } = JSON.parse(text) as KnowledgeUnit
    await served.store.decide(id, 'approved', 'carol')
    for (let round = 0; round < 2; round++) {
      const answer = await served.ask('/api/v1/knowledge?domains=odd')
      expect(await answer.text()).toContain(`{"a:b":[${number},`)
      await served.store.confirm(id)
    }
  })

  test('are refused where no double comes near them', async () => {
    const body = JSON.stringify({ domains: ['odd'], insight, extensions: { 'a:b': 'N' } })
    for (const huge of ['1e400', '-1e400', '1'.padEnd(400, '0'), '1e-400']) {
      const refused = await served.ask('/api/v1/knowledge', {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: body.replace('"N"', huge),
      })
      expect(refused.status).toBe(422)
      expect(await refused.text()).toContain('only numbers that a double can')
    }
  })

  test('keep figures in their order', async () => {
    const domains = [['sqlite'], ['sqlite', '404'], ['sqlite', '404', '7']]
    for (const [number, names] of domains.entries()) {
      await served.store.insert(sampleUnit(unitId(number), observed, { domains: names }))
      await served.store.decide(unitId(number), 'approved', 'carol')
    }
    const counts = '{"sqlite":3,"404":2,"7":1}'
    for (const [path, name] of [
      ['/api/v1/knowledge/stats', 'domain_counts'],
      ['/api/v1/review/stats', 'domains'],
      ['/stats', 'domains'],
    ] as const) {
      const answer = await served.send('GET', path, token)
      expect(await answer.text(), path).toContain(`"${name}":${counts}`)
    }
  })
})

describe('odd columns', () => {
  test('that hold no text stop nothing', async () => {
    const rows: [id: string, domain: string, status: string, tier: string][] = [
      ["cast('ku_1' as blob)", "'odd'", "'approved'", "'private'"],
      [`'${unitId(8)}'`, "x'6f6464'", "'approved'", "x'00'"],
      [`'${unitId(9)}'`, "'odd'", "x'01'", "'private'"],
    ]
    onFile((db) => {
      for (const [id, domain, status, tier] of rows) {
        db.exec(`insert into knowledge_units (id, data, status, tier) values (${id},
          '{"id":"x","domains":["odd"],"insight":{},"context":{"pattern":"É"}}', ${status}, ${tier})`)
        db.exec(`insert into knowledge_unit_domains values (${id}, ${domain})`)
      }
    })
    await served.store.insert(good)
    await served.store.decide(good.id, 'approved', 'carol')
    for (const asked of ['domains=odd', 'domains=odd&pattern=%C3%89', 'domains=odd&domains=a'])
      expect(await bodyOf(`/api/v1/knowledge?${asked}`)).toMatchObject({ data: [{ id: good.id }] })
    expect(await bodyOf('/api/v1/knowledge/stats')).toMatchObject({
      total_count: 4,
      // Of what is in no answer they tell nothing.
      domain_counts: { odd: 1 },
      tier_counts: { private: 1 },
    })
    expect(await bodyOf('/stats')).toMatchObject({ domains: { odd: 1 } })
    await bodyOf('/api/v1/review/stats')
    expect(await bodyOf('/api/v1/review/units')).toMatchObject([
      { knowledge_unit: { id: good.id } },
    ])
    expect(await served.store.countsByStatus()).toMatchObject({ approved: 3 })
    expect(await served.store.countsByTier()).toEqual({ private: 1 })
  })

  test('fail no figure and no list', async () => {
    store(1, { domains: ['odd'], insight: { ...insight, summary: 7 } })
    onFile((db) =>
      db.exec("update knowledge_units set created_at = '2999-99-99', reviewed_at = '2026-11-2x'"),
    )
    await served.store.insert(good)
    expect(await bodyOf('/api/v1/review/stats')).toMatchObject({
      counts: { pending: 1, approved: 1 },
      recent_activity: [{ summary: '' }, { summary: good.insight.summary }],
    })
    await bodyOf('/api/v1/review/units')
  })

  test('of API keys fail no list of them', async () => {
    await served.apiKey('dave')
    await served.apiKey('dave')
    const dave = await served.login('dave')
    onFile((db) => db.exec("update api_keys set labels = 'odd' where rowid % 2 = 0"))
    const answer = await served.send('GET', '/api/v1/users/me/api-keys', dave)
    expect(answer.status).toBe(200)
    expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(2)
  })
})
