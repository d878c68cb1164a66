import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from '../../src/server/index.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { jwtSecret } from './served-store.ts'

/** Files as cq's reference server leaves them, and how their users log in. */
const files = ['reference-current.db', 'reference-legacy.db', 'reference-unstamped.db']
const passwords = { carol: 'correct horse carol', dave: 'correct horse dave' }

describe.each(files)('%s, served', (file) => {
  let directory: string
  let store: SqliteStore
  let server: FastifyInstance
  let url: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cq-store-'))
    const path = join(directory, 'cq.db')
    await copyFile(new URL(`../fixtures/${file}`, import.meta.url), path)
    store = await SqliteStore.open({ path, readers: 1 })
    server = await createServer({ store, jwtSecret, apiKeyPepper: 'test-pepper' })
    await server.listen({ host: '127.0.0.1', port: 0 })
    url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/api/v1`
  })
  afterAll(async () => {
    await server.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  test('its users log in with the passwords they had', async () => {
    for (const [username, password] of Object.entries(passwords)) {
      if (!(await store.getUser(username))) continue
      const answer = await fetch(`${url}/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password }),
      })
      expect(answer.status).toBe(200)
      const { token } = (await answer.json()) as { token: string }
      const headers = { authorization: `Bearer ${token}` }
      const keys = await fetch(`${url}/users/me/api-keys`, { headers })
      expect(keys.status).toBe(200)
      const queue = await fetch(`${url}/review/queue`, { headers })
      const { items, total } = (await queue.json()) as { items: unknown[]; total: number }
      expect(items).toHaveLength(total)
    }
  })

  test('its units are found, and those that are not approved are not', async () => {
    const stats = (await (await fetch(`${url}/knowledge/stats`)).json()) as {
      total_count: number
      domain_counts: Record<string, number>
    }
    expect(stats.total_count).toBeGreaterThan(0)
    for (const [domain, count] of Object.entries(stats.domain_counts)) {
      const query = new URLSearchParams({ domains: domain, limit: '50' })
      const { data } = (await (await fetch(`${url}/knowledge?${query}`)).json()) as {
        data: { id: string }[]
      }
      expect(data).toHaveLength(count)
      for (const { id } of data)
        expect(await store.getReviewStatus(id)).toMatchObject({ status: 'approved' })
    }
  })
})

test('the users of the fixtures are there to log in', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-'))
  const path = join(directory, 'cq.db')
  await copyFile(new URL('../fixtures/reference-current.db', import.meta.url), path)
  {
    await using store = await SqliteStore.open({ path, readers: 1 })
    const users = await store.listUsers()
    expect(users.map(({ username }) => username)).toEqual(['carol', 'dave'])
  }
  await rm(directory, { recursive: true, force: true })
})
