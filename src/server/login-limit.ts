const windowMilliseconds = 60_000

/**
 * Counts failed logins, so that nobody tries many passwords. Each attempt counts as failed from its
 * beginning until it is forgiven, so that attempts made at once can't slip through together.
 */
export class LoginLimit {
  readonly #mostFailures: number
  readonly #mostNames: number
  /** When a name's attempts of the last minute were made, oldest first. Names by their last attempt. */
  readonly #attempts = new Map<string, number[]>()

  /** @param mostNames how many names are remembered; beyond it the one that is quiet longest is forgotten */
  constructor(mostFailures = 20, mostNames = 50_000) {
    this.#mostFailures = mostFailures
    this.#mostNames = mostNames
  }

  /** Notes an attempt. Answers after how many seconds another may be made, 0 where this one may. */
  attempt(name: string, now: number): number {
    const recent = (this.#attempts.get(name) ?? []).filter((at) => at > now - windowMilliseconds)
    const [oldest = now] = recent
    this.#attempts.delete(name)
    this.#attempts.set(name, recent)
    if (recent.length >= this.#mostFailures)
      return Math.max(1, Math.ceil((oldest + windowMilliseconds - now) / 1000))
    recent.push(now)
    this.#forgetQuiet()
    return 0
  }

  /** Takes back an attempt that did not fail. */
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
