import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

/**
 * A number that this thread and the workers that it starts share. One that waits for it to grow needs
 * no event loop of the other's and no timer.
 */
export class Tally {
  readonly #cell: Int32Array<SharedArrayBuffer>

  private constructor(memory: SharedArrayBuffer) {
    this.#cell = new Int32Array(memory)
  }

  /** A new one, in place of any of the same name, for workers that start from now on. */
  static create(name: string): Tally {
    const memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    setEnvironmentData(`tally ${name}`, memory as unknown as Record<string, never>)
    return new Tally(memory)
  }

  /** In a worker: the one that was there when the worker was started, if any. */
  static find(name: string): Tally | undefined {
    const memory = getEnvironmentData(`tally ${name}`) as unknown as SharedArrayBuffer | undefined
    return memory && new Tally(memory)
  }

  get value(): number {
    return Atomics.load(this.#cell, 0)
  }

  /** Adds one, and wakes up to so many of those that wait for it. */
  add(wake = Number.POSITIVE_INFINITY): void {
    Atomics.add(this.#cell, 0, 1)
    Atomics.notify(this.#cell, 0, wake)
  }

  /** Sets it back to nothing, which wakes nobody. */
  reset(): void {
    Atomics.store(this.#cell, 0, 0)
  }

  /** Stops the thread until the number is at least this. */
  block(until: number): void {
    for (let value = this.value; value < until; value = this.value)
      Atomics.wait(this.#cell, 0, value)
  }

  /** Stops the thread while the number is this one, for so many milliseconds at most. */
  blockFor(milliseconds: number, value: number): void {
    Atomics.wait(this.#cell, 0, value, milliseconds)
  }

  /** Resolves once the number is at least this. */
  async reached(least: number): Promise<void> {
    for (let value = this.value; value < least; value = this.value)
      await Atomics.waitAsync(this.#cell, 0, value).value
  }

  /** Resolves once this waiter is woken by an addition after now. */
  async woken(): Promise<void> {
    await Atomics.waitAsync(this.#cell, 0, this.value).value
  }
}
