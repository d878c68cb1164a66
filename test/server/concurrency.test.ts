import { expect, test } from 'vitest'
import { createKnowledgeUnit } from '../../src/index.ts'
import { serveStore } from './served-store.ts'

const insight = { summary: 's', detail: 'd', action: 'a' }

function tally(answers: readonly Response[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

test('a hundred confirmations at once are a hundred', async () => {
  await using served = await serveStore()
  const key = await served.apiKey()
  const unit = createKnowledgeUnit({ domains: ['x'], insight })
  await served.store.insert(unit)
  await served.store.decide(unit.id, 'approved', 'carol')
  const path = `/api/v1/knowledge/${unit.id}/confirmations`
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => served.send('POST', path, key)),
  )
  expect(tally(answers)).toEqual({ 201: 100 })
  expect((await served.store.get(unit.id))?.evidence.confirmations).toBe(101)
})

test('of twenty decisions at once, one is made', async () => {
  await using served = await serveStore()
  const token = await served.login('carol')
  const unit = createKnowledgeUnit({ domains: ['x'], insight })
  await served.store.insert(unit)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      served.send('POST', `/api/v1/review/${unit.id}/${index % 2 ? 'reject' : 'approve'}`, token),
    ),
  )
  expect(tally(answers)).toEqual({ 200: 1, 409: 19 })
  const winner = answers.find(({ status }) => status === 200) as Response
  const { status } = (await winner.json()) as { status: string }
  expect(await served.store.getReviewStatus(unit.id)).toMatchObject({ status })
  for (const answer of answers.filter(({ status }) => status === 409))
    expect(await answer.json()).toEqual({ detail: `Knowledge unit already ${status}` })
})

test('of sixty keys made at once, twenty are', async () => {
  await using served = await serveStore()
  const token = await served.login('carol')
  const body = { name: 'n', ttl: '1h' }
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => served.send('POST', '/api/v1/users/me/api-keys', token, body)),
  )
  expect(tally(answers)).toEqual({ 201: 20, 409: 40 })
  const userId = (await served.store.getUser('carol'))?.id as number
  expect(await served.store.countActiveApiKeysForUser(userId)).toBe(20)
})

test('while units are proposed and decided, every page and its total agree', async () => {
  await using served = await serveStore({ store: { readers: 2 } })
  const [key, token] = [await served.apiKey('carol'), await served.login('carol')]
  const work = Array.from({ length: 30 }, async (_, number) => {
    const proposed = await served.send('POST', '/api/v1/knowledge', key, {
      domains: ['x'],
      insight: { ...insight, summary: `Proposal ${number}` },
    })
    const { id } = (await proposed.json()) as { id: string }
    await served.send('POST', `/api/v1/review/${id}/approve`, token)
  })
  const looks = Array.from({ length: 30 }, async () => {
    const queue = await served.send('GET', '/api/v1/review/queue?limit=500', token)
    const { items, total } = (await queue.json()) as { items: unknown[]; total: number }
    expect(items).toHaveLength(total)
    const stats = (await (await served.ask('/api/v1/knowledge/stats')).json()) as {
      domain_counts: Record<string, number>
      tier_counts: Record<string, number>
    }
    expect(stats.domain_counts.x).toBe(stats.tier_counts.private)
  })
  await Promise.all([...work, ...looks])
  expect(await served.store.countsByStatus()).toEqual({ approved: 30 })
})
