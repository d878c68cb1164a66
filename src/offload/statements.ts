import type Sqlite from 'better-sqlite3'
import { OffloadError } from '../threads/errors.ts'
import type { Changes, Statement } from './database.ts'

/** How many prepared statements are kept, twice: those used of late, and those used before. */
const mostRecent = 256
/** Longer ones, in characters, are not kept: they are mostly made for one use, and take much memory. */
const longestKept = 8_192

/** Texts, names in quotes and comments. */
const literals =
  /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g
/** Triggers hold statements, and end with `end`. */
const triggers = /\bcreate\s+(?:temp(?:orary)?\s+)?trigger\b[\s\S]*?;\s*end\b/gi
/** A statement that begins or ends a transaction. */
const transactionControl = /(?:^|;)\s*(begin|commit|end|rollback|savepoint|release)\b/i
const changesRows =
  /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*(?:insert|replace|update|delete|with)\b/i

/** Refuses SQL that would end a transaction in which others have a part. @throws {OffloadError} `invalid` */
export function requireNoTransactionControl(sql: string): void {
  const [, word] = transactionControl.exec(sql.replace(literals, ' ').replace(triggers, ' ')) ?? []
  if (word === undefined) return
  const why = `${word.toUpperCase()} can't be run as a statement: calls share transactions`
  throw new OffloadError('invalid', `${why}. Use a transaction's own methods`)
}

type Native = Sqlite.Statement<unknown[], unknown>

/** How a statement gives its rows. */
interface Mode {
  readonly rows: 'objects' | 'first columns' | 'arrays'
  readonly areSafe: boolean
}

/** What a connection knows of its statements. */
export interface StatementHost {
  /** Counts statements that may have changed something. */
  changes: number
  /** Counts statements that write, and said that they changed nothing. */
  unchanged: number
  /** @throws if the transaction is gone, so that a statement would be committed at once */
  requireTransaction(): void
  /** Rows that are being read; until they are closed, the connection can do little else. */
  iterators: Set<IterableIterator<unknown>>
}

/** The prepared statements of a connection. */
export class Statements {
  readonly #sqlite: Sqlite.Database
  readonly #host: StatementHost
  #recent = new Map<string, PreparedStatement<unknown>>()
  #earlier = new Map<string, PreparedStatement<unknown>>()

  constructor(sqlite: Sqlite.Database, host: StatementHost) {
    this.#sqlite = sqlite
    this.#host = host
  }

  get(sql: string): Statement {
    return this.#recent.get(sql) ?? this.#findOrPrepare(sql)
  }

  #findOrPrepare(sql: string): Statement {
    let statement = this.#earlier.get(sql)
    if (!statement) {
      requireNoTransactionControl(sql)
      const prepare = () => this.#sqlite.prepare<unknown[], unknown>(sql)
      statement = new PreparedStatement(prepare, this.#host)
    }
    if (sql.length > longestKept) return statement
    if (this.#recent.size >= mostRecent) {
      this.#earlier = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(sql, statement)
    return statement
  }
}

class PreparedStatement<Row> implements Statement<Row> {
  readonly sql: string
  readonly reader: boolean
  readonly readonly: boolean
  readonly #prepare: () => Native
  readonly #native: Native
  readonly #host: StatementHost
  readonly #mode: Mode
  /** The same statement in other modes: better-sqlite3 would change the mode of this one. */
  readonly #others = new Map<string, PreparedStatement<unknown>>()
  /** Whether a run that reports no changed rows has changed nothing. */
  readonly #isCounted: boolean

  constructor(
    prepare: () => Native,
    host: StatementHost,
    mode: Mode = { rows: 'objects', areSafe: false },
  ) {
    const native = nativeIn(prepare(), mode)
    this.sql = native.source
    this.reader = native.reader
    this.readonly = native.readonly
    this.#prepare = prepare
    this.#native = native
    this.#host = host
    this.#mode = mode
    this.#isCounted = changesRows.test(native.source)
  }

  run(...params: unknown[]): Changes {
    if (this.readonly) return this.#free.run(...params)
    this.#host.requireTransaction()
    // Counted first, since a statement that fails may have changed something.
    this.#host.changes++
    const changes = this.#free.run(...params)
    if (this.#isCounted && changes.changes === 0) {
      this.#host.changes--
      this.#host.unchanged++
    }
    return changes
  }

  get(...params: unknown[]): Row | undefined {
    if (!this.readonly) this.#noteWrite()
    return this.#free.get(...params) as Row | undefined
  }

  all(...params: unknown[]): Row[] {
    if (!this.readonly) this.#noteWrite()
    return this.#free.all(...params) as Row[]
  }

  iterate(...params: unknown[]): IterableIterator<Row> {
    if (!this.readonly) this.#noteWrite()
    const rows = this.#free.iterate(...params) as IterableIterator<Row>
    this.#host.iterators.add(rows)
    return rows
  }

  pluck<Value>(): Statement<Value> {
    return this.#in({ ...this.#mode, rows: 'first columns' }) as Statement<Value>
  }

  raw<Values extends unknown[]>(): Statement<Values> {
    return this.#in({ ...this.#mode, rows: 'arrays' }) as Statement<Values>
  }

  safeIntegers(): Statement<Row> {
    return this.#in({ ...this.#mode, areSafe: true }) as Statement<Row>
  }

  #noteWrite(): void {
    this.#host.requireTransaction()
    this.#host.changes++
  }

  /** The statement, or another one like it while rows of it are being read. */
  get #free(): Native {
    return this.#native.busy ? nativeIn(this.#prepare(), this.#mode) : this.#native
  }

  #in(mode: Mode): Statement {
    const key = `${mode.rows} ${mode.areSafe}`
    let other = this.#others.get(key)
    if (!other) {
      other = new PreparedStatement(this.#prepare, this.#host, mode)
      this.#others.set(key, other)
    }
    return other
  }
}

function nativeIn(native: Native, { rows, areSafe }: Mode): Native {
  if (rows === 'first columns') native.pluck()
  if (rows === 'arrays') native.raw()
  if (areSafe) native.safeIntegers()
  return native
}
