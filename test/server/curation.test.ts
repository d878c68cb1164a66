import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnowledgeUnit, type KnowledgeUnit } from '../../src/index.ts'
import { parseKnowledgeUnit } from '../../src/knowledge/knowledge-unit.ts'
import { detailOf } from './fault.ts'
import { type ServedStore, serveStore } from './served-store.ts'

const api = '/api/v1/review'

/** What the routes answer, as far as it is looked at here. */
interface Answer {
  readonly items: readonly { readonly knowledge_unit: KnowledgeUnit }[]
  readonly next_cursor: string | null
  readonly outcomes: readonly {
    readonly outcome: string
    readonly status: string | null
    readonly reviewed_by: string | null
  }[]
  readonly decisions: readonly unknown[]
  readonly history: readonly unknown[]
  readonly flagged: readonly unknown[]
  readonly knowledge_unit: KnowledgeUnit
}
const bodyOf = async (answer: Response) => (await answer.json()) as Answer

describe('what reviewers do', () => {
  let served: ServedStore
  let carol: string

  beforeAll(async () => {
    served = await serveStore()
    carol = await served.login('carol')
  })
  afterAll(() => served[Symbol.asyncDispose]())

  const propose = async (created_by = 'ann', domain = 'sqlite'): Promise<KnowledgeUnit> => {
    const insight = { summary: `Of ${domain}`, detail: 'Detail', action: 'Action' }
    const unit = createKnowledgeUnit({ domains: [domain], insight, created_by })
    await served.store.insert(unit)
    return parseKnowledgeUnit(unit, new Date())
  }
  const get = async (path: string) => {
    const answer = await served.send('GET', path, carol)
    expect(answer.status).toBe(200)
    return answer.json() as Promise<Answer>
  }

  test('browses by filters, page by page, and counts', async () => {
    const units = [
      await propose('zoe', 'browse'),
      await propose('zoe', 'browse'),
      await propose('yan', 'browse'),
    ]
    const first = await get(`${api}/browse?domain=browse&proposer=zoe&order=oldest&limit=1`)
    expect(first.items.map((item) => item.knowledge_unit.id)).toEqual([units[0]?.id])
    const next = await get(
      `${api}/browse?domain=browse&proposer=zoe&order=oldest&limit=5&cursor=${first.next_cursor}`,
    )
    expect(next.items).toHaveLength(1)
    expect(next.next_cursor).toBeNull()
    expect(await get(`${api}/count?domain=browse&text=BROWSE&flagged=false`)).toEqual({
      count: 3,
      is_exact: true,
    })
  })

  test.each([
    'browse?limit=0',
    'browse?limit=501',
    'browse?cursor=odd',
    'browse?status=odd',
    'browse?order=odd',
    'browse?flagged=maybe',
    `browse?text=${'x'.repeat(201)}`,
    'browse?proposed_after=yesterday',
    'count?tier=odd',
    'decisions?since=yesterday',
    'insights?limit=101',
  ])('refuses %s, and says why', async (path) => {
    const answer = await served.send('GET', `${api}/${path}`, carol)
    expect(answer.status).toBe(422)
    expect(JSON.stringify(await answer.json())).toMatch(
      /limit|cursor|status|order|flagged|text|after|tier|since/,
    )
  })

  test('decides many, opens them again, and tells what became of each', async () => {
    const [one, other] = [await propose(), await propose()]
    await served.store.decide(other.id, 'rejected', 'bob')
    const unit_ids = [one.id, other.id, 'ku_none']
    const body = { unit_ids, decision: 'approved' }
    const answer = await served.send('POST', `${api}/decisions`, carol, body)
    expect(answer.status).toBe(200)
    const { outcomes } = await bodyOf(answer)
    expect(outcomes.map((one) => [one.outcome, one.reviewed_by])).toEqual([
      ['decided', 'carol'],
      ['conflict', 'bob'],
      ['not_found', null],
    ])
    const { decisions } = await get(`${api}/decisions?limit=2`)
    expect(decisions[0]).toMatchObject({ unit_id: one.id, reviewed_by: 'carol' })
    const undo = { unit_ids: [one.id], decision: 'pending', from: 'approved' }
    const undone = await served.send('POST', `${api}/decisions`, carol, undo)
    expect((await bodyOf(undone)).outcomes[0]).toMatchObject({
      outcome: 'decided',
      status: 'pending',
    })
    const { history } = await get(`${api}/${one.id}/history`)
    expect(history).toMatchObject([{ actor: 'carol', action: 'reopened' }])
  })

  test.each([
    { unit_ids: [], decision: 'approved' },
    { unit_ids: Array(501).fill('ku_1'), decision: 'approved' },
    { unit_ids: ['ku_1'], decision: 'odd' },
    { unit_ids: ['ku_1'], decision: 'pending' },
    { decision: 'approved' },
  ])('refuses to decide %j', async (body) => {
    expect((await served.send('POST', `${api}/decisions`, carol, body)).status).toBe(422)
  })

  test('takes as many and as much as it says', async () => {
    const ids = Array.from({ length: 500 }, (_, number) => `ku_${String(number).padStart(32, '0')}`)
    const body = { unit_ids: ids, decision: 'rejected' }
    const answer = await served.send('POST', `${api}/decisions`, carol, body)
    expect((await bodyOf(answer)).outcomes).toHaveLength(500)
    const { id, domains, insight } = await propose()
    const whole = {
      summary: '\u00e9'.repeat(500),
      detail: '"'.repeat(8_000),
      action: '\\'.repeat(2_000),
    }
    const edit = { insight: whole, seen: { domains, insight } }
    expect((await served.send('PATCH', `${api}/${id}`, carol, edit)).status).toBe(200)
    const again = { domains: ['again'], seen: { domains, insight: whole } }
    expect((await served.send('PATCH', `${api}/${id}`, carol, again)).status).toBe(200)
  })

  test('edits, unless somebody else has', async () => {
    const { id, domains, insight } = await propose()
    const seen = { domains, insight }
    const edit = { domains: ['Edited'], insight: { summary: 'Better.' } }
    const answer = await served.send('PATCH', `${api}/${id}`, carol, { ...edit, seen })
    expect(answer.status).toBe(200)
    expect((await bodyOf(answer)).knowledge_unit).toMatchObject({
      domains: ['edited'],
      insight: { ...insight, summary: 'Better.' },
    })
    const late = await served.send('PATCH', `${api}/${id}`, carol, { ...edit, seen })
    expect(await detailOf(late, 409)).toBe(`${id} was changed meanwhile`)
    const long = { insight: { summary: 'x'.repeat(501) } }
    expect((await served.send('PATCH', `${api}/${id}`, carol, long)).status).toBe(422)
    expect((await served.send('PATCH', `${api}/ku_none`, carol, edit)).status).toBe(404)
  })

  test('names units to look at', async () => {
    const { id } = await propose()
    await served.store.decide(id, 'approved', 'bob')
    await served.store.flag(id, { reason: 'stale' })
    const { flagged } = await get(`${api}/insights`)
    expect(flagged).toMatchObject([{ unit_id: id, flags: 1 }])
  })
})

