import { OffloadError } from '../threads/errors.ts'
import type { Lease } from '../threads/lease.ts'
import { type Call, type Chunk, control } from './calls.ts'
import { decode, pack } from './values.ts'

export interface SessionOptions {
  readonly lease: Lease<Call>
  /** Names the session to its worker. */
  readonly id: number
  /** As errors name it: `transaction`, `snapshot`. */
  readonly name: string
  /** How long it may last, or, where `isIdleLimit`, be left unused, in milliseconds. */
  readonly limit: number
  readonly isIdleLimit: boolean
  readonly onEnd: (session: Session) => void
}

/** Several calls on one connection: a transaction that holds the writer, or a snapshot of a reader. */
export class Session {
  readonly #options: SessionOptions
  #timer: NodeJS.Timeout
  /** Why no more calls are possible. */
  #over: OffloadError | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#timer = this.#startTimer()
  }

  /** Carries out an operation. Resolves to its result. */
  async call(operation: string, args: readonly unknown[]): Promise<unknown> {
    const { id } = this.#options
    const { values, buffers } = pack(operation, args)
    return this.#send([operation, { session: id, buffers }, ...values])
  }

  /** Sets, undoes or releases a savepoint. */
  async savepoint(what: 'savepoint' | 'roll back to' | 'release', name: string): Promise<void> {
    if (typeof name !== 'string' || name === '' || name.includes('\0'))
      throw new OffloadError('invalid', 'the name of a savepoint must be a text without NUL')
    await this.#send(control(what, this.#options.id, name))
  }

  /** Begins to read the items of an operation. */
  async stream(operation: string, args: readonly unknown[]): Promise<Chunk> {
    const { id } = this.#options
    const { values, buffers } = pack(operation, args)
    const details = { session: id, control: 'stream', buffers } as const
    return (await this.#send([operation, details, ...values])) as Chunk
  }

  async nextChunk(): Promise<Chunk> {
    return (await this.#send(control('next', this.#options.id))) as Chunk
  }

  async stopStream(): Promise<void> {
    await this.#send(control('stop', this.#options.id))
  }

  /**
   * Commits. @throws {OffloadError} `outcome_unknown` if the writer ended before it answered; why it is not
   * committed otherwise
   */
  async commit(): Promise<void> {
    this.#requireGoing()
    await this.#end('commit')
  }

  /** Undoes what was done, if the session is not over already. */
  async rollBack(): Promise<void> {
    if (this.#over) return
    try {
      await this.#end('roll back')
    } catch (error) {
      // With its worker, the transaction is gone, too.
      if (!this.#options.lease.isLost) throw error
    }
  }

  /** Ends it from outside: its calls fail with this error from now on. */
  abort(error: OffloadError): Promise<void> {
    if (this.#over) return Promise.resolve()
    // First, so that they do not get an answer that says otherwise.
    this.#options.lease.failCalls(error)
    const ended = this.rollBack().catch(() => {})
    this.#over = error
    return ended
  }

  async #send(call: Call): Promise<unknown> {
    this.#requireGoing()
    if (this.#options.isIdleLimit) this.#timer.refresh()
    const { lease } = this.#options
    try {
      return await lease.call(call, { read: decode })
    } catch (error) {
      // With its worker, what the session did is gone: there is nothing left to end.
      if (lease.isLost) this.#forget(error as OffloadError)
      throw error
    }
  }

  #forget(why: OffloadError): void {
    if (this.#over) return
    this.#over = why
    clearTimeout(this.#timer)
    this.#options.lease.release()
    this.#options.onEnd(this)
  }

  async #end(how: 'commit' | 'roll back'): Promise<void> {
    const { lease, id, name, onEnd } = this.#options
    clearTimeout(this.#timer)
    this.#over = new OffloadError('closed', `the ${name} is over`)
    try {
      const whenLost = how === 'commit' ? 'unknown' : 'undone'
      await lease.call(control(how, id), { read: decode, whenLost })
    } finally {
      lease.release()
      onEnd(this)
    }
  }

  #requireGoing(): void {
    if (this.#over) throw this.#over
  }

  #startTimer(): NodeJS.Timeout {
    const { name, limit, isIdleLimit } = this.#options
    const why = isIdleLimit
      ? `the ${name} was not used for ${limit} ms, and has ended`
      : `the ${name} took longer than ${limit} ms (transactionTimeout), and was rolled back`
    const timer = setTimeout(() => void this.abort(new OffloadError('timeout', why)), limit)
    // Others may wait for a transaction's end, with nothing else that keeps the process.
    return isIdleLimit ? timer.unref() : timer
  }
}
