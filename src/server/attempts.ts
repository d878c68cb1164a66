const windowMilliseconds = 60_000

/**
 * Counts what somebody attempted within the last minute, so that nobody attempts it many times. An attempt
 * counts from its beginning until it is forgiven, so that those made at once can't slip through together.
 */
export class Attempts {
  readonly #most: number
  readonly #mostNames: number
  /** When a name's attempts of the last minute were made, oldest first. Names by their last attempt. */
  readonly #attempts = new Map<string, number[]>()

  /** @param mostNames how many names are remembered; beyond it the one that is quiet longest is forgotten */
  constructor(most: number, mostNames = 50_000) {
    this.#most = most
    this.#mostNames = mostNames
  }

  /** After how many seconds another may be made, 0 where one may now. */
  wait(name: string, now: number): number {
    const recent = (this.#attempts.get(name) ?? []).filter((at) => at > now - windowMilliseconds)
    this.#attempts.delete(name)
    this.#attempts.set(name, recent)
    this.#forgetQuiet()
    const [oldest = now] = recent
    if (recent.length < this.#most) return 0
    return Math.max(1, Math.ceil((oldest + windowMilliseconds - now) / 1000))
  }

  /** Notes one, which `wait` let pass. */
  note(name: string, now: number): void {
    const attempts = this.#attempts.get(name)
    if (attempts) attempts.push(now)
    else this.#attempts.set(name, [now])
    this.#forgetQuiet()
  }

  /** Takes back one that was noted at that time. */
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
