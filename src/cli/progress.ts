import { SingleBar } from 'cli-progress'

export interface ProgressOptions {
  /** What is going on: `exporting`. */
  readonly doing: string
  /** How much there is to do; unknown where it is left out. */
  readonly total?: number
  readonly unit: string
  /** @default whether somebody looks at the standard error output */
  readonly isShown?: boolean
}

/** A progress bar on the standard error output, for people only. Disposed of, it is gone. */
export class Progress implements Disposable {
  readonly #bar: SingleBar | undefined

  constructor({ doing, total, unit, isShown = process.stderr.isTTY }: ProgressOptions) {
    if (!isShown) return
    const done = total === undefined ? '{value}' : '[{bar}] {percentage}% | {value}/{total}'
    this.#bar = new SingleBar({
      stream: process.stderr,
      format: `${doing} ${done} ${unit}`,
      barCompleteChar: '=',
      barIncompleteChar: ' ',
      hideCursor: true,
      clearOnComplete: true,
    })
    this.#bar.start(total ?? 0, 0)
  }

  /** How much is done by now. */
  reach(value: number): void {
    this.#bar?.update(value)
  }

  [Symbol.dispose](): void {
    this.#bar?.stop()
  }
}
