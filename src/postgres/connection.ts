import { createHash } from 'node:crypto'
import type { Client, ClientConfig, QueryConfig, QueryResult } from 'pg'
import { StoreError } from '../errors.ts'
import type { NewClient } from './driver.ts'
import { ConnectionLost, endsConnection, isServerError, isStalePlan } from './errors.ts'

/** How connections are made. */
export interface ConnectionSettings {
  readonly config: ClientConfig
  readonly preparedStatements: boolean
  readonly pipeline: boolean
  /** How long the server may be silent, in milliseconds. */
  readonly timeout: number
  /** How long connecting may take, in milliseconds. @default timeout */
  readonly connectTimeout?: number
}

type Row = Record<string, unknown>
type Result = QueryResult<Row>

/** What a statement answered: its rows, or how many it changed. */
export interface Answer {
  readonly rows: Row[]
  readonly changes: number
  /** What was done: `COMMIT`, or `ROLLBACK` where the transaction had failed before. */
  readonly command: string
}

/** Sends a statement, and resolves to its answer. */
export type Send = (sql: string, values?: readonly unknown[]) => Promise<Answer>

/** A connection that is made when it is needed, and made anew after it was lost. */
export class Connection {
  readonly #settings: ConnectionSettings
  readonly #newClient: NewClient
  /** Told of a connection that was lost while nobody used it, and of each that was lost in use. */
  readonly #onLost: (error: Error) => void
  #client: Promise<Client> | undefined
  /** Why those were given up that were. */
  readonly #givenUp = new WeakMap<Client, Error>()
  /** The statement before, where one is sent only once that is answered. */
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false
  /** How often it was made anew. */
  restarts = -1
  /** Whether it could be made when that was last tried. */
  isReachable = true

  constructor(
    newClient: NewClient,
    settings: ConnectionSettings,
    onLost: (error: Error) => void = () => {},
  ) {
    this.#newClient = newClient
    this.#settings = settings
    this.#onLost = onLost
  }

  /** How long the server may be silent, in milliseconds. */
  get timeout(): number {
    return this.#settings.timeout
  }

