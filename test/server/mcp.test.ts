import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StoreError } from '../../src/errors.ts'
import { createKnowledgeUnit } from '../../src/knowledge/knowledge-unit.ts'
import type { KnowledgeUnit } from '../../src/knowledge/records.ts'
import { McpClient } from './mcp-client.ts'
import { recordedLog } from './recorded-log.ts'
import { type ServedStore, serveStore } from './served-store.ts'

let served: ServedStore
let agent: McpClient
let guest: McpClient

const insight = { summary: 'Use WAL.', detail: 'Reads and writes do not block.', action: 'Set it.' }
const proposal = { ...insight, domains: ['sqlite'] }

beforeAll(async () => {
  served = await serveStore()
  agent = await McpClient.connect(`${served.url}/mcp`, await served.apiKey('carol'))
  guest = await McpClient.connect(`${served.url}/mcp`)
  // From here on they check results.
  await Promise.all([agent.listTools(), guest.listTools()])
})
afterAll(async () => {
  await agent.close()
  await guest.close()
  await served[Symbol.asyncDispose]()
})

/** Adds an approved unit. */
async function approved(domains: readonly string[], more: object = {}): Promise<KnowledgeUnit> {
  const unit = createKnowledgeUnit({ domains, insight, created_by: 'ada', ...more })
  await served.store.insert(unit)
  await served.store.decide(unit.id, 'approved', 'eve')
  return unit
}

describe('query', () => {
  test('gives a bare array of what REST gives, and the same as structured content', async () => {
    await approved(['q1', 'q2'], { context: { languages: ['sql'] } })
    await approved(['q1'])
    const input = { domains: ['q1'], languages: ['sql'], frameworks: ['x'], pattern: 'y' }
    const { text, structured } = await guest.call('query', input)
    const rest = await served.ask('/api/v1/knowledge?domains=q1&languages=sql')
    const { data } = (await rest.json()) as { data: unknown[] }
    expect(data).toHaveLength(2)
    expect(JSON.parse(text)).toEqual(data)
    expect(structured).toEqual({ units: data })
    expect(text).not.toContain('created_by')
  })

  test('tells no detail of a flag', async () => {
    const { id } = await approved(['q3'])
    await agent.call('flag', { unit_id: id, reason: 'stale', detail: 'for reviewers' })
    const { text } = await guest.call('query', { domains: ['q3'] })
    expect(text).toContain('"reason":"stale"')
    expect(text).not.toContain('for reviewers')
  })

  test.each([
    [undefined, 5],
    [null, 5],
    [0, 5],
    [-7, 5],
    [3, 3],
    [50, 50],
    [51, 50],
    [1e9, 50],
  ])('takes %s as a limit of %d', async (limit, count) => {
    const domains = ['many']
    const there = await served.store.query(domains, { limit: 51 })
    await Promise.all(Array.from({ length: 51 - there.length }, () => approved(domains)))
    const units = await guest.result<unknown[]>('query', { domains, limit })
    expect(units).toHaveLength(count)
  })

  test('finds by words what the domains do not name', async () => {
    const { id } = await approved(['q4'], { insight: { ...insight, detail: 'Numbats dig.' } })
    const units = await guest.result('query', { domains: ['unknown'], text: 'numbat' })
    expect(units).toMatchObject([{ id }])
  })

  test('suggests domains that resemble those of which there is none', async () => {
    await approved(['kubernetes'])
    expect(await guest.call('query', { domains: ['kubernets'] })).toMatchObject({
      text: '[]',
      structured: { units: [], suggestions: ['kubernetes'] },
    })
  })

  test('finds nothing as an empty array', async () => {
    expect(await guest.call('query', { domains: ['nothing'] })).toEqual({
      text: '[]',
      isError: false,
      structured: { units: [] },
    })
  })
})

describe('propose', () => {
  test('gives the unit that is there where it is called again, and what resembles it if asked', async () => {
    const again = { ...proposal, domains: ['retried'], summary: 'Retried after a cut answer' }
    const first = await agent.result<KnowledgeUnit>('propose', again)
    expect(await agent.result('propose', again)).toEqual(first)
    const other = { ...again, summary: 'Retried after an answer that was cut' }
    const { structured } = await agent.call('propose', { ...other, similar: true })
    expect(structured).toMatchObject({ similar: [{ unit_id: first.id, status: 'pending' }] })
  })

  test('stores a pending, private unit of the owner of the key', async () => {
    const input = {
      ...proposal,
      domains: [' SQLite ', 'sqlite'],
      languages: ['sql'],
      frameworks: ['none'],
      pattern: 'wal',
      extensions: { 'acme:severity': 12_345_678_901 },
      created_by: 'mallory',
    }
    const { text, structured } = await agent.call('propose', input)
    const unit = JSON.parse(text) as KnowledgeUnit
    expect(unit).toMatchObject({
      id: expect.stringMatching(/^ku_[0-9a-f]{32}$/),
      domains: ['sqlite'],
      insight,
      context: { languages: ['sql'], frameworks: ['none'], pattern: 'wal' },
      evidence: { confidence: 0.5, confirmations: 1 },
      tier: 'private',
      created_by: 'carol',
      extensions: { 'acme:severity': 12_345_678_901 },
      flags: [],
    })
    expect(structured).toEqual(unit)
    expect(await served.store.getAny(unit.id)).toEqual(unit)
    expect(await served.store.getReviewStatus(unit.id)).toMatchObject({ status: 'pending' })
  })

  test('takes null for what is left out, and empty texts, as REST does', async () => {
    const nothing = { languages: null, frameworks: null, pattern: null, extensions: null }
    const unit = await agent.result<KnowledgeUnit>('propose', {
      domains: ['a'],
      summary: '',
      detail: '',
      action: '',
      ...nothing,
    })
    expect(unit).toMatchObject({ extensions: null, context: { languages: [], pattern: '' } })
  })
})

