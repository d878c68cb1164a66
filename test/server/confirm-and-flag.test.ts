import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit, type KnowledgeUnit } from '../../src/index.ts'
import { detailOf, faultsOf } from './fault.ts'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let key: string
beforeAll(async () => {
  served = await serveStore()
  key = await served.apiKey('carol')
})
afterAll(() => served[Symbol.asyncDispose]())

const other = `ku_${'a'.repeat(32)}`
const insight = { summary: 's', detail: 'd', action: 'a' }

async function unitOf(status: 'pending' | 'approved' | 'rejected'): Promise<KnowledgeUnit> {
  const unit = createKnowledgeUnit({ domains: ['x'], insight, created_by: 'dave' })
  await served.store.insert(unit)
  if (status !== 'pending') await served.store.decide(unit.id, status, 'carol')
  return unit
}

describe.each([
  ['/api/v1/knowledge/ID/confirmations', 201, false],
  ['/api/v1/confirm/ID', 200, true],
  ['/confirm/ID', 200, true],
])('POST %s', (path, status, tellsProposer) => {
  const confirm = (id: string, body?: unknown) =>
    served.send('POST', path.replace('ID', id), key, body)

  test('raises confidence by a tenth, and answers the unit', async () => {
    const { id, created_by, evidence, ...others } = await unitOf('approved')
    const answer = await confirm(id)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({
      ...others,
      id,
      ...(tellsProposer && { created_by }),
      evidence: {
        ...evidence,
        confidence: 0.6,
        confirmations: 2,
        last_confirmed: expect.any(String),
      },
    })
  })

  test('ignores a body, whatever it is', async () => {
    const { id } = await unitOf('approved')
    expect((await confirm(id, { confidence: 1 })).status).toBe(status)
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: '{' }
    expect((await served.ask(path.replace('ID', id), init)).status).toBe(status)
  })

  test('finds neither unknown units nor those that are not approved', async () => {
    const ids = [
      'ku_none',
      randomUUID(),
      (await unitOf('pending')).id,
      (await unitOf('rejected')).id,
    ]
    for (const id of ids)
      expect(await detailOf(await confirm(id), 404)).toBe('Knowledge unit not found')
  })

  test('refuses an id that no database can hold', async () => {
    expect(await faultsOf(await confirm('ku_%00'))).toMatchObject([{ loc: ['path', 'unit_id'] }])
  })
})

describe.each([
  ['/api/v1/knowledge/ID/flags', 201, false],
  ['/api/v1/flag/ID', 200, true],
  ['/flag/ID', 200, true],
])('POST %s', (path, status, tellsProposer) => {
  const flag = (id: string, body: unknown) => served.send('POST', path.replace('ID', id), key, body)

  test('lowers confidence, and keeps from queriers what it says to reviewers', async () => {
    const { id, created_by, evidence, ...others } = await unitOf('approved')
    const answer = await flag(id, {
      reason: 'duplicate',
      detail: 'see mine',
      duplicate_of: other,
    })
    expect(answer.status).toBe(status)
    const shown = { reason: 'duplicate', timestamp: expect.any(String), duplicate_of: other }
    expect(await answer.json()).toEqual({
      ...others,
      id,
      ...(tellsProposer && { created_by }),
      evidence: { ...evidence, confidence: 0.35 },
      flags: [{ ...shown, detail: null }],
    })
    expect((await served.store.get(id))?.flags).toEqual([{ ...shown, detail: 'see mine' }])
  })

  test('takes a reason alone', async () => {
    const { id } = await unitOf('approved')
    expect((await flag(id, { reason: 'stale' })).status).toBe(status)
  })

  type Refused = [body: object, loc: string[], type: string, msg: string]
  test.each<Refused>([
    [{}, ['reason'], 'missing', 'Field required'],
    [
      { reason: 'boring' },
      ['reason'],
      'enum',
      "Input should be 'stale', 'incorrect' or 'duplicate'",
    ],
    [
      { reason: 'stale', detail: 'x'.repeat(1001) },
      ['detail'],
      'value_error',
      'Value error, detail must be at most 1000 characters, got 1001',
    ],
    [
      { reason: 'stale', duplicate_of: 5 },
      ['duplicate_of'],
      'string_type',
      'Input should be a valid string',
    ],
    [{ reason: 'duplicate' }, ['duplicate_of'], 'missing', 'Field required'],
    [
      { reason: 'duplicate', duplicate_of: null },
      ['duplicate_of'],
      'string_type',
      'Input should be a valid string',
    ],
    ...['', ' ', 'ku_1', other.toUpperCase()].map(
      (duplicate_of): Refused => [
        { reason: 'duplicate', duplicate_of },
        ['duplicate_of'],
        'value_error',
        'Value error, duplicate_of must match pattern "^ku_[0-9a-f]{32}$"',
      ],
    ),
  ])('refuses %j', async (body, loc, type, msg) => {
    const { id } = await unitOf('approved')
    const faults = await faultsOf(await flag(id, body))
    expect(faults).toMatchObject([{ type, loc: ['body', ...loc], msg }])
    expect((await served.store.get(id))?.flags).toEqual([])
  })

  test('answers 409 to more than a hundred', async () => {
    const { id } = await unitOf('approved')
    const calls = Array.from({ length: 100 }, () => served.store.flag(id, { reason: 'stale' }))
    await Promise.all(calls)
    expect(await detailOf(await flag(id, { reason: 'stale' }), 409)).toContain('100 are the most')
  })

  test('refuses a unit as a duplicate of itself', async () => {
    const { id } = await unitOf('approved')
    expect(
      await detailOf(await flag(id, { reason: 'duplicate', duplicate_of: id }), 422),
    ).toContain('another unit')
    expect((await served.store.get(id))?.flags).toEqual([])
  })

  test('finds neither unknown units nor those that are not approved', async () => {
    for (const id of ['ku_none', (await unitOf('pending')).id])
      expect(await detailOf(await flag(id, { reason: 'stale' }), 404)).toBe(
        'Knowledge unit not found',
      )
  })
})
