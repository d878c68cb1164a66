import { fileURLToPath } from 'node:url'
import { Lane } from '../../src/threads/lane.ts'
import type { LaneOptions } from '../../src/threads/lane-options.ts'
import { WorkerThread, type WorkerThreadOptions } from '../../src/threads/worker-thread.ts'
import { Latch } from './latch.ts'
import type { Order } from './order.ts'
import { RecordedLog } from './recorded-log.ts'
import type { ObedientDuties } from './workers/obedient.ts'

/** Far beyond what any test takes: a deadline that no test is about. */
const never = 60_000

export function worker(
  options: Partial<WorkerThreadOptions> = {},
): WorkerThread<Order, ObedientDuties> {
  return new WorkerThread<Order, ObedientDuties>({
    name: 'worker',
    filename: fileURLToPath(new URL('./workers/obedient.ts', import.meta.url)),
    workerData: () => undefined,
    log: new RecordedLog(),
    ...(process.features.typescript ? {} : { execArgv: ['--import', 'tsx'] }),
    ...options,
  })
}

interface EngineOptions extends Partial<Omit<LaneOptions<Order, ObedientDuties>, 'workers'>> {
  readonly workers?: number
  readonly log?: RecordedLog
  readonly silenceDeadline?: number
}

/** A lane and its workers, started, as a store has them. */
export class Engine {
  readonly lane: Lane<Order, ObedientDuties>
  readonly workers: readonly WorkerThread<Order, ObedientDuties>[]
  readonly log: RecordedLog
  /** Where the order `wait gate` waits. */
  readonly gate: Latch

  private constructor({ workers = 1, log, silenceDeadline, ...rest }: EngineOptions) {
    this.log = log ?? new RecordedLog()
    this.gate = Latch.create('gate')
    this.workers = Array.from({ length: workers }, (_, index) =>
      worker({
        name: `worker ${index + 1}`,
        log: this.log,
        ...(silenceDeadline !== undefined && { silenceDeadline }),
      }),
    )
    this.lane = new Lane({
      name: 'call',
      workers: this.workers,
      largestBatch: 64,
      maxQueue: 1000,
      timeout: never,
      repeatable: true,
      ...rest,
    })
  }

  static async start(options: EngineOptions = {}): Promise<Engine> {
    const engine = new Engine(options)
    await Promise.all(engine.workers.map((worker) => worker.start()))
    return engine
  }

  /** Has an order obeyed in a batch with others. */
  perform(order: Order): Promise<string> {
    return this.lane.call(order, { read: String, weight: order.length })
  }

  /** Has an order obeyed on a worker of its own. */
  performAlone(order: Order): Promise<string> {
    return this.lane.call(order, { read: String, isExclusive: true, weight: order.length })
  }

  /** Has the first worker do its upkeep. */
  async upkeep(): Promise<void> {
    const [first] = this.workers
    if (first) await this.lane.perform(first, 'upkeep')
  }

  /** Makes calls that are sure to travel as one batch, since they are made while no worker is free. */
  async performTogether(orders: readonly Order[]): Promise<Promise<string>[]> {
    const held = this.workers.map(() => this.perform('wait gate'))
    await this.gate.arrived(this.workers.length)
    const behind = this.workers.map(() => this.perform('behind'))
    const calls = orders.map((order) => this.perform(order))
    // Where a call of the batch kills the worker, answers that it has just sent may be lost with it.
    for (const call of [...held, ...behind]) call.catch(() => {})
    this.gate.open()
    return calls
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Where a test failed, it may still be closed.
    this.gate.open()
    await this.lane.drain()
    this.lane.stop()
    await Promise.all(this.workers.map((worker) => worker.close(never)))
  }
}
