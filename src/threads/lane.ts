import { Admission } from './admission.ts'
import { CallQueue } from './call-queue.ts'
import { OffloadError, WorkerLost } from './errors.ts'
import { lostWith, notAnswered, notStarted } from './failures.ts'
import { LaneCounters, type LaneFigures } from './lane-figures.ts'
import type { CallOptions, LaneOptions } from './lane-options.ts'
import { Lease } from './lease.ts'
import { PendingCall, type PendingCallOptions } from './pending-call.ts'
import { type BatchReply, toError } from './reply.ts'
import { leastBusy, type Seat } from './seat.ts'
import { Seats } from './seats.ts'
import { tasksInFlight } from './thread-run.ts'
import { inTurns } from './turns.ts'
import { UnderWay } from './under-way.ts'
import type { Worker } from './worker.ts'
import type { Duties } from './worker-module.ts'

/**
 * Sends calls to workers in batches. While a worker is free, a call leaves at once; while all are busy, calls
 * gather and travel as one task, since a round trip costs more than most calls. There is no timer, so that
 * batching adds no delay. Calls leave in the order in which they came.
 *
 * An exclusive call may be long, and gets a worker to itself, so that no other call waits behind it. If there are
 * several workers, one is always left to the batches. A single worker alternates: one exclusive call, then all
 * others that wait, so that these wait for one long call at most.
 *
 * A caller who needs the same worker for several calls takes a lease: `hold` as its only user, `share` among others.
 */
export class Lane<Call, WorkerDuties extends Duties = Duties> {
  readonly #options: LaneOptions<Call, WorkerDuties>
  readonly #seats: Seats<Call, WorkerDuties>
  readonly #queue = new CallQueue<Call>()
  readonly #underWay = new UnderWay<Call>()
  readonly #counters = new LaneCounters()
  readonly #admission: Admission
  readonly #mostReserved: number
  /** Seats that have an exclusive call, or are kept free for one. */
  #reserved = 0
  /** Of these, the ones that still have a batch to finish. */
  #awaited = 0
  #lastWasExclusive = false
  #tickets = 0
  #dispatchIsDue = false
  #timer: NodeJS.Timeout | undefined
  #onDrained: (() => void) | undefined

  constructor(options: LaneOptions<Call, WorkerDuties>) {
    this.#options = options
    this.#admission = new Admission(options)
    this.#seats = new Seats(options)
    this.#mostReserved = Math.max(1, options.workers.length - 1)
    for (const worker of options.workers) worker.onChange = () => this.#onWorkerChange()
  }

  get figures(): LaneFigures {
    return {
      ...this.#counters.figures,
      waiting: this.#queue.size,
      underWay: this.#underWay.size,
      held: this.#admission.held,
      restarts: this.#seats.restarts,
    }
  }

  /** Whether a worker has had a call for longer than that may take. */
  get isLate(): boolean {
    return this.#underWay.isLate(performance.now())
  }

  /** Workers that have nothing to do. */
  get idleWorkers(): Worker<Call, WorkerDuties>[] {
    return this.#seats.idleWorkers
  }

  /** Whether somebody holds a worker for several calls. */
  get isHeld(): boolean {
    return this.#seats.areHeld
  }

  /**
   * Carries out a call: resolves to its result.
   * @throws what `translate` makes of `overloaded`, `timeout`, `outcome_unknown`, `unavailable`, or of the
   * worker's own failure; the reason of the signal if that aborted first
   */
  call<Result>(call: Call, options: CallOptions<Result>): Promise<Result> {
    return this.#accept(call, options)
  }

  /**
   * Holds a worker, once it has done what came before: no other call goes there until the lease is released.
   * @param name what the lease is for, as errors name it
   * @param begin the first call; `undo` is sent if its caller is gone by the time it is answered
   * @throws as `call`
   */
  hold(name: string, begin: Call, undo: Call, signal?: AbortSignal): Promise<Lease<Call>> {
    const read = (lease: unknown) => lease as Lease<Call>
    const options = { read, isExclusive: true, whenLost: 'undone', signal } as const
    return this.#accept(begin, options, { name, undo })
  }

