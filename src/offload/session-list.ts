import { OffloadError } from '../threads/errors.ts'
import type { Lane } from '../threads/lane.ts'
import type { Lease } from '../threads/lease.ts'
import { type Call, control } from './calls.ts'
import type { CompleteOptions } from './options.ts'
import { Session } from './session.ts'
import { decode } from './values.ts'
import type { SqliteDuties } from './worker.ts'

/** The most snapshots, streams included, at once. Each has a connection. */
const mostSnapshots = 64

/** The transactions and snapshots of a database that are open. */
export class Sessions {
  readonly #options: CompleteOptions
  readonly #writes: Lane<Call, SqliteDuties>
  readonly #reads: Lane<Call, SqliteDuties>
  readonly #open = new Set<Session>()
  #snapshots = 0
  #lastId = 0
  #isClosed = false

  constructor(
    options: CompleteOptions,
    writes: Lane<Call, SqliteDuties>,
    reads: Lane<Call, SqliteDuties>,
  ) {
    this.#options = options
    this.#writes = writes
    this.#reads = reads
  }

  get size(): number {
    return this.#open.size
  }

  /** Holds the writer for a transaction, once it has done what came before. @throws as a call */
  async begin(signal?: AbortSignal): Promise<Session> {
    const id = ++this.#lastId
    const [begin, undo] = [control('begin', id), control('roll back', id)]
    const lease = await this.#writes.hold('transaction', begin, undo, signal)
    const limit = this.#options.transactionTimeout
    return this.#add({ lease, id, name: 'transaction', limit, isIdleLimit: false })
  }

  /** Takes a snapshot on the reader that has the least to do. @throws {OffloadError} `overloaded`; as a call */
  async snapshot(): Promise<Session> {
    if (this.#snapshots >= mostSnapshots)
      throw new OffloadError('overloaded', `${mostSnapshots} snapshots are open, which is the most`)
    this.#snapshots++
    try {
      const id = ++this.#lastId
      const lease = this.#reads.share('snapshot')
      try {
        await lease.call(control('begin', id), { read: decode })
      } catch (error) {
        lease.release()
        throw error
      }
      const limit = this.#options.timeout
      return this.#add({ lease, id, name: 'snapshot', limit, isIdleLimit: true })
    } catch (error) {
      this.#snapshots--
      throw error
    }
  }

  /** Rolls all back, and any that begins from now on. */
  close(): void {
    this.#isClosed = true
    for (const session of [...this.#open]) void session.abort(closed())
  }

  #add(options: {
    readonly lease: Lease<Call>
    readonly id: number
    readonly name: 'transaction' | 'snapshot'
    readonly limit: number
    readonly isIdleLimit: boolean
  }): Session {
    const onEnd = (session: Session) => {
      this.#open.delete(session)
      if (options.name === 'snapshot') this.#snapshots--
    }
    const session = new Session({ ...options, onEnd })
    this.#open.add(session)
    if (this.#isClosed) void session.abort(closed())
    return session
  }
}

function closed(): OffloadError {
  return new OffloadError(
    'closed',
    'the database was closed, and the transaction or snapshot ended',
  )
}