describe('roles', () => {
  let served: ServedStore
  const tokens: Record<string, string> = {}

  beforeAll(async () => {
    served = await serveStore()
    for (const name of ['mia', 'rob', 'ada', 'new']) tokens[name] = await served.login(name)
    await served.store.setRole('mia', 'member')
    await served.store.setRole('rob', 'reviewer')
    await served.store.setRole('ada', 'admin')
  })
  afterAll(() => served[Symbol.asyncDispose]())

  const propose = async (created_by: string): Promise<string> => {
    const insight = { summary: 's', detail: 'd', action: 'a' }
    const unit = createKnowledgeUnit({ domains: ['d'], insight, created_by })
    await served.store.insert(unit)
    return unit.id
  }

  test.each(['', '/api/v1'])('hold at %s/review as well', async (base) => {
    const [own, others] = [await propose('rob'), await propose('ann')]
    const approve = (name: string, id: string) =>
      served.send('POST', `${base}/review/${id}/approve`, tokens[name])
    expect((await approve('mia', others)).status).toBe(403)
    expect((await approve('new', others)).status).toBe(403)
    expect((await approve('rob', own)).status).toBe(403)
    expect((await approve('rob', others)).status).toBe(200)
    expect((await approve('ada', own)).status).toBe(200)
    expect((await served.store.getReviewStatus(own))?.reviewed_by).toBe('ada')
    expect((await served.send('GET', `${base}/review/queue`, tokens.mia)).status).toBe(200)
  })

  test('hold for many at once, for edits and for removal', async () => {
    const [own, others] = [await propose('rob'), await propose('ann')]
    const body = { unit_ids: [own, others], decision: 'approved' }
    const decide = (name: string) => served.send('POST', `${api}/decisions`, tokens[name], body)
    expect((await decide('mia')).status).toBe(403)
    const { outcomes } = await bodyOf(await decide('rob'))
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['forbidden', 'decided'])
    const edit = (name: string, id: string) =>
      served.send('PATCH', `${api}/${id}`, tokens[name], { domains: ['e'] })
    expect((await edit('mia', others)).status).toBe(403)
    expect((await edit('rob', own)).status).toBe(409)
    expect((await edit('rob', others)).status).toBe(200)
    for (const name of ['mia', 'rob'])
      expect((await served.send('DELETE', `${api}/${own}`, tokens[name])).status).toBe(403)
    expect((await served.send('DELETE', `${api}/${own}`, tokens.ada)).status).toBe(200)
  })

  test('are told to those who have them', async () => {
    for (const [name, role] of [
      ['mia', 'member'],
      ['rob', 'reviewer'],
      ['ada', 'admin'],
      ['new', 'member'],
    ] as const) {
      const answer = await served.send('GET', '/api/v1/users/me', tokens[name])
      expect(await answer.json()).toMatchObject({ username: name, role })
    }
  })
})
