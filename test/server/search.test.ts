import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit, type NewKnowledgeUnit } from '../../src/index.ts'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
beforeAll(async () => {
  served = await serveStore()
})
afterAll(() => served[Symbol.asyncDispose]())

async function approved(proposal: NewKnowledgeUnit): Promise<string> {
  const unit = createKnowledgeUnit(proposal)
  await served.store.insert(unit)
  await served.store.decide(unit.id, 'approved', 'carol')
  return unit.id
}

async function answered(path: string, token?: string): Promise<unknown> {
  const answer = await served.send('GET', path, token)
  expect(answer.status).toBe(200)
  return answer.json()
}

const search = (q: string, more = '') =>
  `/api/v1/knowledge/search?q=${encodeURIComponent(q)}${more}`

const insight = {
  summary: 'Checkpoints starve behind long readers',
  detail: 'The write-ahead log of SQLite grows while a reader holds its snapshot.',
  action: 'End readers early',
}

describe('GET /api/v1/knowledge/search', () => {
  test('answers units that have the words, as anyone may read them, and where the words stand', async () => {
    const id = await approved({ domains: ['sqlite-wal'], insight, created_by: 'dave' })
    const { data } = (await answered(search('growing snapshots'))) as { data: unknown[] }
    expect(data).toEqual([
      {
        knowledge_unit: expect.objectContaining({ id, insight }),
        rank: expect.any(Number),
        snippet: {
          field: 'detail',
          text: insight.detail,
          matches: [
            [30, 35],
            [61, 69],
          ],
        },
      },
    ])
    expect(data[0]).not.toHaveProperty('knowledge_unit.created_by')
  })

  test('takes domains, context and a limit', async () => {
    const both = { summary: 'Tokens of quokkas', detail: '', action: '' }
    const go = await approved({ domains: ['go'], insight: both, context: { languages: ['go'] } })
    const js = await approved({ domains: ['js'], insight: both })
    const ids = async (more: string) =>
      (
        (await answered(search('quokka', more))) as { data: { knowledge_unit: { id: string } }[] }
      ).data.map((hit) => hit.knowledge_unit.id)
    expect(await ids('&domains=js')).toEqual([js, go])
    expect(await ids('&languages=go')).toEqual([go, js])
    expect(await ids('&languages=go&limit=1')).toEqual([go])
    expect(await ids('&limit=1000')).toHaveLength(2)
  })

  test.each([
    '',
    '   ',
    `"'*()[]{}:^&|!`,
    '"unclosed',
    'NEAR(',
    '\u202e\ufeff',
    'x'.repeat(10_000),
  ])('finds nothing for %j, which is no fault', async (q) => {
    expect(await answered(search(q))).toEqual({ data: [] })
  })

  test.each([
    ['no q', '/api/v1/knowledge/search', 'Field required'],
    [
      'a q of 10,001 characters',
      search('x'.repeat(10_001)),
      'Value error, q must be at most 10000 characters, got 10001',
    ],
    ['a limit of 0', search('x', '&limit=0'), 'Input should be greater than 0'],
  ])('refuses %s', async (_, path, msg) => {
    const answer = await served.ask(path)
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({ detail: [{ msg }] })
  })
})

describe('GET /api/v1/knowledge', () => {
  test('finds by text what the domains do not name', async () => {
    const id = await approved({
      domains: ['numbats'],
      insight: { ...insight, detail: 'Numbats eat termites' },
    })
    expect(await answered('/api/v1/knowledge?domains=unknown&text=termite')).toMatchObject({
      data: [{ id }],
    })
  })

  test('suggests domains where it finds nothing, if any are near', async () => {
    await approved({ domains: ['kubernetes'], insight })
    expect(await answered('/api/v1/knowledge?domains=kubernets')).toEqual({
      data: [],
      suggestions: ['kubernetes'],
    })
    expect(await answered('/api/v1/knowledge?domains=zzz')).toEqual({ data: [] })
  })
})

describe('GET /api/v1/review/{id}/similar', () => {
  test('answers units that resemble one, to those who are logged in', async () => {
    const proposal = {
      domains: ['wombats'],
      insight: { summary: 'Wombats dig at night', detail: '', action: 'Leave them alone' },
    }
    const id = await approved(proposal)
    const later = createKnowledgeUnit(proposal)
    await served.store.insert(later)
    const token = await served.login()
    expect(await answered(`/api/v1/review/${later.id}/similar`, token)).toEqual({
      similar: [
        {
          unit_id: id,
          status: 'approved',
          summary: 'Wombats dig at night',
          domains: ['wombats'],
          similarity: 1,
        },
      ],
    })
    const missing = await served.send('GET', '/api/v1/review/ku_unknown/similar', token)
    expect(missing.status).toBe(404)
  })
})
