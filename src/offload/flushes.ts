/** The longest time between flushes while others commit, in milliseconds. */
const longestOwed = 2_000

/**
 * Decides which commits are flushed if commits are not flushed by default: one from time to time, so that a power
 * loss takes only the last seconds. A flush includes everything that was written before.
 */
export class Flushes {
  /** Whether commits are flushed only if that is requested. */
  readonly areOwn: boolean
  /** When a commit was last flushed, by a monotonic clock in milliseconds. */
  #last = -Infinity
  /** Whether there are commits that were not flushed. */
  areOwed = false

  constructor(areOwn: boolean) {
    this.areOwn = areOwn
  }

  /** Whether the next commit is to be flushed. */
  get areDue(): boolean {
    return this.areOwn && performance.now() - this.#last > longestOwed
  }

  noteCommit(isFlushed: boolean): void {
    this.areOwed = this.areOwn && !isFlushed
    if (isFlushed) this.#last = performance.now()
  }
}