  /**
   * Does work over the connection.
   * @throws what the work throws; the connection is given up if that is `ConnectionLost`, as it also is if the server
   * is silent for longer than it may be
   */
  async use<Result>(work: (send: Send) => Promise<Result>): Promise<Result> {
    const { timeout } = this.#settings
    const late = Promise.withResolvers<never>()
    let given: Client | undefined
    let isLate = false
    let isOver = false
    let net: NodeJS.Timeout | undefined
    const timer = setTimeout(() => {
      isLate = true
      const why = `PostgreSQL did not answer within ${timeout} ms`
      const error = new ConnectionLost(why, { wasSilent: true })
      if (!given) {
        late.reject(error)
        return
      }
      // Whoever waits for an answer is told so, and knows what it means where they were.
      this.#giveUp(given, error)
      const unended = new StoreError(
        'outcome_unknown',
        `${why}, and what was under way did not end`,
      )
      net = setTimeout(() => late.reject(unended), mostEnding)
    }, timeout)
    const done = this.#connected().then((client) => {
      // Whoever wanted this was told that it was not done.
      if (isLate) throw new ConnectionLost('the connection was made too late', { wasSilent: true })
      given = client
      return work(async (sql, values) => {
        const answer = await this.#send(client, sql, values)
        // It would start a timer again that was stopped, for what nobody waits for.
        if (!isOver) timer.refresh()
        return answer
      })
    })
    try {
      return await Promise.race([done, late.promise])
    } catch (error) {
      if (given && error instanceof ConnectionLost) this.#giveUp(given, error)
      throw error
    } finally {
      isOver = true
      clearTimeout(timer)
      clearTimeout(net)
      // The loser of the race may still fail, and nobody waits for it.
      done.catch(() => {})
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const client = await this.#client?.catch(() => undefined)
    if (!client) return
    const ended = client.end().catch(() => {})
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, mostEnding)
    await Promise.race([ended, late])
    clearTimeout(timer)
    destroy(client)
  }

  #connected(): Promise<Client> {
    if (this.#isClosed) return Promise.reject(new ConnectionLost('the connection is closed'))
    if (this.#client) return this.#client
    const connecting = this.#connect()
    this.#client = connecting
    connecting.catch(() => {
      if (this.#client === connecting) this.#client = undefined
    })
    return connecting
  }

  async #connect(): Promise<Client> {
    const { config, pipeline, preparedStatements, timeout } = this.#settings
    const { connectTimeout = timeout } = this.#settings
    const client = this.#newClient({
      ...config,
      connectionTimeoutMillis: connectTimeout,
      keepAlive: true,
      application_name: 'cq-store',
      pipeline,
      // A pooler may refuse settings of a session.
      ...(preparedStatements && {
        statement_timeout: timeout,
        idle_in_transaction_session_timeout: timeout,
      }),
    } as ClientConfig)
    // Without a listener, an error of an idle connection would end the process.
    client.on('error', (error) => this.#forget(client, error))
    client.on('end', () => this.#forget(client, new ConnectionLost('the connection has ended')))
    try {
      await client.connect()
      // What is prepared once is to be planned once, too; otherwise each lookup of several keys is planned anew.
      if (preparedStatements)
        await client.query('set plan_cache_mode = force_generic_plan')
        // A process may end while connections are idle; while one is used, the timer keeps it.
      ;(client as unknown as { unref(): void }).unref()
    } catch (error) {
      destroy(client)
      this.isReachable = false
      throw lost('PostgreSQL cannot be reached', error)
    }
    this.isReachable = true
    this.restarts++
    return client
  }

  async #send(client: Client, sql: string, values?: readonly unknown[]): Promise<Answer> {
    const { preparedStatements } = this.#settings
    const name = preparedStatements && values ? { name: nameOf(sql) } : {}
    const query = { text: sql, ...name, ...(values && { values: values as unknown[] }) }
    try {
      return toAnswer(await this.#ask(client, query))
    } catch (error) {
      // The next try is on a new connection. It is not left to the server to end this one: a function may raise any code.
      if (isStalePlan(error) || endsConnection(error)) this.#giveUp(client, error as Error)
      if (isServerError(error)) throw error
      throw this.#givenUp.get(client) ?? lost('the connection to PostgreSQL was lost', error)
    }
  }

  #ask(client: Client, query: QueryConfig): Promise<Result | Result[]> {
    if (this.#settings.pipeline) return client.query(query)
    // The driver's own queue is for pipelines only.
    const answered = this.#last.then(() => client.query<Row>(query))
    this.#last = answered.catch(() => {})
    return answered
  }

  #giveUp(client: Client, error: Error): void {
    this.#givenUp.set(client, error)
    this.#forget(client, error)
    destroy(client)
  }

  #forget(client: Client, error: Error): void {
    const current = this.#client
    void current?.then(
      (known) => {
        if (known !== client || this.#client !== current) return
        this.#client = undefined
        if (!this.#isClosed) this.#onLost(error)
      },
      () => {},
    )
  }
}

/** How long a connection may take to end in order, in milliseconds. */
const mostEnding = 1_000

function lost(what: string, cause: unknown): ConnectionLost {
  const words = cause instanceof Error ? cause.message || String(cause) : String(cause)
  const why = isServerError(cause) ? `${cause.code}: ${words}` : words
  return new ConnectionLost(`${what}: ${why}`, { cause })
}

function destroy(client: Client): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}

/** Several statements that were sent as one text have several results, of which the last one counts. */
function toAnswer(results: Result | Result[]): Answer {
  const { rows, rowCount, command } = [results].flat().at(-1) as Result
  return { rows, changes: rowCount ?? 0, command }
}

const names = new Map<string, string>()

/** A name for a prepared statement, which may have 63 bytes. */
function nameOf(sql: string): string {
  const known = names.get(sql)
  if (known) return known
  const name = `cq_${createHash('sha256').update(sql).digest('hex').slice(0, 24)}`
  names.set(sql, name)
  return name
}