describe('confirm and flag', () => {
  test('give the unit as REST does', async () => {
    const { id } = await approved(['c1'])
    const confirmed = await agent.call('confirm', { unit_id: id })
    expect(JSON.parse(confirmed.text)).toMatchObject({
      id,
      evidence: { confidence: 0.6, confirmations: 2 },
    })
    expect(confirmed.structured).toEqual(JSON.parse(confirmed.text))
    const flagged = await agent.result<KnowledgeUnit>('flag', {
      unit_id: id,
      reason: '  InCorrect ',
      detail: 'It is not so.',
    })
    expect(flagged.flags).toEqual([
      { reason: 'incorrect', timestamp: expect.any(String), detail: null, duplicate_of: null },
    ])
    expect(flagged.evidence.confidence).toBeCloseTo(0.45)
    expect(await served.store.getAny(id)).toMatchObject({ flags: [{ detail: 'It is not so.' }] })
  })

  test('a duplicate names what stays', async () => {
    const [{ id }, other] = [await approved(['c2']), await approved(['c2'])]
    const input = { unit_id: id, reason: 'duplicate', duplicate_of: other.id }
    const flagged = await agent.result<KnowledgeUnit>('flag', input)
    expect(flagged.flags).toMatchObject([{ reason: 'duplicate', duplicate_of: other.id }])
  })
})

test('status gives the statistics of REST', async () => {
  const { text, structured } = await guest.call('status')
  const answer = (await (await served.ask('/api/v1/knowledge/stats')).json()) as { data: unknown }
  expect(JSON.parse(text)).toEqual(answer)
  expect(structured).toEqual(answer)
})

const someId = `ku_${'0'.repeat(32)}`
const long = (length: number) => 'x'.repeat(length)
const without = (name: string) => ({ ...proposal, [name]: undefined })

