import { setImmediate as nextTurn } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import { Histogram, type HistogramFigures } from './histogram.ts'
import { type CallReply, toError } from './reply.ts'
import { batchesInFlight, WorkerLost, type WorkerThread } from './worker-thread.ts'

export interface LaneOptions<Call> {
  /** What travels here, as errors name it: `read`, `write`. */
  readonly name: string
  readonly workers: readonly WorkerThread<Call>[]
  /** The most calls that travel as one task. */
  readonly largestBatch: number
  /**
   * What a call weighs; the most that calls weigh which travel as one task, where a heavier one goes by itself;
   * and the most that calls weigh which wait or are under way, where a heavier one is taken if it is the only one.
   */
  readonly weight?: { of(call: Call): number; readonly most: number; readonly mostHeld: number }
  /**
   * How many workers share the calls that travel together; the others are there for calls that run
   * alone, and step in where one of these is not to be had. @default all of them
   */
  readonly mostServing?: number
  /** The most calls that wait; beyond it a call is turned away. */
  readonly maxQueue: number
  /** How long a call may take, in milliseconds, waiting included. */
  readonly timeout: number
  /**
   * Whether a call that died with its worker may be made once more. A call that may not ends as
   * `outcome_unknown`, since nobody can tell whether it took effect.
   */
  readonly repeatable: boolean
  /** Told of every reply of a worker, before the call is answered. */
  readonly onReply?: (reply: CallReply | undefined) => void
  /** Told of what workers want logged, before the call that it came with is answered. */
  readonly onNotice?: (notice: string) => void
}

/** What a lane has done since it was made, and what it is doing. */
export interface LaneFigures {
  readonly waiting: number
  readonly underWay: number
  /** What the calls that wait or are under way weigh, where that is bounded. */
  readonly held: number
  readonly calls: number
  readonly batches: number
  readonly overloads: number
  readonly timeouts: number
  readonly restarts: number
  /** How many calls travelled as one task. */
  readonly batchSizes: HistogramFigures
  /** How long the first call of each batch waited until it was sent, in milliseconds. */
  readonly waits: HistogramFigures
  /** How long each batch was under way, in milliseconds. */
  readonly runs: HistogramFigures
}

const sizeBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256]
const millisecondBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000]

/** How many calls are answered before it is looked how long that took. */
const handedOutAtOnce = 16
/** How long answering calls may take before the event loop has its turn, in milliseconds. */
const longestTurn = 0.5

interface Pending<Call> {
  readonly call: Call
  readonly weight: number
  readonly deadline: number
  /** Its place among all calls of the lane. */
  readonly ticket: number
  /** Whether it was under way in a worker that died. */
  repeated: boolean
  settled: boolean
  /** Makes the call's result of the worker's text. */
  readonly read: (text: string) => unknown
  resolve(result: unknown): void
  reject(error: StoreError): void
}

/**
 * Hands calls to workers, gathered. While a worker is free a call leaves at once; while all are busy,
 * calls gather and travel as one task, since a round trip costs more than most calls. Nothing waits
 * for a timer, so gathering adds no delay. Calls leave in the order in which they came.
 *
 * A call that runs alone, because it may be long, is given a worker of its own, so that no other call
 * waits behind it. One worker is always left to the others, where there is more than one. A single worker
 * takes turns: one call alone, then all others that wait, so that these wait for one long call at most.
 */
export class Lane<Call> {
  readonly #options: LaneOptions<Call>
  readonly #together: Pending<Call>[] = []
  readonly #alone: Pending<Call>[] = []
  /**
   * Not a Set: one that has outgrown its table leaves the old table pointing at the new one, and so on,
   * so that once one of them is old, all batches since stay in memory until the next full collection.
   */
  readonly #underWay: Pending<Call>[][] = []
  readonly #mostAlone: number
  /** Workers that have a call alone, or are set aside for one. */
  #aloneNow = 0
  /** Of these, the ones that are not done yet with what they had. */
  #setAside = 0
  /** Whether the last batch that was sent was a call alone. */
  #lastWasAlone = false
  #tickets = 0
  #held = 0
  #batches = 0
  #overloads = 0
  #timeouts = 0
  readonly #batchSizes = new Histogram(sizeBounds)
  readonly #waits = new Histogram(millisecondBounds)
  readonly #runs = new Histogram(millisecondBounds)
  #dispatchIsDue = false
  #timer: NodeJS.Timeout | undefined
  #drained: (() => void) | undefined

  constructor(options: LaneOptions<Call>) {
    this.#options = options
    this.#mostAlone = Math.max(1, options.workers.length - 1)
    for (const worker of options.workers) worker.onChange = () => this.#onWorkerChange()
  }