  /** A share in the worker that has the least to do. @throws {OffloadError} `unavailable` */
  share(name: string): Lease<Call> {
    const seat = this.#seats.leastBusy
    if (!seat) {
      const why = `no worker can ${this.#options.name} now: each is restarting`
      throw this.#seats.failure ?? new OffloadError('unavailable', why)
    }
    seat.leases++
    return this.#lease(name, seat, () => {
      seat.leases--
    })
  }

  /** Has a worker carry out a duty, which counts as a batch in flight there. @throws {OffloadError} */
  async perform<Name extends keyof WorkerDuties & string>(
    worker: Worker<Call, WorkerDuties>,
    duty: Name,
  ): Promise<Awaited<ReturnType<WorkerDuties[Name]>>> {
    const seat = this.#seats.of(worker)
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
    await new Promise<void>((resolve) => (this.#onDrained = resolve))
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #accept<T>(call: Call, options: CallOptions<T>, holds?: PendingCall<Call>['holds']): Promise<T> {
    return new Promise((resolve, reject) => {
      const { isExclusive = false, weight = 0, signal } = options
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const { maxQueue, timeout } = this.#options
      // Calls made in this same turn wait for its end, even if a worker is free.
      if (this.#queue.size >= maxQueue) this.#dispatch()
      const settling = { resolve: resolve as never, reject }
      const pending = this.#pending(call, { ...options, ...settling, timeout, holds })
      const refusal = this.#admission.refusal(weight, this.#queue.size)
      if (refusal) this.#counters.overloads++
      const failure = refusal ?? this.#seats.failure
      if (failure) {
        pending.fail(failure)
        return
      }
      this.#counters.calls++
      this.#admission.held += weight
      this.#queue.add(pending, isExclusive)
      pending.observe('queued')
      if (signal) pending.abortBy(signal, () => this.#withdraw(pending))
      this.#timer ??= this.#startTimer(timeout)
      this.#dispatchSoon()
    })
  }

  #pending(
    call: Call,
    options: CallOptions<unknown> &
      Pick<PendingCallOptions<Call>, 'timeout' | 'holds' | 'resolve' | 'reject'>,
  ): PendingCall<Call> {
    const { repeatable, observe } = this.#options
    const { weight = 0, whenLost = repeatable ? 'again' : 'unknown', ...rest } = options
    const ticket = this.#tickets++
    return new PendingCall<Call>({ ...rest, call, weight, whenLost, ticket, observe })
  }

  /** Takes a call back that still waits; whether it did. */
  #withdraw(pending: PendingCall<Call>): boolean {
    if (!this.#queue.remove(pending)) return false
    this.#admission.held -= pending.weight
    this.#noteDrained()
    return true
  }

  #lease(name: string, seat: Seat<Call, WorkerDuties>, release: () => void): Lease<Call> {
    return new Lease<Call>({
      name,
      seat,
      send: (call, options) => {
        const { promise, resolve, reject } = Promise.withResolvers<unknown>()
        const pending = this.#pending(call, { ...options, timeout: Infinity, resolve, reject })
        this.#counters.calls++
        pending.observe('queued')
        void this.#send(seat, [pending], false)
        return { pending, result: promise as never }
      },
      release,
    })
  }

  /** Gives the caller of `hold` the worker that has done their first call. */
  #beginHold(seat: Seat<Call, WorkerDuties>, pending: PendingCall<Call>, name: string, undo: Call) {
    const lease = this.#lease(name, seat, () => {
      seat.holder = undefined
      this.#release(seat)
      this.#dispatchSoon()
    })
    seat.holder = lease
    if (!pending.isSettled) pending.settle(lease, '')
    else {
      const undone = lease.call(undo, { read: () => undefined })
      // If it fails, the worker is replaced.
      void undone.catch(() => {}).finally(() => lease.release())
    }
  }

  get #isDrained(): boolean {
    return this.#queue.size === 0 && this.#underWay.areSettled
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
    // A process does not end while calls wait, though nothing else keeps it.
    if (this.#queue.size > 0) this.#timer?.ref()
    else this.#timer?.unref()
  }

  #dispatchExclusive(): void {
    for (const seat of this.#seats.all)
      if (seat.isReserved && !seat.holder && seat.inFlight === 0) this.#sendExclusive(seat)
    while (this.#queue.exclusive > this.#awaited && this.#mayReserve) {
      const seat = leastBusy(this.#seats.all, tasksInFlight)
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
    return this.#seats.all.length > 1 || !isTurnOfBatches
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
      const seats = this.#seats.forBatches
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

  async #send(
    seat: Seat<Call, WorkerDuties>,
    batch: PendingCall<Call>[],
    isExclusive: boolean,
  ): Promise<void> {
    seat.inFlight++
    this.#lastWasExclusive = isExclusive || seat.holder !== undefined
    this.#underWay.add(batch)
    const sentAt = performance.now()
    this.#counters.countBatch(batch.length, sentAt - (batch[0]?.madeAt ?? sentAt))
    for (const pending of batch) pending.observe('sent')
    try {
      const reply = await seat.worker.answer(batch.map(({ call }) => call))
      const settle = (from: number, to: number) => this.#settle(seat, batch, reply, from, to)
      for (const notice of reply.notices ?? []) this.#options.onNotice?.(notice)
      const turns = inTurns(batch.length, settle)
      if (turns) await turns
    } catch (error) {
      this.#fail(batch, error)
    } finally {
      this.#counters.countRun(performance.now() - sentAt)
      seat.inFlight--
      // At once, since a reserved seat with nothing in flight waits for its call.
      if (isExclusive && !seat.holder) this.#release(seat)
      this.#underWay.delete(batch)
      for (const { weight } of batch) this.#admission.held -= weight
      this.#noteDrained()
      this.#dispatchSoon()
    }
  }

  #settle(
    seat: Seat<Call, WorkerDuties>,
    batch: readonly PendingCall<Call>[],
    { results, forms, failures }: BatchReply,
    from: number,
    to: number,
  ): void {
    for (let index = from; index < to; index++) {
      const pending = batch[index] as PendingCall<Call>
      const failure = failures?.get(index)
      if (failure) {
        this.#options.onFailure?.(failure)
        pending.fail(toError(failure))
      } else if (index >= results.length)
        pending.fail(new OffloadError('internal', 'the worker did not answer the call'))
      else if (pending.holds) this.#beginHold(seat, pending, pending.holds.name, pending.holds.undo)
      else pending.settle(results[index], forms?.[index] ?? '')
    }
  }

  #fail(batch: readonly PendingCall<Call>[], error: unknown): void {
    const again: PendingCall<Call>[] = []
    for (const pending of batch) {
      if (pending.isSettled) continue
      const failure =
        error instanceof WorkerLost
          ? lostWith(error, this.#options.name, pending)
          : (error as OffloadError)
      if (failure) pending.fail(failure)
      else {
        pending.wasRetried = true
        this.#admission.held += pending.weight
        again.push(pending)
      }
    }
    // Exclusively, so that a call that crashes its worker takes no other down a second time.
    this.#queue.addAgain(again)
  }

  #onWorkerChange(): void {
    this.#seats.releaseLost()
    const failure = this.#seats.failure
    if (failure) {
      for (const pending of this.#queue.takeAll()) {
        this.#admission.held -= pending.weight
        pending.fail(failure)
      }
      this.#noteDrained()
    }
    this.#dispatch()
  }

  /** One timer for all calls: each has the same time, so the oldest is due first. */
  #startTimer(delay: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timer = undefined
      const now = performance.now()
      this.#expire(now)
      const next = Math.min(this.#queue.nextDeadline, this.#underWay.nextDeadline)
      if (next < Infinity) this.#timer = this.#startTimer(Math.max(1, next - now))
      this.#noteDrained()
    }, delay)
    return this.#queue.size > 0 ? timer : timer.unref()
  }

  #expire(now: number): void {
    const { name, timeout } = this.#options
    for (const pending of this.#queue.takeExpired(now)) {
      this.#admission.held -= pending.weight
      this.#counters.timeouts++
      pending.fail(notStarted(name, timeout))
    }
    for (const pending of this.#underWay.expired(now)) {
      this.#counters.timeouts++
      pending.fail(notAnswered(name, timeout, pending))
    }
  }
}
