import type { DatabaseConnection, Driver, TransactionSettings } from 'kysely'
import { OffloadConnection } from './connection.ts'
import type { DialectDatabase } from './operations.ts'
import { Routes } from './routes.ts'

/** Opens and closes the database, and begins and ends transactions. */
export class OffloadDriver implements Driver {
  readonly #open: () => Promise<DialectDatabase>
  readonly #close: () => Promise<void>
  readonly #isReadOnly: boolean
  readonly #routes = new Routes()
  #database: DialectDatabase | undefined

  constructor(
    open: () => Promise<DialectDatabase>,
    close: () => Promise<void>,
    isReadOnly: boolean,
  ) {
    this.#open = open
    this.#close = close
    this.#isReadOnly = isReadOnly
  }

  async init(): Promise<void> {
    this.#database = await this.#open()
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    this.#database ??= await this.#open()
    return new OffloadConnection(this.#database, this.#routes, this.#isReadOnly)
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    // If Kysely could not end it.
    await ours(connection).rollBack()
  }

  beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return ours(connection).begin(settings)
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return ours(connection).commit()
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return ours(connection).rollBack()
  }

  savepoint(connection: DatabaseConnection, name: string): Promise<void> {
    return ours(connection).savepoint('savepoint', name)
  }

  rollbackToSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    return ours(connection).savepoint('rollbackTo', name)
  }

  releaseSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    return ours(connection).savepoint('release', name)
  }

  async destroy(): Promise<void> {
    await this.#close()
  }
}

function ours(connection: DatabaseConnection): OffloadConnection {
  return connection as OffloadConnection
}
