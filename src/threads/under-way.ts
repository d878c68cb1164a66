import type { PendingCall } from './pending-call.ts'

/** The batches that were sent and not answered. */
export class UnderWay<Call> {
  /**
   * Not a Set: when one outgrows its table, the old table keeps pointing at the new one, so that once one of them
   * is old, every later batch stays in memory until the next full collection.
   */
  readonly #batches: (readonly PendingCall<Call>[])[] = []

  add(batch: readonly PendingCall<Call>[]): void {
    this.#batches.push(batch)
  }

  delete(batch: readonly PendingCall<Call>[]): void {
    this.#batches.splice(this.#batches.indexOf(batch), 1)
  }

  /** How many calls there are, those that have failed meanwhile included. */
  get size(): number {
    return this.#batches.reduce((sum, batch) => sum + batch.length, 0)
  }

  /** Whether a worker has had a call for longer than that may take. */
  isLate(now: number): boolean {
    return this.#batches.some((batch) => batch.some(({ deadline }) => deadline < now))
  }

  get areSettled(): boolean {
    return this.#batches.every((batch) => batch.every(({ isSettled }) => isSettled))
  }

  /** The calls that still wait for their answer, and whose deadline has passed. */
  expired(now: number): PendingCall<Call>[] {
    return this.#batches.flat().filter(({ isSettled, deadline }) => !isSettled && deadline <= now)
  }

  get nextDeadline(): number {
    let next = Infinity
    for (const batch of this.#batches)
      for (const { isSettled, deadline } of batch)
        if (!isSettled && deadline < next) next = deadline
    return next
  }
}
