import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KnowledgeUnit } from '../../src/index.ts'
import { detailOf, faultsOf } from './fault.ts'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let key: string
beforeAll(async () => {
  served = await serveStore()
  key = await served.apiKey('carol')
})
afterAll(() => served[Symbol.asyncDispose]())

let numbers = 0
const newBody = () => ({
  domains: ['retries'],
  insight: { summary: `Proposal ${numbers++}`, detail: 'Detail', action: 'Action' },
})

function propose(
  body: unknown,
  {
    path = '/api/v1/knowledge',
    idempotencyKey = undefined as string | undefined,
    token = key,
  } = {},
): Promise<Response> {
  return served.ask(path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    body: JSON.stringify(body),
  })
}

async function unitIn(answer: Response, isReplayed: boolean): Promise<KnowledgeUnit> {
  expect(answer.status).toBe(201)
  expect(answer.headers.get('idempotency-replayed')).toBe(isReplayed ? 'true' : null)
  return (await answer.json()) as KnowledgeUnit
}

describe('a proposal that is made again', () => {
  test.each(['/api/v1/knowledge', '/api/v1/propose', '/propose'])(
    'at %s is answered with the unit that is there',
    async (path) => {
      const body = newBody()
      const first = await unitIn(await propose(body, { path }), false)
      const again = { ...body, domains: ['RETRIES '] }
      expect(await unitIn(await propose(again, { path }), true)).toEqual(first)
      await served.store.decide(first.id, 'approved', 'dave')
      await served.store.flag(first.id, { reason: 'stale', detail: 'for reviewers' })
      const flagged = await unitIn(await propose(body, { path }), true)
      expect(flagged.flags).toMatchObject([{ reason: 'stale', detail: null }])
      expect(flagged).toMatchObject({ id: first.id, created_by: 'carol' })
    },
  )

  test('by somebody else is another proposal', async () => {
    const body = newBody()
    const first = await unitIn(await propose(body), false)
    const other = await unitIn(await propose(body, { token: await served.apiKey('erin') }), false)
    expect(other.id).not.toBe(first.id)
  })

  test('with a key is answered with the unit of that key', async () => {
    const body = newBody()
    const first = await unitIn(await propose(body, { idempotencyKey: 'one' }), false)
    expect(await unitIn(await propose(body, { idempotencyKey: 'one' }), true)).toEqual(first)
    const other = await unitIn(await propose(body, { idempotencyKey: 'two' }), false)
    expect(other.id).not.toBe(first.id)
  })

  test('with the key of another one is refused', async () => {
    await propose(newBody(), { idempotencyKey: 'taken' })
    const answer = await propose(newBody(), { idempotencyKey: 'taken' })
    expect(await detailOf(answer, 422)).toMatch(/key was used for another proposal/)
  })

  test.each([
    ['an empty key', ''],
    ['a key of 256 characters', 'x'.repeat(256)],
    ['a key with a space', 'a b'],
  ])('with %s is refused', async (_, idempotencyKey) => {
    const answer = await propose(newBody(), { idempotencyKey })
    expect(await faultsOf(answer)).toMatchObject([{ loc: ['header', 'idempotency-key'] }])
  })

  test('is told, with units that resemble it, to those who ask', async () => {
    const body = {
      domains: ['bandicoots'],
      insight: { summary: 'Bandicoots dig conical holes', detail: 'x', action: 'Fill them' },
    }
    const path = '/api/v1/knowledge?similar=true'
    const first = await unitIn(await propose(body, { path }), false)
    expect(first).toMatchObject({ similar: [] })
    const insight = { ...body.insight, summary: 'Bandicoots dig deep conical holes' }
    const second = await unitIn(await propose({ ...body, insight }, { path }), false)
    expect(second).toMatchObject({ similar: [{ unit_id: first.id, status: 'pending' }] })
    const again = await unitIn(await propose(body, { path }), true)
    expect(again).toMatchObject({ id: first.id, similar: [{ unit_id: second.id }] })
  })
})
