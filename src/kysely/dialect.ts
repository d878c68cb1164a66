import { extname } from 'node:path'
import type { Dialect, DialectAdapter, Driver, Kysely, QueryCompiler } from 'kysely'
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { type OffloadOptions, openOffloaded } from '../offload/index.ts'
import { OffloadDriver } from './driver.ts'
import type { DialectData, DialectDatabase, DialectOperations } from './operations.ts'

/** How the database of a dialect is opened: as any other one, with operations of its own. */
export interface OffloadDialectOptions
  extends Omit<OffloadOptions, 'operations' | 'data' | 'indexers'> {
  /** Whether integers are read as BigInts. @default false */
  readonly safeIntegers?: boolean | undefined
  /**
   * A file whose default export is called with each connection, to add functions to SQL or set PRAGMAs:
   * `new URL('./connection.js', import.meta.url)`.
   */
  readonly connection?: URL | undefined
}

// '.ts' from source, '.js' once built: the file is at the same place in both trees.
const operations = new URL(`../../workers/kysely${extname(import.meta.url)}`, import.meta.url)

/**
 * A dialect of Kysely in the place of its `SqliteDialect`, whose SQL runs on worker threads: queries on several
 * readers, everything else on one writer, which commits what comes together in one transaction.
 *
 * A transaction holds the writer (`BEGIN IMMEDIATE`) for at most `transactionTimeout`. A transaction that is
 * `read only` is a snapshot on a reader, and holds nobody up.
 */
export class OffloadDialect implements Dialect {
  readonly #options: OffloadDialectOptions
  #opened: Promise<DialectDatabase> | undefined

  constructor(options: OffloadDialectOptions) {
    this.#options = options
  }

  /** The database, for its figures, backups and health. It is opened by this, or by the first query. */
  database(): Promise<DialectDatabase> {
    if (!this.#opened) {
      const { safeIntegers = false, connection, ...options } = this.#options
      const data: DialectData = { safeIntegers, connection: connection?.href }
      this.#opened = openOffloaded<DialectOperations>({ ...options, operations, data })
      // Tried again by whoever needs it next.
      this.#opened.catch(() => {
        this.#opened = undefined
      })
    }
    return this.#opened
  }

  createDriver(): Driver {
    const open = () => this.database()
    const close = async () => {
      const opened = this.#opened
      this.#opened = undefined
      await (await opened)?.close()
    }
    return new OffloadDriver(open, close, this.#options.readOnly ?? false)
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return new OffloadAdapter()
  }

  // biome-ignore lint/suspicious/noExplicitAny: as Kysely's own
  createIntrospector(db: Kysely<any>): SqliteIntrospector {
    return new SqliteIntrospector(db)
  }
}

/** As for SQLite on one connection, but that statements run side by side. */
class OffloadAdapter extends SqliteAdapter {
  /** Resolves when nobody migrates. */
  #lock = Promise.resolve()
  #unlock = () => {}

  override get supportsMultipleConnections(): boolean {
    return true
  }

  override async acquireMigrationLock(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = this.#lock
    this.#lock = promise
    await before
    this.#unlock = resolve
  }

  override async releaseMigrationLock(): Promise<void> {
    this.#unlock()
  }
}
