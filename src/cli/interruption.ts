import { restoreTerminal } from './progress.ts'

/** Signals that ask a process to end, by their numbers. */
export const endingSignals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const
export type EndingSignal = keyof typeof endingSignals

export function isEndingSignal(signal: string | null): signal is EndingSignal {
  return signal !== null && Object.hasOwn(endingSignals, signal)
}

/** Thrown if a signal ended a command early. Its message says what was done until then. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly signal: EndingSignal

  constructor(signal: EndingSignal, message = `interrupted by ${signal}`) {
    super(message)
    this.signal = signal
  }

  /** As shells report a program that the signal ended. */
  get exitCode(): number {
    return 128 + endingSignals[this.signal]
  }

  with(soFar: string): Interrupted {
    return new Interrupted(this.signal, `${this.message}. ${soFar}`)
  }
}

/** How long a command may take to end well, in milliseconds. */
const patience = 12_000

/**
 * While it exists, the first signal asks the command to end well, by an abort whose reason is an `Interrupted`. A
 * second signal, or the end of the time for that, ends the process at once, whatever its threads are doing.
 */
export class Interruption implements Disposable {
  readonly #controller = new AbortController()
  readonly #patience: number
  #timer: NodeJS.Timeout | undefined

  constructor(longest = patience) {
    this.#patience = longest
    for (const signal of Object.keys(endingSignals)) process.on(signal, this.#take)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    for (const signal of Object.keys(endingSignals)) process.off(signal, this.#take)
  }

  readonly #take = (signal: EndingSignal): void => {
    if (this.signal.aborted) this.end(signal)
    else {
      this.#timer = setTimeout(() => this.end(signal), this.#patience).unref()
      this.#controller.abort(new Interrupted(signal))
    }
  }

  /** Ends the process by the signal: `process.exit` would wait for threads. */
  end(signal: EndingSignal): void {
    restoreTerminal()
    this[Symbol.dispose]()
    process.kill(process.pid, signal)
  }
}
