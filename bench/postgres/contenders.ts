import pg from 'pg'
import type { KnowledgeUnit } from '../../src/index.ts'
import { PostgresStore } from '../../src/postgres/store.ts'
import type { Store } from '../../src/store.ts'

/** As many connections as the store reads with. */
const poolSize = 4

const selectUnit =
  "select id, data, created_at from knowledge_units where id = $1 and status = 'approved'"
const insertUnit =
  'insert into knowledge_units (id, data, created_at, tier) values ($1, $2, $3, $4)'
const insertDomains =
  'insert into knowledge_unit_domains (unit_id, domain) select $1, unnest($2::text[])'

/** What one would write by hand: a statement a call, or a transaction, on a pool of the same driver. */
export class Pool implements AsyncDisposable {
  readonly #pool: pg.Pool

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: poolSize })
    // Calls tell of lost connections, too, and these would end the process.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => {}))
  }

  async ping(): Promise<unknown> {
    return this.#pool.query('select 1')
  }

  async get(id: string): Promise<KnowledgeUnit | undefined> {
    const query = { name: 'get', text: selectUnit, values: [id] }
    const { rows } = await this.#pool.query<{ data: string }>(query)
    return rows[0] && JSON.parse(rows[0].data)
  }

  /** On the same tables as the store's, and so with its triggers. */
  async insert(unit: KnowledgeUnit): Promise<void> {
    const { id, domains, evidence, tier } = unit
    const client = await this.#pool.connect()
    try {
      await client.query('begin')
      await client.query({
        name: 'unit',
        text: insertUnit,
        values: [id, JSON.stringify(unit), evidence.first_observed, tier],
      })
      await client.query({ name: 'domains', text: insertDomains, values: [id, domains] })
      await client.query('commit')
    } finally {
      client.release()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It ends before its connections do, which would take the end of their server for a failure.
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    let open = this.#pool.totalCount
    this.#pool.on('remove', () => --open || resolve())
    await this.#pool.end()
    if (open > 0) await closed
  }
}

/** Units that are stored at once. */
const atOnce = 1_000

/** Fills a store with approved units. @param signal ends it */
export async function fill(
  store: Store,
  count: number,
  unitAt: (index: number) => KnowledgeUnit,
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0; from < count; from += atOnce) {
    signal.throwIfAborted()
    const length = Math.min(atOnce, count - from)
    const units = Array.from({ length }, (_, place) => unitAt(from + place))
    await store.importUnits(
      units.map((knowledge_unit) => ({ knowledge_unit, status: 'approved', reviewed_by: 'bench' })),
    )
  }
}

export function openStore(url: string): Promise<PostgresStore> {
  return PostgresStore.open({ url })
}
