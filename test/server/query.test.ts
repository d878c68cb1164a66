import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit, type NewKnowledgeUnit } from '../../src/index.ts'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
beforeAll(async () => {
  served = await serveStore()
})
afterAll(() => served[Symbol.asyncDispose]())

const insight = { summary: 's', detail: 'd', action: 'a' }

async function approved(proposal: Partial<NewKnowledgeUnit>): Promise<string> {
  const unit = createKnowledgeUnit({ domains: ['x'], insight, ...proposal })
  await served.store.insert(unit)
  await served.store.decide(unit.id, 'approved', 'carol')
  return unit.id
}

interface Fault {
  type: string
  loc: (string | number)[]
  msg: string
  input: unknown
  ctx?: object
}

async function ids(path: string): Promise<string[]> {
  const answer = await served.ask(path)
  expect(answer.status).toBe(200)
  const { data } = (await answer.json()) as { data: { id: string }[] }
  return data.map(({ id }) => id)
}

async function faults(path: string): Promise<Fault[]> {
  const answer = await served.ask(path)
  expect(answer.status).toBe(422)
  return ((await answer.json()) as { detail: Fault[] }).detail
}

describe('GET /api/v1/knowledge', () => {
  test('answers approved units, best first, and counts what fits the context', async () => {
    const context = { languages: ['go'], frameworks: ['gin'], pattern: 'Api' }
    const plain = await approved({ domains: ['ranking'] })
    const byLanguage = await approved({ domains: ['ranking'], context: { languages: ['go'] } })
    const byAll = await approved({ domains: ['ranking'], context })
    const half = await approved({ domains: ['ranking', 'other'] })
    const pending = createKnowledgeUnit({ domains: ['ranking'], insight })
    await served.store.insert(pending)
    const path = '/api/v1/knowledge?domains=ranking&languages=go&frameworks=gin&pattern=API'
    expect(await ids(path)).toEqual([byAll, byLanguage, plain, half])
  })

  test('takes several domains, in any case and with white space around them', async () => {
    const both = await approved({ domains: ['one', 'two'] })
    const one = await approved({ domains: ['one'] })
    expect(await ids('/api/v1/knowledge?domains=%20ONE&domains=two%20')).toEqual([both, one])
  })

  test('tells neither who proposed a unit nor what a flag says to reviewers', async () => {
    const id = await approved({ domains: ['secretive'], created_by: 'dave' })
    await served.store.flag(id, { reason: 'stale', detail: 'said carol of acme' })
    const text = await (await served.ask('/api/v1/knowledge?domains=secretive')).text()
    const { data } = JSON.parse(text) as { data: Record<string, unknown>[] }
    expect(data[0]).toMatchObject({ id, extensions: null, superseded_by: null })
    expect(data[0]).not.toHaveProperty('created_by')
    expect(data[0]?.flags).toMatchObject([{ reason: 'stale', detail: null, duplicate_of: null }])
    expect(text).not.toMatch(/dave|carol/)
  })

  test('answers five units unless told, and never more than fifty', async () => {
    await Promise.all(Array.from({ length: 60 }, () => approved({ domains: ['crowd'] })))
    expect(await ids('/api/v1/knowledge?domains=crowd')).toHaveLength(5)
    expect(await ids('/api/v1/knowledge?domains=crowd&limit=7')).toHaveLength(7)
    expect(await ids('/api/v1/knowledge?domains=crowd&limit=50')).toHaveLength(50)
    expect(await ids('/api/v1/knowledge?domains=crowd&limit=51')).toHaveLength(50)
    expect(await ids(`/api/v1/knowledge?domains=crowd&limit=${'9'.repeat(40)}`)).toHaveLength(50)
  })

  test('answers nothing where no domain says anything, or none is known', async () => {
    await approved({})
    expect(await ids('/api/v1/knowledge?domains=%20&domains=')).toEqual([])
    expect(await ids('/api/v1/knowledge?domains=unheard-of')).toEqual([])
  })

  test('lets further parameters pass, and takes the last of several single ones', async () => {
    await Promise.all([approved({ domains: ['few'] }), approved({ domains: ['few'] })])
    const path = '/api/v1/knowledge?domains=few&verbose=1&limit=x&limit=1'
    expect(await ids(path)).toHaveLength(1)
  })

  test.each([
    ['', [{ type: 'missing', loc: ['query', 'domains'], msg: 'Field required', input: null }]],
    [
      '?domains=a&limit=0',
      [
        {
          type: 'greater_than',
          loc: ['query', 'limit'],
          msg: 'Input should be greater than 0',
          input: '0',
          ctx: { gt: 0 },
        },
      ],
    ],
    [
      '?domains=a&limit=five',
      [
        {
          type: 'int_parsing',
          loc: ['query', 'limit'],
          msg: 'Input should be a valid integer, unable to parse string as an integer',
          input: 'five',
        },
      ],
    ],
    [
      '?limit=1.5',
      [
        { type: 'missing', loc: ['query', 'domains'], msg: 'Field required', input: null },
        {
          type: 'int_parsing',
          loc: ['query', 'limit'],
          msg: 'Input should be a valid integer, unable to parse string as an integer',
          input: '1.5',
        },
      ],
    ],
    [
      '?domains=fine&domains=a%00b',
      [
        {
          type: 'value_error',
          loc: ['query', 'domains', 1],
          msg: 'Value error, domains must hold no NUL and no lone surrogate',
          input: 'a\0b',
        },
      ],
    ],
  ])('refuses %j, and lists every fault', async (query, expected) => {
    expect(await faults(`/api/v1/knowledge${query}`)).toEqual(expected)
  })

  test.each(['domains', 'languages', 'frameworks'])(
    'takes 64 %s, and answers 422 to one more',
    async (name) => {
      const query = (count: number) =>
        `/api/v1/knowledge?domains=a${`&${name}=b`.repeat(name === 'domains' ? count - 1 : count)}`
      expect((await served.ask(query(64))).status).toBe(200)
      expect(await faults(query(65))).toMatchObject([
        { type: 'too_long', loc: ['query', name], ctx: { max_length: 64, actual_length: 65 } },
      ])
    },
  )

  test.each(['0x10', '1e1', '', ' ', '--1', 'Infinity', '１'])(
    'takes %j for no whole number',
    async (limit) => {
      const path = `/api/v1/knowledge?domains=a&limit=${encodeURIComponent(limit)}`
      expect(await faults(path)).toMatchObject([{ type: 'int_parsing', input: limit }])
    },
  )
})

describe('GET /api/v1/knowledge/stats', () => {
  test('answers totals of every status, and the rest of approved units', async () => {
    await using other = await serveStore()
    const [first, second] = [
      createKnowledgeUnit({ domains: ['b', 'a'], insight, tier: 'public' }),
      createKnowledgeUnit({ domains: ['b'], insight }),
    ]
    await other.store.insertMany([first, second])
    await other.store.decide(first.id, 'approved', 'carol')
    const answer = await other.ask('/api/v1/knowledge/stats')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({
      total_count: 2,
      tier_counts: { public: 1 },
      domain_counts: { a: 1, b: 1 },
      confidence_distribution: { '0.0-0.3': 0, '0.3-0.5': 0, '0.5-0.7': 1, '0.7-1.0': 0 },
    })
  })

  test('answers zeros for an empty store', async () => {
    await using empty = await serveStore()
    expect(await (await empty.ask('/api/v1/knowledge/stats')).json()).toEqual({
      total_count: 0,
      tier_counts: {},
      domain_counts: {},
      confidence_distribution: { '0.0-0.3': 0, '0.3-0.5': 0, '0.5-0.7': 0, '0.7-1.0': 0 },
    })
  })
})
