import type { ConnectionOptions } from 'node:tls'
import { checker } from '../knowledge/validation.ts'
import { longestTimer } from '../offload/options.ts'
import type { Log } from '../threads/log.ts'

/** How a `PostgresStore` is opened. */
export interface PostgresStoreOptions {
  /**
   * The database: `postgresql://user:password@host:5432/database`, as libpq and cq's reference server
   * (`postgresql+psycopg://`) spell it. What it leaves out comes from libpq's variables (`PGHOST`, `PGPASSWORD` and
   * so on). A Unix socket is named by `?host=/var/run/postgresql`. The database must exist, and be encoded in UTF8.
   */
  readonly url: string
  /**
   * Connections that read. There is one more that writes, and one that answers queries and statistics.
   * @default 4
   */
  readonly connections?: number | undefined
  /**
   * Whether statements are prepared once on each connection. Set it to `false` for a pooler that hands out
   * connections by transaction, such as PgBouncer: then each is parsed anew, and no setting is made for a session.
   * In the URL: `?prepared_statements=false`. @default true
   */
  readonly preparedStatements?: boolean | undefined
  /**
   * Whether statements are sent without waiting for the answers to those before. Set it to `false` for a pooler
   * that does not support that, such as Supavisor. In the URL: `?pipeline=false`. @default true
   */
  readonly pipeline?: boolean | undefined
  /**
   * Make tables that are missing, and migrate those that lack steps of the schema. If `false`, opening such a
   * database fails with `migration_needed`. @default true
   */
  readonly migrate?: boolean | undefined
  /**
   * Threads that answer queries and statistics, each with a connection and all approved units in memory, some 146
   * bytes each. With 0, nothing is loaded and such calls fail with `unavailable`. @default 1
   */
  readonly rankers?: number | undefined
  /**
   * The most calls that may wait for the writing connection, for the reading ones, and for the ranker. One more
   * fails with `overloaded` at once. @default 10000
   */
  readonly maxQueue?: number | undefined
  /**
   * The most text of writes that wait or are under way, in characters; one more fails with `overloaded`, unless it
   * is the only one. @default 67108864 (64 MiB)
   */
  readonly maxQueueBytes?: number | undefined
  /**
   * How long a call may take, in milliseconds. Then it fails: with `timeout` if it had no effect, with
   * `outcome_unknown` if it is a write that was sent. A connection that is silent for so long is replaced.
   * @default 30000
   */
  readonly timeout?: number | undefined
  /**
   * TLS, as Node's `tls.connect` takes it, or whether to use it; it wins over `sslmode` in the URL. There, `require`
   * encrypts and checks nothing, as in libpq; `verify-ca` and `verify-full` check the server's certificate.
   */
  readonly ssl?: boolean | ConnectionOptions | undefined
  /**
   * Streaming standbys of the database, as URLs: point reads, listings and exports go there in turn where the standby
   * has all that this store has committed, and to the primary where it has not, or does not answer. So a store reads
   * its own writes; those of other servers may be seen later there. Queries and statistics stay on the primary.
   * @default none
   */
  readonly replicas?: readonly string[] | undefined
  /** Where lost connections, and failures that no caller waits for, are logged. @default process warnings */
  readonly log?: Log | undefined
}

const positive = { type: 'integer', minimum: 1 } as const

/** @throws {StoreError} `invalid` for an option that is unknown or out of range */
export const checkStoreOptions = checker<PostgresStoreOptions>('options of PostgresStore', {
  type: 'object',
  required: ['url'],
  properties: {
    url: { type: 'string' },
    connections: { type: 'integer', minimum: 1, maximum: 64 },
    preparedStatements: { type: 'boolean' },
    pipeline: { type: 'boolean' },
    migrate: { type: 'boolean' },
    rankers: { type: 'integer', minimum: 0, maximum: 64 },
    maxQueue: positive,
    maxQueueBytes: positive,
    timeout: { type: 'integer', minimum: 1, maximum: longestTimer },
    ssl: { type: ['boolean', 'object'] },
    replicas: { type: 'array', items: { type: 'string' }, maxItems: 16 },
    log: { type: 'object', required: ['warn', 'error'] },
  },
  additionalProperties: false,
})
