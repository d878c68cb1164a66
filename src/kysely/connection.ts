import type {
  AbortableOperationOptions,
  CompiledQuery,
  DatabaseConnection,
  QueryResult,
  TransactionSettings,
} from 'kysely'
import { OffloadError, type Snapshot, type Transaction } from '../offload/index.ts'
import type { Answer, DialectDatabase, DialectDefinitions } from './operations.ts'
import type { Routes } from './routes.ts'

/** What a connection is in: nothing, a transaction of the writer, or a snapshot of a reader. */
type Session =
  | { readonly isReadOnly: false; readonly calls: Transaction<DialectDefinitions> }
  | { readonly isReadOnly: true; readonly calls: Snapshot<DialectDefinitions> }

/** What Kysely takes for a connection: outside a transaction each statement finds its own. */
export class OffloadConnection implements DatabaseConnection {
  readonly #database: DialectDatabase
  readonly #routes: Routes
  readonly #isReadOnly: boolean
  #session: Session | undefined

  constructor(database: DialectDatabase, routes: Routes, isReadOnly: boolean) {
    this.#database = database
    this.#routes = routes
    this.#isReadOnly = isReadOnly
  }

  async executeQuery<Row>(
    { sql, parameters }: CompiledQuery,
    { signal }: AbortableOperationOptions = {},
  ): Promise<QueryResult<Row>> {
    const session = this.#session
    if (session) return toResult(await runIn(session, sql, parameters))
    const calls = signal ? this.#database.with({ signal }) : this.#database
    switch (this.#isReadOnly ? 'read' : this.#routes.of(sql)) {
      case 'write':
        return toResult(await calls.run(sql, parameters))
      case 'alone':
        return toResult(await calls.runAlone(sql, parameters))
      case 'read': {
        const rows = await this.#query(calls, sql, parameters)
        if (rows) return { rows: rows as Row[] }
        return toResult(await calls.run(sql, parameters))
      }
    }
  }

  async *streamQuery<Row>(
    { sql, parameters }: CompiledQuery,
    chunkSize: number,
  ): AsyncIterableIterator<QueryResult<Row>> {
    const calls = this.#session?.calls ?? this.#database
    let rows: Row[] = []
    for await (const row of calls.rows(sql, parameters)) {
      rows.push(row as Row)
      if (rows.length < chunkSize) continue
      yield { rows }
      rows = []
    }
    if (rows.length > 0) yield { rows }
  }

  /** Begins a transaction, or takes a snapshot if it is to be read only. Any isolation level is met: all is serial. */
  async begin({ accessMode }: TransactionSettings): Promise<void> {
    this.#session =
      accessMode === 'read only'
        ? { isReadOnly: true, calls: await this.#database.snapshot() }
        : { isReadOnly: false, calls: await this.#database.begin() }
  }

  async commit(): Promise<void> {
    const session = this.#takeSession()
    await (session.isReadOnly ? session.calls.close() : session.calls.commit())
  }

  async rollBack(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    await session?.calls[Symbol.asyncDispose]()
  }

  async savepoint(what: 'savepoint' | 'rollbackTo' | 'release', name: string): Promise<void> {
    const session = this.#session
    if (!session) throw new OffloadError('invalid', 'there is no transaction')
    // A snapshot has nothing to undo.
    if (!session.isReadOnly) await session.calls[what](name)
  }

  /** The rows of a query; `undefined` if the writer is to run it. */
  async #query(
    calls: Pick<DialectDatabase, 'query'>,
    sql: string,
    parameters: readonly unknown[],
  ): Promise<unknown[] | undefined> {
    try {
      const rows = await calls.query(sql, parameters)
      if (!rows) this.#routes.noteWrite(sql)
      return rows
    } catch (error) {
      // A reader does not know temporary tables and attached databases, which the writer may have.
      if (this.#isReadOnly || (error as OffloadError).code !== 'SQLITE_ERROR') throw error
      return undefined
    }
  }

  #takeSession(): Session {
    const session = this.#session
    if (!session) throw new OffloadError('invalid', 'there is no transaction to commit')
    this.#session = undefined
    return session
  }
}

async function runIn(
  session: Session,
  sql: string,
  parameters: readonly unknown[],
): Promise<Answer> {
  if (!session.isReadOnly) return session.calls.run(sql, parameters)
  const rows = await session.calls.query(sql, parameters)
  if (rows) return { rows }
  throw new OffloadError(
    'read_only',
    'the transaction is read only, and SQLite says that the statement may change something',
  )
}

function toResult<Row>(answer: Answer): QueryResult<Row> {
  if ('rows' in answer) return { rows: answer.rows as Row[] }
  const [changes, lastInsertRowid] = answer.changes
  return { insertId: BigInt(lastInsertRowid), numAffectedRows: BigInt(changes), rows: [] }
}
