import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit } from '../../src/index.ts'
import { detailOf } from './fault.ts'
import { recordedLog } from './recorded-log.ts'
import { type ServedStore, serveStore } from './served-store.ts'

const { lines, logger } = recordedLog()
let served: ServedStore
let token: string
beforeAll(async () => {
  served = await serveStore({ server: { logger } })
  token = await served.login('carol')
})
afterAll(() => served[Symbol.asyncDispose]())

const remove = (id: string, credential?: string) =>
  served.send('DELETE', `/api/v1/review/${id}`, credential)

async function storedUnit() {
  const insight = { summary: 'the password is hunter2', detail: 'd', action: 'a' }
  const unit = createKnowledgeUnit({ domains: ['secrets'], insight })
  await served.store.insert(unit)
  return unit
}

describe('DELETE /api/v1/review/{id}', () => {
  test.each([null, 'approved', 'rejected'] as const)(
    'removes a unit of which the decision is %s, once',
    async (decision) => {
      const { id } = await storedUnit()
      if (decision) await served.store.decide(id, decision, 'dave')
      const answer = await remove(id, token)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({ message: 'Knowledge unit removed.' })
      expect(await served.store.getAny(id)).toBeNull()
      expect(await detailOf(await remove(id, token), 404)).toBe('Knowledge unit not found')
      const found = await served.ask('/api/v1/knowledge?domains=secrets')
      expect(await found.json()).toEqual({ data: [] })
    },
  )

  test('takes the login of somebody who is still there, and no API key', async () => {
    const { id } = await storedUnit()
    const gone = await served.login('gone')
    await served.store.removeUser('gone')
    for (const credential of [undefined, 'nonsense', await served.apiKey('carol'), gone])
      expect((await remove(id, credential)).status).toBe(401)
    expect(await served.store.getAny(id)).not.toBeNull()
  })

  test.each([
    ['no body that is said to be JSON', ''],
    ['a body, which says nothing', '{"id":'],
  ])('takes %s', async (_name, body) => {
    const { id } = await storedUnit()
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const path = `/api/v1/review/${id}`
    expect((await served.ask(path, { method: 'DELETE', headers, body })).status).toBe(200)
  })

  test('logs who removed which unit, and nothing of what it held', async () => {
    const { id } = await storedUnit()
    lines.length = 0
    await remove(id, token)
    const removals = () => lines.filter((line) => line.includes('knowledge unit removed'))
    expect(removals().map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ unit_id: id, removed_by: 'carol' }),
    ])
    expect(lines.join()).not.toMatch(/hunter2|secrets/)
    await remove(id, token)
    expect(removals()).toHaveLength(1)
  })

  test('is in the OpenAPI document, at its one place', async () => {
    const document = (await (await fetch(`${served.url}/openapi.json`)).json()) as {
      paths: Record<string, { delete?: { summary: string; security: unknown; responses: object } }>
    }
    const deletes = Object.entries(document.paths).filter(([, path]) => path.delete)
    expect(deletes.map(([path]) => path)).toEqual(['/api/v1/review/{unit_id}'])
    expect(deletes[0]?.[1].delete).toMatchObject({
      security: [{ login: [] }],
      responses: { 200: {}, 401: {}, 404: {} },
    })
  })
})
