import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit, type KnowledgeUnit, type ReviewItem } from '../../src/index.ts'
import { detailOf, faultsOf } from './fault.ts'
import { type ServedStore, serveStore } from './served-store.ts'

const insight = { summary: 's', detail: 'd', action: 'a' }

function unitOf(domain: string, confidence = 0.5, day = 1): KnowledgeUnit {
  const unit = createKnowledgeUnit({ domains: [domain], insight })
  const first_observed = `2026-01-${String(day).padStart(2, '0')}T00:00:00.000000Z`
  return { ...unit, evidence: { ...unit.evidence, confidence, first_observed } }
}

// The dashboards of both generations ask the same, at three places.
describe.each(['/api/v1/review', '/review'])('%s', (review) => {
  let served: ServedStore
  let token: string
  const ask = (path: string) => served.send('GET', review + path, token)
  const decide = (id: string, verb: string) => served.send('POST', `${review}/${id}/${verb}`, token)
  beforeAll(async () => {
    served = await serveStore()
    token = await served.login('carol')
  })
  afterAll(() => served[Symbol.asyncDispose]())

  describe('GET /queue', () => {
    test('answers pending units, oldest first, in pages, with their total', async () => {
      await using other = await serveStore()
      const login = await other.login()
      const units = [3, 1, 2].map((day) => unitOf('q', 0.5, day))
      await other.store.insertMany(units)
      const [third, first, second] = units.map(({ id }) => id)
      const page = async (query: string) => {
        const answer = await other.send('GET', `${review}/queue${query}`, login)
        expect(answer.status).toBe(200)
        const { items, ...rest } = (await answer.json()) as { items: ReviewItem[] }
        return { ids: items.map(({ knowledge_unit }) => knowledge_unit.id), ...rest }
      }
      const total = 3
      expect(await page('')).toEqual({ ids: [first, second, third], total, offset: 0, limit: 20 })
      expect(await page('?limit=1&offset=1')).toEqual({ ids: [second], total, offset: 1, limit: 1 })
      expect(await page('?limit=0&offset=0')).toEqual({ ids: [], total, offset: 0, limit: 0 })
    })

    test.each([
      ['limit=-1', 'greater_than_equal', 'Input should be greater than or equal to 0'],
      ['limit=501', 'less_than_equal', 'Input should be less than or equal to 500'],
      ['offset=-1', 'greater_than_equal', 'Input should be greater than or equal to 0'],
      [
        'limit=all',
        'int_parsing',
        'Input should be a valid integer, unable to parse string as an integer',
      ],
    ])('refuses %s', async (query, type, msg) => {
      const [name, input] = query.split('=')
      expect(await faultsOf(await ask(`/queue?${query}`))).toMatchObject([
        { type, loc: ['query', name], msg, input },
      ])
    })
  })

  describe.each([
    ['approve', 'approved'],
    ['reject', 'rejected'],
  ])('POST /{id}/%s', (verb, status) => {
    test('decides a pending unit, and says who did it and when', async () => {
      const unit = unitOf('d')
      await served.store.insert(unit)
      const answer = await decide(unit.id, verb)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({
        unit_id: unit.id,
        status,
        reviewed_by: 'carol',
        reviewed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/),
      })
    })

    test('conflicts with an earlier decision, and names it', async () => {
      for (const earlier of ['approved', 'rejected'] as const) {
        const unit = unitOf('d')
        await served.store.insert(unit)
        await served.store.decide(unit.id, earlier, 'dave')
        const detail = await detailOf(await decide(unit.id, verb), 409)
        expect(detail).toBe(`Knowledge unit already ${earlier}`)
      }
    })

    test('does not find an unknown unit', async () => {
      expect(await detailOf(await decide('ku_none', verb), 404)).toBe('Knowledge unit not found')
    })
  })

  test('GET /stats answers what the store counts', async () => {
    const answer = await ask('/stats')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual(
      JSON.parse(JSON.stringify(await served.store.reviewStats())),
    )
  })

  describe('GET /units', () => {
    test('answers a bare list that passes every filter, newest first', async () => {
      await using other = await serveStore()
      const login = await other.login()
      const [low, middle, high] = [
        unitOf('one', 0.2, 1),
        unitOf('one', 0.5, 2),
        unitOf('two', 1, 3),
      ] as const
      await other.store.insertMany([low, middle, high])
      await other.store.decide(low.id, 'approved', 'carol')
      const ids = async (query: string) => {
        const answer = await other.send('GET', `${review}/units${query}`, login)
        expect(answer.status).toBe(200)
        const items = (await answer.json()) as ReviewItem[]
        return items.map(({ knowledge_unit }) => knowledge_unit.id)
      }
      expect(await ids('')).toEqual([high.id, middle.id, low.id])
      expect(await ids('?domain=%20ONE')).toEqual([middle.id, low.id])
      expect(await ids('?status=approved')).toEqual([low.id])
      expect(await ids('?status=&domain=%20')).toHaveLength(3)
      expect(await ids('?status=odd')).toEqual([])
      expect(await ids('?confidence_min=0.5')).toEqual([high.id, middle.id])
      expect(await ids('?confidence_max=0.5')).toEqual([low.id])
      expect(await ids('?confidence_max=1.0')).toHaveLength(3)
      expect(await ids('?confidence_min=0.1&limit=2')).toEqual([high.id, middle.id])
      expect(await ids('?limit=0')).toEqual([])
    })

    test.each([
      [
        'confidence_min=low',
        'float_parsing',
        'Input should be a valid number, unable to parse string as a number',
      ],
      [
        'confidence_max=nan',
        'float_parsing',
        'Input should be a valid number, unable to parse string as a number',
      ],
      ['limit=501', 'less_than_equal', 'Input should be less than or equal to 500'],
    ])('refuses %s', async (query, type, msg) => {
      const [name, input] = query.split('=')
      expect(await faultsOf(await ask(`/units?${query}`))).toMatchObject([
        { type, loc: ['query', name], msg, input },
      ])
    })
  })

  describe('GET /{id}', () => {
    test('answers a unit of any status, with its proposer and what its flags say', async () => {
      const unit = { ...unitOf('i'), created_by: 'dave' }
      await served.store.insert(unit)
      const pending = { status: 'pending', reviewed_by: null, reviewed_at: null }
      expect(await (await ask(`/${unit.id}`)).json()).toEqual({ knowledge_unit: unit, ...pending })
      await served.store.decide(unit.id, 'approved', 'carol')
      await served.store.flag(unit.id, { reason: 'stale', detail: 'for reviewers' })
      const answer = await ask(`/${unit.id}`)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toMatchObject({
        knowledge_unit: { created_by: 'dave', flags: [{ detail: 'for reviewers' }] },
        status: 'approved',
        reviewed_by: 'carol',
      })
    })

    test('says of a unit without a proposer that it is nobody’s', async () => {
      const unit = unitOf('i')
      await served.store.insert(unit)
      const { knowledge_unit } = (await (await ask(`/${unit.id}`)).json()) as ReviewItem
      expect(knowledge_unit.created_by).toBe('')
    })

    test('does not find an unknown unit', async () => {
      expect(await detailOf(await ask('/ku_none'), 404)).toBe('Knowledge unit not found')
    })
  })
})
