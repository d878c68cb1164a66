/** For so long at most nothing is flushed that was committed while others commit, in milliseconds. */
const longestOwed = 2_000

/**
 * When a connection whose commits don't wait for the disk is to wait for it all the same: once in a while, so
 * that a power loss takes moments and no more. A flush presses everything to the disk that was written before.
 */
export class Flushes {
  /** Whether commits wait for the disk only where they are told to. */
  readonly areOwn: boolean
  /** When a commit last waited, in milliseconds of a clock that never goes back. */
  #last = -Infinity
  /** Whether something was committed that was not flushed. */
  areOwed = false

  constructor(areOwn: boolean) {
    this.areOwn = areOwn
  }

  /** Whether the next commit is to wait. */
  get areDue(): boolean {
    return this.areOwn && performance.now() - this.#last > longestOwed
  }

  noteCommit(isFlushed: boolean): void {
    this.areOwed = this.areOwn && !isFlushed
    if (isFlushed) this.#last = performance.now()
  }
}
