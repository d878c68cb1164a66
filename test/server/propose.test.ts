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

const insight = { summary: 's', detail: 'd', action: 'a' }

function propose(body: unknown): Promise<Response> {
  return served.send('POST', '/api/v1/knowledge', key, body)
}

function proposeText(body: string, type = 'application/json'): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': type }
  return served.ask('/api/v1/knowledge', { method: 'POST', headers, body })
}

describe('POST /api/v1/knowledge', () => {
  test('stores a private, pending unit of the key’s owner, and answers all of it', async () => {
    const answer = await propose({ domains: ['A', ' b '], insight, created_by: 'mallory' })
    expect(answer.status).toBe(201)
    const unit = (await answer.json()) as KnowledgeUnit
    expect(unit).toEqual({
      id: expect.stringMatching(/^ku_[0-9a-f]{32}$/),
      version: 1,
      domains: ['a', 'b'],
      insight,
      context: { languages: [], frameworks: [], pattern: '' },
      evidence: {
        confidence: 0.5,
        confirmations: 1,
        first_observed: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        last_confirmed: unit.evidence.first_observed,
      },
      tier: 'private',
      created_by: 'carol',
      superseded_by: null,
      extensions: null,
      flags: [],
    })
    expect(await served.store.getAny(unit.id)).toEqual(unit)
    expect(await served.store.getReviewStatus(unit.id)).toMatchObject({ status: 'pending' })
  })

  test('keeps context and extensions, and ignores fields that it does not know', async () => {
    const context = { languages: ['go'], frameworks: ['gin'], pattern: 'api', mood: 'good' }
    const extensions = { 'acme:notes': { deep: [1, null, 'ü'] } }
    const answer = await propose({
      domains: ['a'],
      insight,
      context,
      extensions,
      id: 'mine',
      tier: 'public',
    })
    expect(answer.status).toBe(201)
    const unit = (await answer.json()) as KnowledgeUnit
    expect(unit).toMatchObject({
      context: { languages: ['go'], frameworks: ['gin'], pattern: 'api' },
      extensions,
      tier: 'private',
    })
    expect(unit.context).not.toHaveProperty('mood')
    expect(unit.id).not.toBe('mine')
  })

  test.each(['/api/v1/knowledge', '/propose', '/api/v1/propose'])(
    'at %s takes whatever created_by is, and does not use it',
    async (path) => {
      const anything = [
        null,
        true,
        7,
        '',
        'x'.repeat(1_000_000),
        'a\0\ud800',
        ['a'],
        { deep: [{}] },
      ]
      for (const created_by of anything) {
        const answer = await served.send('POST', path, key, { domains: ['a'], insight, created_by })
        expect(answer.status).toBe(201)
        expect(await answer.json()).toMatchObject({ created_by: 'carol' })
      }
    },
  )

  test('takes empty texts, null extensions, and texts as long as they may be', async () => {
    const long = {
      summary: '🦆'.repeat(500),
      detail: 'd'.repeat(8000),
      action: 'a'.repeat(2000),
    }
    const none = { summary: '', detail: '', action: '' }
    expect((await propose({ domains: ['a'], insight: none, extensions: null })).status).toBe(201)
    const domains = Array.from({ length: 16 }, (_, index) => `${index}`.padEnd(64, 'x'))
    expect((await propose({ domains, insight: long })).status).toBe(201)
  })

  test('refuses domains that are all blank, in one sentence', async () => {
    const answer = await propose({ domains: [' ', '\u0085'], insight })
    expect(await detailOf(answer, 422)).toBe('At least one non-empty domain is required')
  })

  test.each([
    [
      'no domains',
      { domains: [] },
      ['domains'],
      'too_short',
      'List should have at least 1 item after validation, not 0',
    ],
    [
      '17 domains',
      { domains: Array(17).fill('a') },
      ['domains'],
      'too_long',
      'List should have at most 16 items after validation, not 17',
    ],
    [
      'domains that are a text',
      { domains: 'a' },
      ['domains'],
      'list_type',
      'Input should be a valid list',
    ],
    [
      'a domain that is a number',
      { domains: ['a', 5] },
      ['domains', 1],
      'string_type',
      'Input should be a valid string',
    ],
    [
      'a domain of 65',
      { domains: ['x'.repeat(65)] },
      ['domains', 0],
      'value_error',
      'Value error, domains must be at most 64 characters, got 65',
    ],
    [
      'a domain with a lone surrogate',
      { domains: ['\ud800'] },
      ['domains', 0],
      'value_error',
      'Value error, domains must hold no NUL and no lone surrogate',
    ],
    [
      'an insight that is null',
      { insight: null },
      ['insight'],
      'model_attributes_type',
      'Input should be a valid dictionary or object to extract fields from',
    ],
    [
      'a summary of 501',
      { insight: { ...insight, summary: 'x'.repeat(501) } },
      ['insight', 'summary'],
      'value_error',
      'Value error, summary must be at most 500 characters, got 501',
    ],
    [
      'a detail of 8001',
      { insight: { ...insight, detail: 'x'.repeat(8001) } },
      ['insight', 'detail'],
      'value_error',
      'Value error, detail must be at most 8000 characters, got 8001',
    ],
    [
      'an action of 2001',
      { insight: { ...insight, action: 'x'.repeat(2001) } },
      ['insight', 'action'],
      'value_error',
      'Value error, action must be at most 2000 characters, got 2001',
    ],
    [
      'a context that is null',
      { context: null },
      ['context'],
      'model_attributes_type',
      'Input should be a valid dictionary or object to extract fields from',
    ],
    [
      'a pattern of 201',
      { context: { pattern: 'x'.repeat(201) } },
      ['context', 'pattern'],
      'value_error',
      'Value error, pattern must be at most 200 characters, got 201',
    ],
    [
      '17 languages',
      { context: { languages: Array(17).fill('a') } },
      ['context', 'languages'],
      'too_long',
      'List should have at most 16 items after validation, not 17',
    ],
    [
      'extensions that are a list',
      { extensions: [] },
      ['extensions'],
      'dict_type',
      'Input should be a valid dictionary',
    ],
    [
      '21 extensions',
      { extensions: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`a:${n}`, n])) },
      ['extensions'],
      'too_long',
      'Dictionary should have at most 20 items after validation, not 21',
    ],
    [
      'an extension without a namespace',
      { extensions: { notes: 1 } },
      ['extensions'],
      'value_error',
      'Value error, extension keys must match namespace:key format, got: "notes"',
    ],
  ])('refuses %s, and names the place', async (_name, change, path, type, msg) => {
    const faults = await faultsOf(await propose({ domains: ['a'], insight, ...change }))
    expect(faults).toMatchObject([{ type, loc: ['body', ...path], msg }])
  })

  test('lists every fault, and shows what was sent', async () => {
    const faults = await faultsOf(await propose({ domains: [1], insight: { summary: 2 } }))
    expect(faults).toEqual([
      {
        type: 'string_type',
        loc: ['body', 'domains', 0],
        msg: 'Input should be a valid string',
        input: 1,
      },
      {
        type: 'missing',
        loc: ['body', 'insight', 'detail'],
        msg: 'Field required',
        input: { summary: 2 },
      },
      {
        type: 'missing',
        loc: ['body', 'insight', 'action'],
        msg: 'Field required',
        input: { summary: 2 },
      },
      {
        type: 'string_type',
        loc: ['body', 'insight', 'summary'],
        msg: 'Input should be a valid string',
        input: 2,
      },
    ])
  })

  test('refuses what no database can hold in an extension, in one sentence', async () => {
    const deep = `${'['.repeat(200)}${']'.repeat(200)}`
    const body = `{"domains":["a"],"insight":${JSON.stringify(insight)},"extensions":{"a:b":${deep}}}`
    expect(await detailOf(await proposeText(body), 422)).toMatch(
      /extensions must nest at most 100 deep/,
    )
  })

  test('a body of nothing is missing, and so is one of null', async () => {
    const missing = [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]
    expect(await faultsOf(await served.send('POST', '/api/v1/knowledge', key))).toEqual(missing)
    expect(await faultsOf(await proposeText('null'))).toEqual(missing)
    expect(await faultsOf(await proposeText(''))).toEqual(missing)
  })

  test.each(['[]', '"text"', '5', 'true', `${'['.repeat(100_000)}${']'.repeat(100_000)}`])(
    'a body that is no object is said to be none: %.20s',
    async (body) => {
      expect(await faultsOf(await proposeText(body))).toMatchObject([
        { type: 'model_attributes_type', loc: ['body'] },
      ])
    },
  )

  test('a body that is not said to be JSON is a text', async () => {
    const body = JSON.stringify({ domains: ['a'], insight })
    expect(await faultsOf(await proposeText(body, 'text/plain'))).toMatchObject([
      { type: 'model_attributes_type', loc: ['body'], input: body },
    ])
    expect((await proposeText(body, 'application/json; charset=utf-8')).status).toBe(201)
    expect((await proposeText(body, 'application/vnd.cq+json')).status).toBe(201)
  })

  test.each([
    ['{', 1],
    ['{"domains": [}', 13],
    ['nonsense', 0],
    [`${'['.repeat(100_000)}`, 100_000],
  ])('broken JSON is said to be broken, and where: %.20s', async (body, position) => {
    expect(await faultsOf(await proposeText(body))).toMatchObject([
      { type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {} },
    ])
  })

  test('a body of more than a mebibyte is too large', async () => {
    const detail = await detailOf(await proposeText(`"${'x'.repeat(1_048_576)}"`), 413)
    expect(detail).toBe('Request body is too large')
  })

  test('the credential is looked at before the body', async () => {
    const answer = await served.ask('/api/v1/knowledge', { method: 'POST', body: '{' })
    expect(await detailOf(answer, 401)).toBe('Invalid API key')
    const large = await served.ask('/api/v1/knowledge', {
      method: 'POST',
      body: 'x'.repeat(2_000_000),
    })
    expect(large.status).toBe(401)
  })
})
