const windowMilliseconds = 60_000

/**
 * Limits how often something may be attempted within a minute. An attempt counts from its start until it is
 * forgiven, so that concurrent ones cannot all pass.
 */
export class Attempts {
  readonly #most: number
  readonly #mostNames: number
  /**
   * The times of each name's attempts within the last minute, oldest first; names in the order of their last
   * attempt.
   */
  readonly #attempts = new Map<string, number[]>()

  /** @param mostNames how many names are remembered; beyond it, the one that was idle longest is forgotten */
  constructor(most: number, mostNames = 50_000) {
    this.#most = most
    this.#mostNames = mostNames
  }

  /** How many seconds to wait before another attempt; 0 if none. */
  wait(name: string, now: number): number {
    const recent = (this.#attempts.get(name) ?? []).filter((at) => at > now - windowMilliseconds)
    this.#attempts.delete(name)
    this.#attempts.set(name, recent)
    this.#forgetQuiet()
    const [oldest = now] = recent
    if (recent.length < this.#most) return 0
    return Math.max(1, Math.ceil((oldest + windowMilliseconds - now) / 1000))
  }

  /** Counts an attempt that `wait` allowed. */
  note(name: string, now: number): void {
    const attempts = this.#attempts.get(name)
    if (attempts) attempts.push(now)
    else this.#attempts.set(name, [now])
    this.#forgetQuiet()
  }

  /** Takes back the attempt of that time. */
  forgive(name: string, at: number): void {
    const attempts = this.#attempts.get(name) ?? []
    const index = attempts.indexOf(at)
    if (index >= 0) attempts.splice(index, 1)
    if (attempts.length === 0) this.#attempts.delete(name)
  }

  #forgetQuiet(): void {
    if (this.#attempts.size <= this.#mostNames) return
    const [quietest] = this.#attempts.keys()
    if (quietest !== undefined) this.#attempts.delete(quietest)
  }
}
