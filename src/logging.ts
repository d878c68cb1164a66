import type { Log } from './threads/log.ts'

/** Different messages that `eachOnce` remembers. */
const mostRemembered = 1_000

/** Passes each message on once. Beyond what it remembers it passes on one last message, which says so. */
export function eachOnce(pass: (message: string) => void): (message: string) => void {
  const passed = new Set<string>()
  return (message) => {
    if (passed.size > mostRemembered || passed.has(message)) return
    passed.add(message)
    if (passed.size <= mostRemembered) pass(message)
    else pass(`there were ${mostRemembered} such messages; no more are logged`)
  }
}

/** Logs to process warnings. */
export const processLog: Log = { warn: emit, error: emit }

function emit(details: object, message: string): void {
  const { error } = details as { readonly error?: unknown }
  const detail = error instanceof Error ? error.stack : undefined
  process.emitWarning(message, { type: 'CqStoreWarning', ...(detail && { detail }) })
}

/** For how long repetitions of a fault are counted before the count is logged, in milliseconds. */
const countedFor = 10_000
/** Different faults that are counted at once; any others are counted together. */
const mostFaults = 100
const others = 'others'

interface Counted {
  count: number
  readonly logCount: (count: number) => void
  readonly timer: NodeJS.Timeout
}

/**
 * Logs a fault once, and then every ten seconds how often it was repeated. A full disk fails thousands of calls,
 * and their log would fill it.
 */
export class RepeatedFaults implements Disposable {
  readonly #counted = new Map<string, Counted>()

  /**
   * @param key what makes it the same fault
   * @param logFirst logs it
   * @param logCount logs how often it was repeated
   */
  note(key: string, logFirst: () => void, logCount: (count: number) => void): void {
    const name = this.#counted.size < mostFaults ? key : others
    const known = this.#counted.get(key) ?? this.#counted.get(name)
    if (known) {
      known.count++
      return
    }
    const timer = setInterval(() => this.#flush(name), countedFor).unref()
    this.#counted.set(name, { count: 0, logCount, timer })
    logFirst()
  }

  /** Logs the counts that were not logged yet. */
  [Symbol.dispose](): void {
    for (const name of [...this.#counted.keys()]) {
      this.#flush(name)
      this.#forget(name)
    }
  }

  #flush(name: string): void {
    const counted = this.#counted.get(name)
    if (!counted) return
    if (counted.count === 0) this.#forget(name)
    else counted.logCount(counted.count)
    counted.count = 0
  }

  #forget(name: string): void {
    clearInterval(this.#counted.get(name)?.timer)
    this.#counted.delete(name)
  }
}
