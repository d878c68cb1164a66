import { SingleBar } from 'cli-progress'

export interface ProgressOptions {
  /** What is going on: `exporting`. */
  readonly doing: string
  /** How much there is to do, if known. */
  readonly total?: number
  readonly unit: string
  /** @default whether standard error is a terminal */
  readonly isShown?: boolean
}

/** How often the bar moves at most, in milliseconds: the time left is estimated from its last ten moves. */
const interval = 250

/** A progress bar on standard error, for people only. Disposing of it removes it. */
export class Progress implements Disposable {
  readonly #bar: SingleBar | undefined
  #movedAt = Date.now()

  constructor({ doing, total, unit, isShown = process.stderr.isTTY }: ProgressOptions) {
    if (!isShown) return
    const done =
      total === undefined ? '{value}' : '[{bar}] {percentage}% | {eta_formatted} | {value}/{total}'
    this.#bar = new SingleBar({
      stream: process.stderr,
      format: `${doing} ${done} ${unit}`,
      formatTime: timeLeft,
      formatValue: (value) => value.toLocaleString('en', { maximumFractionDigits: 1 }),
      barsize: 25,
      barCompleteChar: '=',
      barIncompleteChar: ' ',
      hideCursor: true,
      clearOnComplete: true,
    })
    this.#bar.start(total ?? 0, 0)
  }

  /** How much is done. */
  reach(value: number): void {
    if (!this.#bar || Date.now() - this.#movedAt < interval) return
    this.#movedAt = Date.now()
    this.#bar.update(value)
  }

  [Symbol.dispose](): void {
    this.#bar?.stop()
  }
}

/** Restores the terminal when a bar cannot be stopped any more. */
export function restoreTerminal(): void {
  // Clears the line, shows the cursor, and wraps long lines again.
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K\u001b[?25h\u001b[?7h')
}

/** The time left, in seconds; the library gives a text while it is unknown. */
function timeLeft(seconds: number | string): string {
  if (typeof seconds === 'string') return 'estimating'
  const whole = Math.round(seconds)
  const minutes = Math.floor(whole / 60)
  if (minutes === 0) return `${whole}s left`
  if (minutes < 60) return `${minutes}m ${whole % 60}s left`
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m left`
}
