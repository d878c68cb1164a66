import { CallQueue } from './call-queue.ts'
import { EngineError, engineErrorCodes, WorkerLost } from './errors.ts'
import { LaneCounters, type LaneFigures } from './lane-figures.ts'
import { PendingCall } from './pending-call.ts'
import type { CallReply } from './reply.ts'
import { leastBusy, Seat } from './seat.ts'
import { tasksInFlight } from './thread-run.ts'
import { inTurns } from './turns.ts'
import type { Duties } from './worker-module.ts'
import type { WorkerThread } from './worker-thread.ts'

export interface LaneOptions<Call, WorkerDuties extends Duties = Duties> {
  /** What its calls do, as errors name it: `read`, `write`. */
  readonly name: string
  readonly workers: readonly WorkerThread<Call, WorkerDuties>[]
  /** The most calls in a batch. */
  readonly largestBatch: number
  /**
   * What a call weighs. A batch of more than one call weighs at most `most`, and all calls that wait or are under
   * way at most `mostHeld`, unless there is only one.
   */
  readonly weight?: { of(call: Call): number; readonly most: number; readonly mostHeld: number }
  /**
   * How many workers take batches. The others serve exclusive calls, and step in if one of these is not available.
   * @default all of them
   */
  readonly batchWorkers?: number
  /** The most calls that may wait; one more fails with `overloaded`. */
  readonly maxQueue: number
  /** How long a call may take, in milliseconds, waiting included. */
  readonly timeout: number
  /**
   * Whether a call may be repeated if its worker crashed. If not, it fails with `outcome_unknown`, since it may
   * have taken effect.
   */
  readonly repeatable: boolean
  /** Sees every reply of a worker before the caller does. */
  readonly onReply?: (reply: CallReply | undefined) => void
  /** Gets the messages that workers want logged. */
  readonly onNotice?: (notice: string) => void
  /** Makes what callers get of an error. @default the error itself */
  readonly translate?: (error: EngineError) => unknown
}

/**
 * Sends calls to workers in batches. While a worker is free, a call leaves at once; while all are busy, calls
 * gather and travel as one task, since a round trip costs more than most calls. There is no timer, so that
 * batching adds no delay. Calls leave in the order in which they came.
 *
 * An exclusive call may be long, and gets a worker to itself, so that no other call waits behind it. If there are
 * several workers, one is always left to the batches. A single worker alternates: one exclusive call, then all
 * others that wait, so that these wait for one long call at most.
 */
export class Lane<Call, WorkerDuties extends Duties = Duties> {
  readonly #options: LaneOptions<Call, WorkerDuties>
  readonly #seats: readonly Seat<Call, WorkerDuties>[]
  readonly #queue = new CallQueue<Call>()
  /**
   * Not a Set: when one outgrows its table, the old table keeps pointing at the new one, so that once one of them
   * is old, every later batch stays in memory until the next full collection.
   */
  readonly #underWay: PendingCall<Call>[][] = []
  readonly #counters = new LaneCounters()
  readonly #mostReserved: number
  /** Seats that have an exclusive call, or are kept free for one. */
  #reserved = 0
  /** Of these, the ones that still have a batch to finish. */
  #awaited = 0
  #lastWasExclusive = false
  #held = 0
  #dispatchIsDue = false
  #timer: NodeJS.Timeout | undefined
  #onDrained: (() => void) | undefined

  constructor(options: LaneOptions<Call, WorkerDuties>) {
    this.#options = options
    this.#seats = options.workers.map((worker) => new Seat(worker))
    this.#mostReserved = Math.max(1, options.workers.length - 1)
    for (const worker of options.workers) worker.onChange = () => this.#onWorkerChange()
  }

  get figures(): LaneFigures {
    return {
      ...this.#counters.figures,
      waiting: this.#queue.size,
      underWay: this.#underWay.reduce((sum, batch) => sum + batch.length, 0),
      held: this.#held,
      restarts: this.#options.workers.reduce((sum, worker) => sum + worker.restarts, 0),
    }
  }

  /** Whether a worker has had a call for longer than that may take. */
  get isLate(): boolean {
    const now = performance.now()
    return this.#underWay.some((batch) => batch.some(({ deadline }) => deadline < now))
  }

  /** Workers that have nothing to do. */
  get idleWorkers(): WorkerThread<Call, WorkerDuties>[] {
    return this.#seats.filter(({ isIdle }) => isIdle).map(({ worker }) => worker)
  }

