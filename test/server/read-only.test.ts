import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { McpClient } from './mcp-client.ts'
import { type ServedStore, serveStore } from './served-store.ts'

const proposal = {
  domains: ['read-only'],
  insight: { summary: 'Summary', detail: 'Detail', action: 'Action' },
}

describe('a server over a store that is read only', () => {
  let directory: TemporaryDirectory
  let whole: ServedStore
  let served: ServedStore
  const log = new RecordedLog()
  beforeAll(async () => {
    directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    whole = await serveStore({ store: { path } })
    served = await serveStore({ store: { path, readOnly: true, log } })
  })
  afterAll(async () => {
    await served[Symbol.asyncDispose]()
    await whole[Symbol.asyncDispose]()
    await directory[Symbol.asyncDispose]()
  })

  test('is ready, and answers what is asked', async () => {
    const unit = sampleUnit(unitId(1), new Date(), { domains: ['read-only'] })
    await whole.store.insert(unit)
    await whole.store.decide(unit.id, 'approved', 'carol')
    expect((await served.ask('/ready')).status).toBe(200)
    expect((await fetch(`${served.url}/metrics`)).status).toBe(200)
    const found = await served.ask('/api/v1/knowledge?domains=read-only')
    expect(await found.json()).toMatchObject({ data: [{ id: unit.id }] })
  })

  test('refuses every write by 403, at which clients keep what they propose', async () => {
    const [token, key] = [await whole.login('carol'), await whole.apiKey('carol')]
    const id = unitId(1)
    const refused = await Promise.all([
      served.send('POST', '/api/v1/knowledge', key, proposal),
      served.send('POST', '/propose', key, proposal),
      served.send('POST', `/api/v1/knowledge/${id}/confirmations`, key),
      served.send('POST', `/api/v1/knowledge/${id}/flags`, key, { reason: 'stale' }),
      served.send('POST', `/confirm/${id}`, key),
      served.send('POST', `/flag/${id}`, key, { reason: 'stale' }),
      served.send('POST', `/api/v1/review/${id}/approve`, token),
      served.send('POST', `/review/${id}/reject`, token),
      served.send('POST', '/api/v1/users/me/api-keys', token, { name: 'laptop', ttl: '1d' }),
      served.send('POST', '/auth/api-keys', token, { name: 'laptop', ttl: '1d' }),
    ])
    for (const answer of refused)
      expect([answer.status, await answer.json()]).toEqual([
        403,
        { detail: 'This server is read only' },
      ])
    const [keys] = (await whole.store.listApiKeysForUser(1)).map((one) => one.id)
    const revoked = await served.send('POST', `/api/v1/users/me/api-keys/${keys}/revoke`, token)
    expect(revoked.status).toBe(403)
    expect(await whole.store.count()).toBe(1)
  })

  test('says so to agents by MCP, and notes no use of their keys', async () => {
    await using client = await McpClient.connect(`${served.url}/mcp`, await whole.apiKey('dora'))
    const { domains, insight } = proposal
    for (const [tool, input] of [
      ['propose', { domains, ...insight }],
      ['confirm', { unit_id: unitId(1) }],
      ['flag', { unit_id: unitId(1), reason: 'stale' }],
    ] as const)
      expect(await client.refusal(tool, input)).toBe('This server is read only')
    expect(await client.result('query', { domains })).toMatchObject([{ id: unitId(1) }])
    expect(log.entries).toEqual([])
  })

  test('logs people in, and notes nothing of it in the log', async () => {
    expect(await served.login('carol')).toBeTruthy()
    expect(log.entries).toEqual([])
  })
})
