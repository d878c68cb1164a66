import type { Connection } from './connection.ts'
import type { ReplicaFigures } from './figures.ts'

/**
 * How far the log of writes had got with this store's last commit. A position is a number that PostgreSQL writes as
 * `16/B374D848`.
 */
export class Position {
  #last = 0n
  #isKnown = true

  /** `undefined` while nobody knows. */
  get last(): bigint | undefined {
    return this.#isKnown ? this.#last : undefined
  }

  advance(position: string): void {
    const number = numberOf(position)
    if (number > this.#last) this.#last = number
    this.#isKnown = true
  }

  /** After a commit of which is not known how far the log had got, up to the next one. */
  lose(): void {
    this.#isKnown = false
  }
}

function numberOf(position: string): bigint {
  const [high = '0', low = '0'] = position.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}

export const selectPosition = 'select pg_current_wal_insert_lsn()::text as position'

/** Null on a server that is a standby no more: nobody knows what it has. */
const selectReplayed =
  'select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end::text as position'

/** How long a replica that failed is left alone, in milliseconds. */
const rest = 1_000

/** A connection to a standby, which answers reads once it has all that this store has written. */
export class Replica {
  readonly #connection: Connection
  readonly #position: Position
  readonly #figures: ReplicaFigures
  /** What it was seen to have, over the connection that was the newest then. */
  #replayed = { position: -1n, connection: -1 }
  #restsUntil = 0

  constructor(connection: Connection, position: Position, figures: ReplicaFigures) {
    this.#connection = connection
    this.#position = position
    this.#figures = figures
  }

  /**
   * Answers a read here.
   * @returns `undefined` where the primary must answer it
   */
  async answer<Result>(
    work: (connection: Connection) => Promise<Result>,
  ): Promise<Result | undefined> {
    if (performance.now() < this.#restsUntil) {
      this.#figures.failed++
      return undefined
    }
    try {
      if (!(await this.#hasAll())) {
        this.#figures.behind++
        return undefined
      }
      // Sent along with each read: a standby that was promoted has writes of its own, or lacks others'.
      const [result, { position }] = await Promise.all([work(this.#connection), this.#ask()])
      if (position === null) {
        this.#figures.behind++
        return undefined
      }
      this.#figures.answered++
      return result
    } catch {
      // The primary will tell what is wrong with the read, if that is what it was.
      this.#figures.failed++
      this.#restsUntil = performance.now() + rest
      return undefined
    }
  }

  async #hasAll(): Promise<boolean> {
    const { last } = this.#position
    if (last === undefined) return false
    const { restarts } = this.#connection
    if (this.#replayed.connection === restarts && this.#replayed.position >= last) return true
    const { position } = await this.#ask()
    if (position === null) return false
    this.#replayed = { position: numberOf(position), connection: this.#connection.restarts }
    return this.#replayed.position >= last
  }

  async #ask(): Promise<{ readonly position: string | null }> {
    const { rows } = await this.#connection.use((send) => send(selectReplayed, []))
    return rows[0] as { readonly position: string | null }
  }
}

/** A reader's connections to all standbys, which take turns. */
export class Replicas {
  readonly #all: readonly Replica[]
  #turn: number

  /** @param turn whose turn it is first */
  constructor(all: readonly Replica[], turn: number) {
    this.#all = all
    this.#turn = turn
  }

  /** As `Replica.answer`, by the next one. */
  async answer<Result>(
    work: (connection: Connection) => Promise<Result>,
  ): Promise<Result | undefined> {
    return this.#all[this.#turn++ % this.#all.length]?.answer(work)
  }
}
