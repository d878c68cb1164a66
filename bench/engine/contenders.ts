import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createClient } from '@libsql/client'
import { type Dialect, type Generated, Kysely, SqliteDialect, sql } from 'kysely'
import { GenericSqliteWorkerDialect } from 'kysely-generic-sqlite/worker'
import { createNodeWorkerExecutor } from 'kysely-generic-sqlite/worker-helper-node'
import { createKnowledgeUnit, SqliteStore } from '../../src/index.ts'
import { OffloadDialect } from '../../src/kysely/index.ts'
import { openOffloaded } from '../../src/offload/index.ts'
import { type Item, idOf, newItem, statements } from './item.ts'
import { openDirectly } from './open-directly.ts'

export interface OpenOptions {
  /** A database with the table, and nobody else's. */
  readonly path: string
  /** How many rows the table has. */
  readonly rows: number
  readonly durability: 'normal' | 'full'
}

/** What each contender can do, by the number of the call. */
export interface EngineContender {
  /** Reads a row; whichever it is, it must be there. */
  get(call: number): Promise<unknown> | unknown
  insert(call: number): Promise<unknown> | unknown
  /** Counts to a number. */
  count(most: number): Promise<unknown> | unknown
  close(): Promise<void> | void
}

interface Description {
  /** What it is, as the report says. */
  readonly what: string
  /** Whether calls hold up the main thread. */
  readonly blocks: boolean
  open(options: OpenOptions): Promise<EngineContender> | EngineContender
}

interface Tables {
  items: { id: Generated<number> } & Omit<Item, 'id'>
}

/** One of Kysely's queries, on whatever dialect. */
function kysely(dialect: Dialect, rows: number): EngineContender {
  const db = new Kysely<Tables>({ dialect })
  return {
    get: (call) =>
      db
        .selectFrom('items')
        .selectAll()
        .where('id', '=', idOf(call, rows))
        .executeTakeFirstOrThrow(),
    insert: (call) => db.insertInto('items').values(newItem(call)).executeTakeFirstOrThrow(),
    count: (most) => sql.raw(statements.count.replace('?', `${most}`)).execute(db),
    close: () => db.destroy(),
  }
}

const file = (name: string) => new URL(`./${name}${extname(import.meta.url)}`, import.meta.url)

export const engineContenders = {
  'better-sqlite3': {
    what: 'prepared statements on the main thread, a transaction each',
    blocks: true,
    open(options) {
      const sqlite = openDirectly(options)
      const [get, insert] = [sqlite.prepare(statements.get), sqlite.prepare(statements.insert)]
      return {
        get: (call) => get.get(idOf(call, options.rows)),
        insert(call) {
          const { tag, text, number } = newItem(call)
          return insert.run(tag, text, number)
        },
        count: (most) => sqlite.prepare(statements.count).get(most),
        close: () => void sqlite.close(),
      }
    },
  },
  'Kysely, SqliteDialect': {
    what: "Kysely's own dialect: better-sqlite3 on the main thread",
    blocks: true,
    open: (options) => kysely(new SqliteDialect({ database: openDirectly(options) }), options.rows),
  },
  'Kysely, kysely-generic-sqlite': {
    what: 'better-sqlite3 on one worker thread',
    blocks: false,
    open({ rows, ...data }) {
      const worker = new Worker(file('generic-worker'))
      const executor = createNodeWorkerExecutor({ worker, data: { ...data } })
      return kysely(new GenericSqliteWorkerDialect(executor), rows)
    },
  },
  libsql: {
    what: '`@libsql/client` on a file, which calls SQLite on the main thread',
    blocks: true,
    async open({ path, rows, durability }) {
      const client = createClient({ url: `file:${path}` })
      await client.execute('pragma journal_mode = WAL')
      await client.execute(`pragma synchronous = ${durability}`)
      return {
        async get(call) {
          const { rows: found } = await client.execute({
            sql: statements.get,
            args: [idOf(call, rows)],
          })
          return found[0]
        },
        insert(call) {
          const { tag, text, number } = newItem(call)
          return client.execute({ sql: statements.insert, args: [tag, text, number] })
        },
        count: (most) => client.execute({ sql: statements.count, args: [most] }),
        close: () => client.close(),
      }
    },
  },
  'Kysely, OffloadDialect': {
    what: 'the dialect of `cq-store/kysely`',
    blocks: false,
    open: ({ path, rows, durability }) => kysely(new OffloadDialect({ path, durability }), rows),
  },
  'typed operations': {
    what: '`cq-store/offload`',
    blocks: false,
    async open({ path, rows, durability }) {
      const operations = file('items')
      const items = await openOffloaded<typeof import('./items.ts').default>({
        path,
        durability,
        operations,
      })
      return {
        get: (call) => items.get(idOf(call, rows)),
        insert: (call) => items.insert(newItem(call)),
        count: (most) => items.count(most),
        close: () => items.close(),
      }
    },
  },
  SqliteStore: {
    what: "cq's store on the same engine: `get` and `insert` of knowledge units, of which it has as many as others rows",
    blocks: false,
    async open({ path, rows, durability }) {
      const store = await SqliteStore.open({ path: `${path}.units`, durability, rankers: 0 })
      const ids = await seed(store, rows)
      return {
        get: (call) => store.get(ids[call % ids.length] ?? ''),
        insert: (call) => store.insert(unit(call)),
        count: () => undefined,
        close: () => store.close(),
      }
    },
  },
} satisfies Record<string, Description>

export type EngineContenderName = keyof typeof engineContenders
export const engineContenderNames = Object.keys(engineContenders) as EngineContenderName[]

function unit(number: number) {
  const { tag, text } = newItem(number)
  return createKnowledgeUnit({
    domains: [tag],
    insight: { summary: 'some summary', detail: text, action: 'some action' },
  })
}

async function seed(store: SqliteStore, rows: number): Promise<string[]> {
  const ids: string[] = []
  for (let number = 0; number < rows; number += 1_000) {
    const units = Array.from({ length: 1_000 }, (_, index) => unit(number + index))
    await store.importUnits(
      units.map((knowledge_unit) => ({ knowledge_unit, status: 'approved' as const })),
    )
    ids.push(...units.map(({ id }) => id))
  }
  return ids
}