  /**
   * Carries out a call: resolves to its result.
   * @param isExclusive whether it gets a worker to itself
   * @param read makes the result of the text that the worker replied
   * @throws what `translate` makes of `overloaded`, `timeout`, `outcome_unknown`, `unavailable`, or of the
   * worker's own failure
   */
  call<Result>(call: Call, isExclusive: boolean, read: (text: string) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const { maxQueue, timeout, weight: weighing } = this.#options
      const weight = weighing ? weighing.of(call) : 0
      // Calls made in this same turn wait for its end, even if a worker is free.
      if (this.#queue.size >= maxQueue) this.#dispatch()
      const pending = new PendingCall<Call>({
        call,
        weight,
        deadline: performance.now() + timeout,
        ticket: this.#counters.calls,
        read,
        resolve: resolve as (result: unknown) => void,
        reject,
        translate: this.#options.translate ?? ((error) => error),
      })
      const failure = this.#overload(weight) ?? this.#failure()
      if (failure) {
        pending.fail(failure)
        return
      }
      this.#counters.calls++
      this.#held += weight
      this.#queue.add(pending, isExclusive)
      this.#timer ??= this.#startTimer(timeout)
      this.#dispatchSoon()
    })
  }

  /** Has a worker carry out a duty, which counts as a batch in flight there. @throws {EngineError} */
  async perform<Name extends keyof WorkerDuties & string>(
    worker: WorkerThread<Call, WorkerDuties>,
    duty: Name,
  ): Promise<Awaited<ReturnType<WorkerDuties[Name]>>> {
    const seat = this.#seats.find((one) => one.worker === worker)
    if (!seat) throw new Error(`the ${worker.name} is not in this lane`)
    seat.inFlight++
    try {
      return await worker.perform(duty)
    } finally {
      seat.inFlight--
      this.#dispatch()
    }
  }

  /** Resolves once every accepted call has settled. */
  async drain(): Promise<void> {
    if (this.#isDrained) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onDrained = resolve
    await promise
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Why one more call of this weight is refused. */
  #overload(weight: number): EngineError | undefined {
    const { name, maxQueue, weight: weighing } = this.#options
    const mostHeld = weighing?.mostHeld ?? Infinity
    const isTooHeavy = this.#held > 0 && this.#held + weight > mostHeld
    if (this.#queue.size < maxQueue && !isTooHeavy) return undefined
    this.#counters.overloads++
    const what = isTooHeavy
      ? `${this.#held} bytes of text wait or are under way in the ${name} queue, of at most ${mostHeld}`
      : `${maxQueue} calls wait in the ${name} queue, which is the most it takes`
    return new EngineError('overloaded', what)
  }

  get #isDrained(): boolean {
    if (this.#queue.size > 0) return false
    return this.#underWay.every((batch) => batch.every(({ isSettled }) => isSettled))
  }

  #noteDrained(): void {
    if (this.#onDrained && this.#isDrained) this.#onDrained()
  }

  /** Waits for the calls that are made in this turn, so that they travel together. */
  #dispatchSoon(): void {
    if (this.#dispatchIsDue) return
    this.#dispatchIsDue = true
    queueMicrotask(() => {
      this.#dispatchIsDue = false
      this.#dispatch()
    })
  }

  #dispatch(): void {
    this.#dispatchExclusive()
    this.#dispatchBatches()
  }

  #dispatchExclusive(): void {
    for (const seat of this.#seats)
      if (seat.isReserved && seat.inFlight === 0) this.#sendExclusive(seat)
    while (this.#queue.exclusive > this.#awaited && this.#mayReserve) {
      const seat = leastBusy(this.#seats, tasksInFlight)
      if (seat === undefined) return
      seat.isReserved = true
      this.#reserved++
      this.#awaited++
      if (seat.inFlight === 0) this.#sendExclusive(seat)
    }
  }

  get #mayReserve(): boolean {
    if (this.#reserved >= this.#mostReserved) return false
    const isTurnOfBatches = this.#lastWasExclusive && this.#queue.shared > 0
    return this.#seats.length > 1 || !isTurnOfBatches
  }

  /** Gives a reserved seat its call, unless worker or call is gone by now. */
  #sendExclusive(seat: Seat<Call, WorkerDuties>): void {
    this.#awaited--
    const next = seat.worker.isReady ? this.#queue.takeExclusive() : undefined
    if (next === undefined) this.#release(seat)
    else void this.#send(seat, [next], true)
  }

  #release(seat: Seat<Call, WorkerDuties>): void {
    seat.isReserved = false
    this.#reserved--
  }

  #dispatchBatches(): void {
    const { largestBatch, weight } = this.#options
    for (let due = this.#queue.shared; due > 0; due = this.#queue.shared) {
      const seats = this.#batchSeats
      // A single worker gets its next batch before it has answered the last, so that it works on while callers
      // are answered. Several hide each other's round trips with one each, and larger batches cost less a call.
      const most = seats.length === 1 ? tasksInFlight : 1
      const seat = leastBusy(seats, most)
      if (seat === undefined) return
      const room = seats.reduce((sum, one) => sum + one.roomFor(most), 0)
      const share = Math.min(Math.ceil(due / room), largestBatch)
      void this.#send(seat, this.#queue.takeShared(share, weight?.most ?? Infinity), false)
    }
  }

  get #batchSeats(): readonly Seat<Call, WorkerDuties>[] {
    const { batchWorkers = this.#seats.length } = this.#options
    return this.#seats
      .filter(({ worker, isReserved }) => worker.isReady && !isReserved)
      .slice(0, batchWorkers)
  }

  async #send(
    seat: Seat<Call, WorkerDuties>,
    batch: PendingCall<Call>[],
    isExclusive: boolean,
  ): Promise<void> {
    seat.inFlight++
    this.#lastWasExclusive = isExclusive
    this.#underWay.push(batch)
    const sentAt = performance.now()
    const madeAt = (batch[0]?.deadline ?? sentAt) - this.#options.timeout
    this.#counters.countBatch(batch.length, sentAt - madeAt)
    try {
      const replies = await seat.worker.answer(batch.map(({ call }) => call))
      const turns = inTurns(batch.length, (from, to) => this.#settle(batch, replies, from, to))
      if (turns) await turns
    } catch (error) {
      this.#fail(batch, error)
    } finally {
      this.#counters.countRun(performance.now() - sentAt)
      seat.inFlight--
      // At once, since a reserved seat with nothing in flight waits for its call.
      if (isExclusive) this.#release(seat)
      this.#underWay.splice(this.#underWay.indexOf(batch), 1)
      for (const { weight } of batch) this.#held -= weight
      this.#noteDrained()
      this.#dispatchSoon()
    }
  }

  #settle(
    batch: readonly PendingCall<Call>[],
    replies: readonly CallReply[],
    from: number,
    to: number,
  ): void {
    for (let index = from; index < to; index++) {
      const reply = replies[index]
      this.#options.onReply?.(reply)
      if (typeof reply === 'object' && reply.notices)
        for (const notice of reply.notices) this.#options.onNotice?.(notice)
      batch[index]?.settle(reply)
    }
  }

  #fail(batch: readonly PendingCall<Call>[], error: unknown): void {
    const { name, repeatable } = this.#options
    const again: PendingCall<Call>[] = []
    for (const pending of batch) {
      if (pending.isSettled) continue
      if (!(error instanceof WorkerLost)) {
        pending.fail(error as EngineError)
      } else if (!repeatable) {
        const why = `whether the ${name} took effect is unknown: ${error.message}`
        pending.fail(new EngineError('outcome_unknown', why, { cause: error }))
      } else if (pending.wasRetried) {
        const why = `the ${name} was tried twice, and both times ${error.message}`
        pending.fail(new EngineError('unavailable', why, { cause: error }))
      } else {
        pending.wasRetried = true
        this.#held += pending.weight
        again.push(pending)
      }
    }
    // Exclusively, so that a call that crashes its worker takes no other down a second time.
    this.#queue.addAgain(again)
  }

  /** Why no call can be carried out now: every worker failed to start. */
  #failure(): EngineError | undefined {
    let cause: EngineError | undefined
    for (const { failure } of this.#options.workers) {
      if (failure === undefined) return undefined
      cause ??= failure
    }
    const why = `no worker can ${this.#options.name}: ${cause?.message}`
    // A worker's own code says more, such as that the file is damaged.
    const isOwn = !(engineErrorCodes as readonly string[]).includes(cause?.code ?? '')
    const code = cause && isOwn ? cause.code : 'unavailable'
    return new EngineError(code, why, { cause })
  }

  #onWorkerChange(): void {
    const failure = this.#failure()
    if (failure) {
      for (const pending of this.#queue.takeAll()) {
        this.#held -= pending.weight
        pending.fail(failure)
      }
      this.#noteDrained()
    }
    this.#dispatch()
  }

  /** One timer for all calls: each has the same time, so the oldest is due first. */
  #startTimer(delay: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined
      const now = performance.now()
      this.#expire(now)
      const next = this.#nextDeadline
      if (next < Infinity) this.#timer = this.#startTimer(Math.max(1, next - now))
      this.#noteDrained()
    }, delay).unref()
  }

  #expire(now: number): void {
    const { name, timeout, repeatable } = this.#options
    for (const pending of this.#queue.takeExpired(now)) {
      this.#held -= pending.weight
      this.#counters.timeouts++
      const why = `the ${name} waited for ${timeout} ms and was not started`
      pending.fail(new EngineError('timeout', why))
    }
    for (const pending of this.#underWay.flat()) {
      if (pending.isSettled || pending.deadline > now) continue
      this.#counters.timeouts++
      const [code, why] = repeatable
        ? (['timeout', `the ${name} was not answered within ${timeout} ms`] as const)
        : ([
            'outcome_unknown',
            `the ${name} was sent and not answered within ${timeout} ms; it may still take effect`,
          ] as const)
      pending.fail(new EngineError(code, why))
    }
  }

  get #nextDeadline(): number {
    let next = this.#queue.nextDeadline
    for (const batch of this.#underWay)
      for (const { isSettled, deadline } of batch)
        if (!isSettled && deadline < next) next = deadline
    return next
  }
}