  get figures(): LaneFigures {
    return {
      waiting: this.#waiting,
      underWay: this.#underWay.reduce((sum, batch) => sum + batch.length, 0),
      held: this.#held,
      calls: this.#tickets,
      batches: this.#batches,
      overloads: this.#overloads,
      timeouts: this.#timeouts,
      restarts: this.#options.workers.reduce((sum, worker) => sum + worker.restarts, 0),
      batchSizes: this.#batchSizes.figures,
      waits: this.#waits.figures,
      runs: this.#runs.figures,
    }
  }

  /** Whether a worker has a call for longer than that may take. */
  get isLate(): boolean {
    const now = performance.now()
    return this.#underWay.some((batch) => batch.some(({ deadline }) => deadline < now))
  }

  /**
   * Has a call answered: resolves to its result.
   * @param alone whether it gets a worker of its own
   * @param read makes the result of the text that the worker replied
   * @throws {StoreError} what the worker replied; or `overloaded`, `timeout`, `outcome_unknown`, `unavailable`
   */
  perform<Result>(call: Call, alone: boolean, read: (text: string) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const { maxQueue, timeout, weight: weighing } = this.#options
      const weight = weighing ? weighing.of(call) : 0
      // Calls of this very moment wait to be gathered, even where a worker is free.
      if (this.#waiting >= maxQueue) this.#dispatch()
      const failure = this.#overload(weight) ?? this.#failure()
      if (failure) {
        reject(failure)
        return
      }
      this.#held += weight
      const queue = alone ? this.#alone : this.#together
      queue.push({
        call,
        weight,
        deadline: performance.now() + timeout,
        ticket: this.#tickets++,
        repeated: false,
        settled: false,
        read,
        resolve: resolve as (result: unknown) => void,
        reject,
      })
      this.#timer ??= this.#startTimer(timeout)
      this.#dispatchSoon()
    })
  }

  /** Why one more call of a weight is turned away. */
  #overload(weight: number): StoreError | undefined {
    const { name, maxQueue, weight: weighing } = this.#options
    const mostHeld = weighing?.mostHeld ?? Number.POSITIVE_INFINITY
    const isTooMuch = this.#held > 0 && this.#held + weight > mostHeld
    if (this.#waiting < maxQueue && !isTooMuch) return undefined
    this.#overloads++
    const what = isTooMuch
      ? `calls with ${this.#held} bytes of text are held in the ${name} lane, and ${mostHeld} is`
      : `${maxQueue} calls wait in the ${name} lane, which is`
    return new StoreError('overloaded', `${what} the most that may`)
  }

  /** Resolves once every call that was accepted is settled. */
  async drain(): Promise<void> {
    if (this.#isSettled) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#drained = resolve
    await promise
  }

  /** Lets go of the timer. */
  stop(): void {
    clearTimeout(this.#timer)
  }

  get #waiting(): number {
    return this.#together.length + this.#alone.length
  }

  get #isSettled(): boolean {
    if (this.#waiting > 0) return false
    return this.#underWay.every((batch) => batch.every(({ settled }) => settled))
  }

  #tellDrained(): void {
    if (this.#drained && this.#isSettled) this.#drained()
  }

  /** After the calls that are being made right now, so that they travel together. */
  #dispatchSoon(): void {
    if (this.#dispatchIsDue) return
    this.#dispatchIsDue = true
    queueMicrotask(() => {
      this.#dispatchIsDue = false
      this.#dispatch()
    })
  }

  #dispatch(): void {
    this.#dispatchAlone()
    this.#dispatchTogether()
  }

  #dispatchAlone(): void {
    const { workers } = this.#options
    for (const worker of workers)
      if (worker.reserved && worker.inFlight === 0) this.#sendAlone(worker)
    while (this.#alone.length > this.#setAside && this.#mayReserve) {
      const worker = leastBusy(workers, batchesInFlight)
      if (worker === undefined) return
      worker.reserved = true
      this.#aloneNow++
      this.#setAside++
      if (worker.inFlight === 0) this.#sendAlone(worker)
    }
  }

  get #mayReserve(): boolean {
    if (this.#aloneNow >= this.#mostAlone) return false
    const isOthersTurn = this.#lastWasAlone && this.#together.length > 0
    return this.#options.workers.length > 1 || !isOthersTurn
  }

  /** Gives a worker that was set aside its call, unless one of them is gone by now. */
  #sendAlone(worker: WorkerThread<Call>): void {
    this.#setAside--
    const next = worker.isReady ? this.#alone.shift() : undefined
    if (next === undefined) this.#release(worker)
    else void this.#send(worker, [next], true)
  }

  #release(worker: WorkerThread<Call>): void {
    worker.reserved = false
    this.#aloneNow--
  }

  #dispatchTogether(): void {
    for (let due = this.#together.length; due > 0; due = this.#together.length) {
      const serving = this.#serving
      const places = this.#placesOf(serving)
      const worker = leastBusy(serving, places)
      if (worker === undefined) return
      const share = Math.ceil(due / freePlaces(serving, places))
      void this.#send(worker, this.#takeTogether(share), false)
    }
  }

  /** The workers that share the calls which travel together. */
  get #serving(): readonly WorkerThread<Call>[] {
    const { workers, mostServing = workers.length } = this.#options
    return workers.filter(({ isReady, reserved }) => isReady && !reserved).slice(0, mostServing)
  }

  /**
   * How many batches each of them may have under way. One that serves alone is sent its next batch before
   * it has answered, so that it works on while callers are answered; several hide each other's round trips
   * with one batch each, and as batches are the larger for it, they cost less.
   */
  #placesOf(serving: readonly WorkerThread<Call>[]): number {
    return serving.length === 1 ? batchesInFlight : 1
  }

  /** The next calls that travel together: at least one, so many at most, and not too heavy. */
  #takeTogether(share: number): Pending<Call>[] {
    const { largestBatch, weight } = this.#options
    let count = Math.min(share, largestBatch)
    if (weight) {
      let sum = 0
      for (let index = 0; index < count; index++) {
        sum += (this.#together[index] as Pending<Call>).weight
        if (sum > weight.most) count = Math.max(1, index)
      }
    }
    return this.#together.splice(0, count)
  }

  async #send(worker: WorkerThread<Call>, batch: Pending<Call>[], alone: boolean): Promise<void> {
    worker.inFlight++
    this.#lastWasAlone = alone
    this.#batches++
    this.#underWay.push(batch)
    const sentAt = performance.now()
    this.#batchSizes.add(batch.length)
    if (batch[0]) this.#waits.add(sentAt - (batch[0].deadline - this.#options.timeout))
    try {
      const calls = batch.map(({ call }) => call)
      const replies = await worker.run(calls)
      if (batch.length <= handedOutAtOnce) this.#settle(batch, replies)
      else await this.#settleInTurns(batch, replies)
    } catch (error) {
      this.#fail(batch, error)
    } finally {
      this.#runs.add(performance.now() - sentAt)
      worker.inFlight--
      // At once, since a reserved worker with nothing under way is taken for one that is set aside.
      if (alone) this.#release(worker)
      this.#underWay.splice(this.#underWay.indexOf(batch), 1)
      for (const pending of batch) this.#letGo(pending)
      this.#tellDrained()
      this.#dispatchSoon()
    }
  }

  /**
   * Hands out replies a few at a time. Where callers have much to do for each, such as to send it over a
   * network, the event loop has its turns in between, lest all else wait for a whole batch of them.
   */
  async #settleInTurns(batch: readonly Pending<Call>[], replies: readonly CallReply[]) {
    let began = performance.now()
    for (let from = 0; from < batch.length; from += handedOutAtOnce) {
      const to = from + handedOutAtOnce
      this.#settle(batch.slice(from, to), replies.slice(from, to))
      if (to >= batch.length) return
      // Comes after what callers do at once.
      await new Promise<void>((resolve) => process.nextTick(resolve))
      if (performance.now() - began < longestTurn) continue
      await nextTurn()
      began = performance.now()
    }
  }

  #settle(batch: readonly Pending<Call>[], replies: readonly CallReply[]): void {
    for (let index = 0; index < batch.length; index++) {
      const pending = batch[index] as Pending<Call>
      const reply = replies[index]
      this.#options.onReply?.(reply)
      if (typeof reply === 'object' && reply?.notices)
        for (const notice of reply.notices) this.#options.onNotice?.(notice)
      answer(pending, reply)
    }
  }

  /** One that waits no more, and is under way no more. */
  #letGo({ weight }: Pending<Call>): void {
    this.#held -= weight
  }

  /** Has calls wait once more, alone, in the places that they had. */
  #makeAlone(calls: readonly Pending<Call>[]): void {
    for (const { weight } of calls) this.#held += weight
    this.#alone.push(...calls)
    this.#alone.sort((one, other) => one.ticket - other.ticket)
  }

  #fail(batch: readonly Pending<Call>[], error: unknown): void {
    const again: Pending<Call>[] = []
    for (const pending of batch) {
      if (pending.settled) continue
      if (!(error instanceof WorkerLost)) {
        reject(pending, error as StoreError)
      } else if (!this.#options.repeatable) {
        const why = `whether the ${this.#options.name} took effect is unknown: ${error.message}`
        reject(pending, new StoreError('outcome_unknown', why, { cause: error }))
      } else if (pending.repeated) {
        const why = `the ${this.#options.name} was tried twice, and both times ${error.message}`
        reject(pending, new StoreError('unavailable', why, { cause: error }))
      } else {
        pending.repeated = true
        again.push(pending)
      }
    }
    // Alone, so that a call that kills its worker takes no other call along a second time.
    this.#makeAlone(again)
  }

  /** Why no call can be answered now: every worker failed to start anew. */
  #failure(): StoreError | undefined {
    let cause: StoreError | undefined
    for (const { failure } of this.#options.workers) {
      if (failure === undefined) return undefined
      cause ??= failure
    }
    const why = `no worker can ${this.#options.name}: ${cause?.message}`
    // Which trying again later does not mend.
    return new StoreError(cause?.code === 'corrupt' ? 'corrupt' : 'unavailable', why, { cause })
  }

  #onWorkerChange(): void {
    const failure = this.#failure()
    if (failure) {
      for (const pending of [...this.#together.splice(0), ...this.#alone.splice(0)]) {
        this.#letGo(pending)
        reject(pending, failure)
      }
      this.#tellDrained()
    }
    this.#dispatch()
  }

  /** One timer for all calls: each has the same time, so the oldest is due first. */
  #startTimer(delay: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined
      const now = performance.now()
      this.#expireWaiting(this.#together, now)
      this.#expireWaiting(this.#alone, now)
      for (const batch of this.#underWay) this.#expireUnderWay(batch, now)
      const next = this.#nextDeadline()
      if (next !== undefined) this.#timer = this.#startTimer(Math.max(1, next - now))
      this.#tellDrained()
    }, delay).unref()
  }

  #expireWaiting(queue: Pending<Call>[], now: number): void {
    const { name, timeout } = this.#options
    while (queue[0] !== undefined && queue[0].deadline <= now) {
      this.#timeouts++
      const why = `the ${name} waited for ${timeout} ms and was not begun`
      const pending = queue.shift() as Pending<Call>
      this.#letGo(pending)
      reject(pending, new StoreError('timeout', why))
    }
  }

  #expireUnderWay(batch: readonly Pending<Call>[], now: number): void {
    const { name, timeout, repeatable } = this.#options
    for (const pending of batch) {
      if (pending.settled || pending.deadline > now) continue
      this.#timeouts++
      const error = repeatable
        ? new StoreError('timeout', `the ${name} was not answered within ${timeout} ms`)
        : new StoreError(
            'outcome_unknown',
            `the ${name} was sent and not answered within ${timeout} ms; it may still take effect`,
          )
      reject(pending, error)
    }
  }

  #nextDeadline(): number | undefined {
    const unsettled = this.#underWay.flat().filter(({ settled }) => !settled)
    const deadlines = [...this.#together.slice(0, 1), ...this.#alone.slice(0, 1), ...unsettled].map(
      ({ deadline }) => deadline,
    )
    return deadlines.length > 0 ? Math.min(...deadlines) : undefined
  }
}

