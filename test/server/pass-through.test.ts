import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit, type KnowledgeUnit, type Store } from '../../src/index.ts'
import { createServer } from '../../src/server/index.ts'
import { apiKeyPepper, jwtSecret, type ServedStore, serveStore } from './served-store.ts'

const summary = 'a summary that only this document has'
const unit = createKnowledgeUnit({
  domains: ['passed-on'],
  insight: { summary, detail: 'd', action: 'a' },
  created_by: 'carol',
})
const { id } = unit
const publicUnit = expect.objectContaining({ id })
const wholeUnit = expect.objectContaining({ id, created_by: 'carol' })
const item = expect.objectContaining({ knowledge_unit: wholeUnit })

let served: ServedStore
let key: string
let token: string
beforeAll(async () => {
  served = await serveStore()
  key = await served.apiKey('carol')
  token = await served.login('carol')
  await served.store.insert(unit)
  await served.store.decide(unit.id, 'approved', 'carol')
  for (const method of objectMethods)
    Object.defineProperty(served.store, method, {
      value: () => Promise.reject(new Error(`${method} makes objects of documents`)),
    })
})
afterAll(() => served[Symbol.asyncDispose]())

const objectMethods = [
  'get',
  'getAny',
  'query',
  'confirm',
  'flag',
  'reviewItem',
  'reviewQueue',
  'pendingQueue',
  'listUnits',
] as const

/** Which of the texts that this thread parses or writes meanwhile hold the summary. */
async function whileWatchingJson<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly seen: readonly string[] }> {
  const { parse, stringify } = JSON
  const seen: string[] = []
  const note = (text: string | undefined) => text?.includes(summary) && seen.push(text)
  JSON.parse = (text, ...others) => {
    note(String(text))
    return parse(text, ...others)
  }
  JSON.stringify = (...args: unknown[]) => {
    const text = stringify(...(args as [unknown]))
    note(text)
    return text
  }
  try {
    return { result: await work(), seen }
  } finally {
    Object.assign(JSON, { parse, stringify })
  }
}

describe('a document reaches the client as text, unparsed and unwritten on the way', () => {
  test.each<[method: string, path: string, answer: unknown]>([
    ['GET', '/api/v1/knowledge?domains=passed-on', { data: [publicUnit] }],
    ['GET', '/query?domains=passed-on', [wholeUnit]],
    ['POST', '/api/v1/knowledge/ID/confirmations', publicUnit],
    ['POST', '/api/v1/knowledge/ID/flags', publicUnit],
    ['POST', '/confirm/ID', wholeUnit],
    ['POST', '/flag/ID', wholeUnit],
    ['GET', '/api/v1/review/ID', item],
    ['GET', '/api/v1/review/units', [item]],
  ])('%s %s', async (method, path, expected) => {
    const { result, seen } = await whileWatchingJson(async () => {
      const answer = await fetch(served.url + path.replace('ID', unit.id), {
        method,
        headers: {
          authorization: `Bearer ${path.includes('review') ? token : key}`,
          'content-type': 'application/json',
        },
        ...(path.includes('flag') && { body: '{"reason":"stale","detail":"d"}' }),
      })
      return { answer, text: await answer.text() }
    })
    expect(seen).toEqual([])
    expect(result.answer.ok).toBe(true)
    expect(result.answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(result.text).toContain(summary)
    expect(JSON.parse(result.text)).toEqual(expected)
  })

  test('also through a Store that wraps another one, which takes a few lines', async () => {
    const calls: unknown[][] = []
    const wrapped = new Proxy<Store>(served.store, {
      get(store, name) {
        const value: unknown = Reflect.get(store, name, store)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          calls.push([name, ...args])
          return value.apply(store, args)
        }
      },
    })
    const server = await createServer({ store: wrapped, jwtSecret, apiKeyPepper })
    const answer = await server.inject('/api/v1/knowledge?domains=passed-on')
    await server.close()
    expect(answer.json()).toEqual({ data: [publicUnit] })
    expect(calls).toEqual([['asText', 'public', 'query', ['passed-on'], { limit: 5 }]])
  })

  test('GET /api/v1/review/queue', async () => {
    await served.store.setReviewStatus(unit.id, 'pending', 'carol')
    const { result, seen } = await whileWatchingJson(async () => {
      const answer = await fetch(`${served.url}/api/v1/review/queue`, {
        headers: { authorization: `Bearer ${token}` },
      })
      return answer.text()
    })
    expect(seen).toEqual([])
    expect(JSON.parse(result)).toEqual({
      items: [item],
      total: 1,
      offset: 0,
      limit: 20,
    })
  })

  test('which would be seen if it were not so', async () => {
    const { seen } = await whileWatchingJson(async () => {
      const text = await served.store.asText('whole', 'reviewItem', unit.id)
      return JSON.stringify(JSON.parse(text) as KnowledgeUnit)
    })
    expect(seen).toHaveLength(2)
  })
})
