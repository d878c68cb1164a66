import { Tally } from './tally.ts'

/** Where workers are held: they stop at it until it is opened, and it tells that they have come. */
export class Latch {
  readonly #arrivals: Tally
  readonly #opened: Tally

  private constructor(arrivals: Tally, opened: Tally) {
    this.#arrivals = arrivals
    this.#opened = opened
  }

  /** A closed one, for workers that start from now on. */
  static create(name: string): Latch {
    return new Latch(Tally.create(`arrivals at ${name}`), Tally.create(`${name} opened`))
  }

  /** In a worker: stops the thread until the latch is open. Where there is no such latch, goes on. */
  static wait(name: string): void {
    Tally.find(`arrivals at ${name}`)?.add()
    Tally.find(`${name} opened`)?.block(1)
  }

  /** Resolves once so many have come to it, those that have left again included. */
  arrived(count = 1): Promise<void> {
    return this.#arrivals.reached(count)
  }

  open(): void {
    this.#opened.add()
  }

  /** Closes it again, as if nobody had come yet. */
  close(): void {
    this.#opened.reset()
    this.#arrivals.reset()
  }
}
