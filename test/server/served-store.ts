import { createHmac, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import { PostgresStore } from '../../src/postgres/store.ts'
import { createServer, type ServerOptions } from '../../src/server/server.ts'
import type { SqliteStoreOptions } from '../../src/sqlite/options.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import type { Store } from '../../src/store.ts'
import { dropDatabase, makeDatabase } from '../postgres/databases.ts'
import { Documented, type OpenApi } from './documented.ts'

export const jwtSecret = 'signs what the tests of the server log in with'
export const apiKeyPepper = 'hashes the keys that these tests write with'
export const password = 'correct horse carol'
/** Of `password`, at the lowest cost: hundreds of logins are no test of bcrypt. */
export const passwordHash = '$2b$04$Z1yFT/BVuk5JoXCM/iLA8uFenNFHrJLSQfM52UnU5tFuiOYCSZbGa'

export interface ServeOptions {
  readonly store?: Partial<SqliteStoreOptions>
  readonly server?: Partial<ServerOptions>
  /** The time, for the store and the server. */
  readonly now?: () => Date
}

/** A server on a free port of this machine, over a store of its own in a temporary file. */
export class ServedStore implements AsyncDisposable {
  readonly url: string
  readonly store: Store
  readonly #dispose: () => Promise<void>
  #documented: Promise<Documented> | undefined

  constructor(url: string, store: Store, dispose: () => Promise<void>) {
    this.url = url
    this.store = store
    this.#dispose = dispose
  }

  /** A request to the server, by path. Its answer is checked against the OpenAPI document. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await fetch(this.url + path, init)
    const type = answer.headers.get('content-type') ?? ''
    if (type.startsWith('application/json') && init.method !== 'HEAD') {
      const documented = await this.documented()
      const body: unknown = await answer.clone().json()
      // Where it came from, after any redirect.
      const url = answer.url.slice(this.url.length)
      const fault = documented.fault(init.method ?? 'GET', url, answer.status, body)
      if (fault) throw new Error(`${init.method ?? 'GET'} ${path}: ${fault}`)
    }
    return answer
  }

  /** What the server's OpenAPI document promises. */
  documented(): Promise<Documented> {
    this.#documented ??= fetch(`${this.url}/openapi.json`)
      .then((answer) => answer.json() as Promise<OpenApi>)
      .then((document) => new Documented(document))
    return this.#documented
  }

  /** A request with a credential and, where given, a body as JSON. */
  send(method: string, path: string, token?: string, body?: unknown): Promise<Response> {
    return this.ask(path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  /** Adds a user whose password is `password`, and logs them in. */
  async login(username = `user-${randomUUID()}`): Promise<string> {
    if (!(await this.store.getUser(username))) await this.store.createUser(username, passwordHash)
    const answer = await this.send('POST', '/api/v1/auth/login', undefined, { username, password })
    if (answer.status !== 200) throw new Error(`login answered ${answer.status}`)
    return ((await answer.json()) as { token: string }).token
  }

  /** Adds an API key of a user, made if need be. */
  async apiKey(username = `user-${randomUUID()}`, ttlSeconds = 3600): Promise<string> {
    if (!(await this.store.getUser(username))) await this.store.createUser(username, passwordHash)
    const userId = (await this.store.getUser(username))?.id as number
    const keyId = randomUUID().replaceAll('-', '')
    const secret = keyId.replaceAll(/[0189]/g, '7').padEnd(52, 'a')
    await this.store.createApiKey({
      keyId,
      userId,
      name: 'test',
      labels: [],
      keyPrefix: secret.slice(0, 8),
      keyHash: createHmac('sha256', apiKeyPepper).update(secret).digest('hex'),
      ttl: '1h',
      expiresAt: new Date(Date.now() + ttlSeconds * 1000).toISOString(),
    })
    return `cqa.v1.${keyId}.${secret}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose()
  }
}

export async function serveStore(options: ServeOptions = {}): Promise<ServedStore> {
  const { store, remove } = await openStore(options)
  const server = await createServer({
    store,
    jwtSecret,
    apiKeyPepper,
    ...internalOptions({ now: options.now }),
    ...options.server,
  }).catch(async (error: unknown) => {
    await store.close()
    await remove()
    throw error
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  return new ServedStore(url, store, async () => {
    await server.close()
    await store.close()
    await remove()
  })
}

interface OpenedStore {
  readonly store: Store
  /** Removes what it was stored in. */
  readonly remove: () => Promise<void>
}

/** A store of the engine that the tests are run for, see `vitest.config.ts`. */
async function openStore({ store: given, now }: ServeOptions): Promise<OpenedStore> {
  const internal = internalOptions({ now })
  if (inject('engine') === 'postgres') {
    const { maxQueue, maxQueueBytes, timeout, log, rankers } = given ?? {}
    const url = await makeDatabase()
    const limits = { maxQueue, maxQueueBytes, timeout, log, rankers }
    const store = await PostgresStore.open({ url, connections: 1, ...internal, ...limits })
    return { store, remove: () => dropDatabase(url) }
  }
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-'))
  const path = join(directory, 'cq.db')
  const store = await SqliteStore.open({ path, readers: 1, ...internal, ...given })
  return { store, remove: () => rm(directory, { recursive: true, force: true }) }
}