/** Whether it may be sent another batch, where each may have so many under way. */
function isFree<Call>(worker: WorkerThread<Call>, places: number): boolean {
  return worker.isReady && !worker.reserved && worker.inFlight < places
}

function freePlaces<Call>(workers: readonly WorkerThread<Call>[], places: number): number {
  let free = 0
  for (const worker of workers) if (isFree(worker, places)) free += places - worker.inFlight
  return free
}

function leastBusy<Call>(
  workers: readonly WorkerThread<Call>[],
  places: number,
): WorkerThread<Call> | undefined {
  let best: WorkerThread<Call> | undefined
  for (const worker of workers)
    if (isFree(worker, places) && (!best || worker.inFlight < best.inFlight)) best = worker
  return best
}

function answer<Call>(pending: Pending<Call>, reply: CallReply | undefined): void {
  if (pending.settled) return
  pending.settled = true
  if (reply === undefined)
    pending.reject(new StoreError('internal', 'the worker did not answer the call'))
  else if (typeof reply === 'object' && 'code' in reply) pending.reject(toError(reply))
  else
    try {
      pending.resolve(pending.read(typeof reply === 'string' ? reply : reply.text))
    } catch (error) {
      const why = `the worker's answer can't be read: ${error}`
      pending.reject(new StoreError('internal', why, { cause: error }))
    }
}

function reject<Call>(pending: Pending<Call>, error: StoreError): void {
  pending.settled = true
  pending.reject(error)
}
