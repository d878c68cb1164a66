import { OffloadError } from '../threads/errors.ts'
import type { BatchReply } from '../threads/reply.ts'
import { Answers } from './answers.ts'
import { type Respondent, resultOf, run, runOrUndo } from './batch.ts'
import type { Call, CallDetails, Chunk } from './calls.ts'
import type { Connection } from './connection.ts'
import { translated } from './errors.ts'
import { decode } from './values.ts'

/** Connections for snapshots that are kept open until one is needed again. */
const mostSpare = 4
/** A chunk ends with the item that exceeds one of these: items, or milliseconds. */
const mostItems = 1_000
const longestChunk = 4
/** Pages that a backup copies at once: 4 MiB. */
const pagesAtOnce = 1_024

/** A transaction of the writer, or a snapshot of a reader, for several calls. */
interface Session {
  readonly respondent: Respondent
  items?: Iterator<unknown> | undefined
}

/** Carries out calls that belong to a session. In a reader each session has a connection of its own. */
export class Sessions {
  readonly #respondent: Respondent
  readonly #connect: () => Connection
  readonly #open = new Map<number, Session>()
  readonly #spare: Connection[] = []
  #isBackingUp = false

  /** @param connect opens one more connection of the same kind */
  constructor(respondent: Respondent, connect: () => Connection) {
    this.#respondent = respondent
    this.#connect = connect
  }

  /** Whether a later call ends the transaction that the worker's own connection may be in. */
  get mayBeInTransaction(): boolean {
    return (
      this.#isBackingUp || (this.#respondent.connection.access === 'write' && this.#open.size > 0)
    )
  }

  answer(call: Call, details: CallDetails): BatchReply | Promise<BatchReply> {
    if (details.control === 'backup') return this.#backUp(String(call[2]))
    const session = this.#open.get(details.session ?? 0)
    const { connection } = session?.respondent ?? this.#respondent
    const perform = () => this.#perform(call, details)
    return Answers.of(perform, () => connection.takeNotices())
  }

  close(): void {
    for (const { respondent } of this.#open.values()) respondent.connection.transactions.rollBack()
    const connections = [...this.#open.values()].map(({ respondent }) => respondent.connection)
    for (const connection of [...connections, ...this.#spare])
      if (connection !== this.#respondent.connection) connection.close()
    this.#open.clear()
    this.#spare.length = 0
  }

  #perform(call: Call, { control, session: id = 0 }: CallDetails): unknown {
    if (control === 'begin') return this.#begin(id)
    const session = this.#open.get(id)
    if (!session) throw new OffloadError('unavailable', 'the transaction or snapshot is over')
    const { connection } = session.respondent
    const { transactions, sqlite } = connection
    // What came next would be committed at once.
    const isEnd = control === 'commit' || control === 'roll back'
    if (!isEnd && !sqlite.inTransaction) throw new OffloadError('unavailable', undoneBySqlite)
    switch (control) {
      case undefined:
        return this.#run(session, call)
      case 'commit':
      case 'roll back':
        return this.#end(id, session, control === 'commit')
      case 'stream':
        return this.#read(session, call)
      case 'next':
        return this.#chunk(session)
      case 'stop':
        return this.#stop(session)
      case 'savepoint':
      case 'roll back to':
      case 'release': {
        const what = { savepoint: 'savepoint', 'roll back to': 'rollback to', release: 'release' }
        const name = `"${String(call[2]).replaceAll('"', '""')}"`
        return void transactions.control(`${what[control]} ${name}`)
      }
    }
  }

  #begin(id: number): void {
    const connection =
      this.#respondent.connection.access === 'write'
        ? this.#respondent.connection
        : (this.#spare.pop() ?? this.#connect())
    connection.transactions.begin()
    this.#open.set(id, { respondent: { ...this.#respondent, connection } })
  }

  #run({ respondent }: Session, call: Call): unknown {
    const { connection } = respondent
    // While rows are being read, better-sqlite3 lets nothing write, so that there is nothing to undo.
    const isReading = connection.iterators.size > 0
    const perform = connection.access === 'write' && !isReading ? runOrUndo : run
    const { value, form } = perform(respondent, call)
    return decode(value, form)
  }

  #end(id: number, session: Session, isCommit: boolean): void {
    const { connection } = session.respondent
    this.#stop(session)
    this.#open.delete(id)
    if (isCommit) {
      if (!connection.sqlite.inTransaction) throw new OffloadError('unavailable', undoneBySqlite)
      connection.transactions.commit()
    } else connection.transactions.rollBack()
    if (connection === this.#respondent.connection) return
    if (this.#spare.length < mostSpare) this.#spare.push(connection)
    else connection.close()
  }

  #read(session: Session, call: Call): Chunk {
    if (session.items)
      throw new OffloadError('invalid', 'a transaction or snapshot reads one stream at a time')
    const items = resultOf(session.respondent, call) as Iterable<unknown>
    session.items = items[Symbol.iterator]()
    return this.#chunk(session)
  }

  #chunk(session: Session): Chunk {
    const { items } = session
    const chunk: unknown[] = []
    if (!items) return { items: chunk, isLast: true }
    const end = performance.now() + longestChunk
    try {
      do {
        const { done, value } = items.next()
        if (done) {
          this.#stop(session)
          return { items: chunk, isLast: true }
        }
        chunk.push(value)
      } while (chunk.length < mostItems && performance.now() < end)
    } catch (error) {
      this.#stop(session)
      throw error
    }
    return { items: chunk, isLast: false }
  }

  #stop(session: Session): void {
    const { items } = session
    session.items = undefined
    try {
      items?.return?.()
    } finally {
      session.respondent.connection.closeIterators()
    }
  }

  async #backUp(destination: string): Promise<BatchReply> {
    const { connection } = this.#respondent
    let failure: unknown
    this.#isBackingUp = true
    connection.transactions.begin()
    try {
      await connection.sqlite.backup(destination, { progress: () => pagesAtOnce })
    } catch (error) {
      failure = translated(error)
    } finally {
      connection.transactions.rollBack()
      this.#isBackingUp = false
    }
    return Answers.of(
      () => {
        if (failure !== undefined) throw failure
      },
      () => undefined,
    )
  }
}

const undoneBySqlite = 'SQLite has rolled the transaction back, since a statement of it failed'
