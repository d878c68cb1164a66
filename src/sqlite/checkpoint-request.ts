const made = 0
const underWay = 1

/** By which a writer asks another thread for a checkpoint, through memory that they share. */
export class CheckpointRequest {
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array<SharedArrayBuffer>

  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#cells = new Int32Array(memory)
  }

  make(): void {
    this.#set(made, 1)
  }

  /** Whether it was made, and nobody has taken it yet. */
  get isPending(): boolean {
    return Atomics.load(this.#cells, made) === 1
  }

  /** Resolves once it is pending, to whether it is: not where `stopWaiting` came first. */
  async whenPending(): Promise<boolean> {
    await Atomics.waitAsync(this.#cells, made, 0).value
    return this.isPending
  }

  /** Ends waiting for it, in all threads, where it was not made. */
  stopWaiting(): void {
    Atomics.notify(this.#cells, made)
  }

  /** Takes it, which is pending: it is under way until it is `done`, and may be made again meanwhile. */
  take(): void {
    this.#set(underWay, 1)
    this.#set(made, 0)
  }

  done(): void {
    this.#set(underWay, 0)
  }

  /** Stops this thread while one that was taken is under way, for so many milliseconds at most. */
  waitWhileUnderWay(longest: number): void {
    Atomics.wait(this.#cells, underWay, 1, longest)
  }

  #set(cell: number, value: number): void {
    Atomics.store(this.#cells, cell, value)
    Atomics.notify(this.#cells, cell)
  }
}