describe('what is wrong is told', () => {
  test.each<[string, object, string]>([
    ['query', {}, 'domains must contain at least one tag'],
    ['query', { domains: [] }, 'domains must contain at least one tag'],
    ['query', { domains: null }, 'domains must contain at least one tag'],
    ['query', { domains: 'sqlite' }, 'domains: Input should be a valid list'],
    ['query', { domains: ['a', 1] }, 'domains[1]: Input should be a valid string'],
    ['query', { domains: ['a\0'] }, 'domains must hold no NUL and no lone surrogate'],
    [
      'query',
      { domains: Array(10_000).fill(1) },
      'domains: List should have at most 64 items after validation, not 10000',
    ],
    ['query', { domains: ['a'], limit: 'x' }, 'limit: Input should be a valid integer'],
    ['query', { domains: ['a'], limit: 2.5 }, 'limit: Input should be a valid integer'],
    ['query', { domains: ['a'], pattern: {} }, 'pattern: Input should be a valid string'],
    [
      'query',
      { domains: ['a'], languages: Array(65).fill('a') },
      'languages: List should have at most 64 items after validation, not 65',
    ],
    ['propose', without('summary'), 'summary is required'],
    ['propose', without('detail'), 'detail is required'],
    ['propose', without('action'), 'action is required'],
    ['propose', { ...proposal, summary: null }, 'summary is required'],
    ['propose', without('domains'), 'domains must contain at least one tag'],
    ['propose', { ...proposal, domains: [] }, 'domains must contain at least one tag'],
    ['propose', { ...proposal, domains: [' '] }, 'At least one non-empty domain is required'],
    ['propose', { ...proposal, summary: 5 }, 'summary: Input should be a valid string'],
    ['propose', { ...proposal, languages: 'sql' }, 'languages: Input should be a valid list'],
    ['propose', { ...proposal, languages: [[]] }, 'languages[0]: Input should be a valid string'],
    ['propose', { ...proposal, extensions: 'x' }, 'extensions: Input should be a valid dictionary'],
    [
      'propose',
      { ...proposal, extensions: { severity: 1 } },
      'extension keys must match namespace:key format, got: "severity"',
    ],
    [
      'propose',
      { ...proposal, summary: long(501) },
      'summary must be at most 500 characters, got 501',
    ],
    [
      'propose',
      { ...proposal, detail: long(8001) },
      'detail must be at most 8000 characters, got 8001',
    ],
    ['propose', { ...proposal, action: '\ud800' }, 'action must hold no NUL and no lone surrogate'],
    [
      'propose',
      { ...proposal, domains: Array(10_000).fill('a') },
      'domains: List should have at most 16 items after validation, not 10000',
    ],
    [
      'propose',
      {},
      'domains must contain at least one tag; summary is required; detail is required; action is required',
    ],
    ['confirm', {}, 'unit_id is required'],
    ['confirm', { unit_id: '' }, 'unit_id is required'],
    ['confirm', { unit_id: 7 }, 'unit_id: Input should be a valid string'],
    ['confirm', { unit_id: someId }, 'Knowledge unit not found'],
    ['confirm', { unit_id: 'nothing' }, 'Knowledge unit not found'],
    ['flag', { reason: 'stale' }, 'unit_id is required'],
    ['flag', { unit_id: someId }, 'reason is required'],
    ['flag', { unit_id: someId, reason: 'stale' }, 'Knowledge unit not found'],
    [
      'flag',
      { unit_id: someId, reason: 'Bad' },
      "invalid reason 'Bad': must be one of: stale, incorrect, duplicate",
    ],
    [
      'flag',
      { unit_id: someId, reason: '' },
      "invalid reason '': must be one of: stale, incorrect, duplicate",
    ],
    [
      'flag',
      { unit_id: someId, reason: ['stale'] },
      "invalid reason 'an array': must be one of: stale, incorrect, duplicate",
    ],
    [
      'flag',
      { unit_id: someId, reason: long(1000) },
      `invalid reason '${long(64)}…': must be one of: stale, incorrect, duplicate`,
    ],
    ['flag', { unit_id: someId, reason: 'duplicate' }, 'duplicate_of is required'],
    [
      'flag',
      { unit_id: someId, reason: 'duplicate', duplicate_of: someId },
      'invalid flag: duplicate_of must be the id of another unit',
    ],
    [
      'flag',
      { unit_id: someId, reason: 'stale', detail: long(1001) },
      'detail must be at most 1000 characters, got 1001',
    ],
    [
      'flag',
      { unit_id: someId, reason: 'stale', detail: [] },
      'detail: Input should be a valid string',
    ],
  ])('by %s of %o', async (tool, input, message) => {
    expect(await agent.refusal(tool, input)).toBe(message)
  })

  test.each(['propose', 'confirm', 'flag'])(
    'by %s without a key, whatever is sent',
    async (tool) => {
      for (const input of [{}, proposal, { unit_id: someId, reason: 'stale' }])
        expect(await guest.refusal(tool, input)).toMatch(/API key.*Authorization: Bearer cqa\.v1/)
    },
  )

  const later = 'Service temporarily unavailable, please try again later'

  test('by every tool, of a store that is closed', async () => {
    await using closing = await serveStore()
    await using client = await McpClient.connect(`${closing.url}/mcp`)
    await closing.store.close()
    expect(await client.refusal('query', { domains: ['a'] })).toBe(later)
    expect(await client.refusal('status')).toBe(later)
    await expect(client.readResource({ uri: 'cq://domains' })).rejects.toMatchObject({
      code: -32_603,
      message: expect.stringContaining('please try again'),
    })
  })

  test.each([
    ['overloaded', later],
    ['timeout', later],
    ['unavailable', later],
    ['outcome_unknown', /unknown whether this took effect.*before you do it again$/],
    ['read_only', 'This server is read only'],
    ['corrupt', 'Internal Server Error'],
    ['internal', 'Internal Server Error'],
  ] as const)('of a store that refuses with %s', async (code, message) => {
    await using refusing = await serveStore()
    await using client = await McpClient.connect(`${refusing.url}/mcp`, await refusing.apiKey())
    const refuse = { value: () => Promise.reject(new StoreError(code, 'of this machine')) }
    Object.defineProperties(refusing.store, { insert: refuse, asText: refuse })
    for (const [tool, input] of [
      ['propose', proposal],
      ['confirm', { unit_id: someId }],
      ['flag', { unit_id: someId, reason: 'stale' }],
      ['query', { domains: ['a'] }],
      ['status', {}],
    ] as const)
      expect(await client.refusal(tool, input)).toMatch(message)
  })

  test('of a fault of the server, which is logged and not told', async () => {
    const { lines, logger } = recordedLog()
    await using failing = await serveStore({ server: { logger } })
    await using client = await McpClient.connect(`${failing.url}/mcp`)
    const fail = { value: () => Promise.reject(new Error('a fault of this test')) }
    Object.defineProperties(failing.store, { asText: fail, domainCounts: fail })
    expect(await client.refusal('status')).toBe('Internal Server Error')
    await expect(client.readResource({ uri: 'cq://domains' })).rejects.toThrow(
      'Internal Server Error',
    )
    expect(lines.join('')).toContain('a fault of this test')
  })
})
