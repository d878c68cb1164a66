const made = 0
const underWay = 1

/** How a writer asks another thread for a checkpoint, through shared memory. */
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

  /** Whether it was made, and not taken yet. */
  get isPending(): boolean {
    return Atomics.load(this.#cells, made) === 1
  }

  /** Resolves when it is pending, to `true`; or to `false` once `stopWaiting` was called. */
  async whenPending(): Promise<boolean> {
    await Atomics.waitAsync(this.#cells, made, 0).value
    return this.isPending
  }

  /** Ends waiting in all threads, without a request. */
  stopWaiting(): void {
    Atomics.notify(this.#cells, made)
  }

  /** Takes a pending request: it is under way until `done`, and may be made again meanwhile. */
  take(): void {
    this.#set(underWay, 1)
    this.#set(made, 0)
  }

  done(): void {
    this.#set(underWay, 0)
  }

  /** Blocks this thread while a taken request is under way, for at most so many milliseconds. */
  waitWhileUnderWay(longest: number): void {
    Atomics.wait(this.#cells, underWay, 1, longest)
  }

  #set(cell: number, value: number): void {
    Atomics.store(this.#cells, cell, value)
    Atomics.notify(this.#cells, cell)
  }
}
