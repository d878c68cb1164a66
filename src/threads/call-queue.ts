import type { PendingCall } from './pending-call.ts'

/** Calls that wait for a worker, in the order in which they came. */
export class CallQueue<Call> {
  /** Calls that travel in batches. */
  readonly #shared: PendingCall<Call>[] = []
  /** Calls that get a worker to themselves. */
  readonly #exclusive: PendingCall<Call>[] = []

  get shared(): number {
    return this.#shared.length
  }

  get exclusive(): number {
    return this.#exclusive.length
  }

  get size(): number {
    return this.#shared.length + this.#exclusive.length
  }

  add(pending: PendingCall<Call>, isExclusive: boolean): void {
    const queue = isExclusive ? this.#exclusive : this.#shared
    queue.push(pending)
  }

  /** Has calls wait again, exclusively, at the places that they had. */
  addAgain(calls: readonly PendingCall<Call>[]): void {
    this.#exclusive.push(...calls)
    this.#exclusive.sort((one, other) => one.ticket - other.ticket)
  }

  takeExclusive(): PendingCall<Call> | undefined {
    return this.#exclusive.shift()
  }

  /** The next batch: at least one call, at most `most`, and no heavier than `mostWeight` if more than one. */
  takeShared(most: number, mostWeight: number): PendingCall<Call>[] {
    let weight = 0
    let count = 0
    for (const pending of this.#shared) {
      weight += pending.weight
      if (count === most || (count > 0 && weight > mostWeight)) break
      count++
    }
    return this.#shared.splice(0, count)
  }

  /** Takes out a call; whether it was still waiting. */
  remove(pending: PendingCall<Call>): boolean {
    for (const queue of [this.#shared, this.#exclusive]) {
      const place = queue.indexOf(pending)
      if (place < 0) continue
      queue.splice(place, 1)
      return true
    }
    return false
  }

  takeAll(): PendingCall<Call>[] {
    return [...this.#shared.splice(0), ...this.#exclusive.splice(0)]
  }

  /** Takes out the calls whose deadline has passed. */
  takeExpired(now: number): PendingCall<Call>[] {
    const expired: PendingCall<Call>[] = []
    for (const queue of [this.#shared, this.#exclusive])
      while (queue[0] !== undefined && queue[0].deadline <= now)
        expired.push(queue.shift() as PendingCall<Call>)
    return expired
  }

  get nextDeadline(): number {
    const [shared, exclusive] = [this.#shared[0], this.#exclusive[0]]
    return Math.min(shared?.deadline ?? Infinity, exclusive?.deadline ?? Infinity)
  }
}
