/** For how long a fault is only counted, once it was told, in milliseconds. */
const countedFor = 10_000
/** Different faults that are told apart at once. */
const mostAtOnce = 100
const others = 'others'

interface Counted {
  count: number
  readonly tell: (count: number) => void
  readonly timer: NodeJS.Timeout
}

/**
 * Has a fault told once, and then how often it came again: every ten seconds, while it does. A full disk fails
 * thousands of calls, and their log would fill it.
 */
export class Repeated implements Disposable {
  readonly #counted = new Map<string, Counted>()

  /**
   * @param key what makes it the same fault
   * @param first tells of it at once
   * @param again tells how often it came since
   */
  note(key: string, first: () => void, again: (count: number) => void): void {
    const name = this.#counted.size < mostAtOnce ? key : others
    const known = this.#counted.get(key) ?? this.#counted.get(name)
    if (known) {
      known.count++
      return
    }
    const timer = setInterval(() => this.#tell(name), countedFor).unref()
    this.#counted.set(name, { count: 0, tell: again, timer })
    first()
  }

  /** Tells what was counted and not told. */
  [Symbol.dispose](): void {
    for (const name of [...this.#counted.keys()]) {
      this.#tell(name)
      this.#forget(name)
    }
  }

  #tell(name: string): void {
    const counted = this.#counted.get(name)
    if (!counted) return
    if (counted.count === 0) this.#forget(name)
    else counted.tell(counted.count)
    counted.count = 0
  }

  #forget(name: string): void {
    clearInterval(this.#counted.get(name)?.timer)
    this.#counted.delete(name)
  }
}
