import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Perform } from './workload.ts'

export interface DriveOptions {
  readonly inFlight: number
  /** No call begins later than this after the first. Those that began are all answered. */
  readonly seconds: number
  /** The most calls. */
  readonly operations: number
  /** The number of the first call. */
  readonly from: number
  /** Whether calls hold up the thread, see `ContenderDescription.blocks`. */
  readonly blocks: boolean
}

export interface Driven {
  readonly operations: number
  readonly seconds: number
  /** In nanoseconds. */
  readonly latency: RecordableHistogram
}

/** Keeps as many calls under way as asked for: as soon as one is answered, the next begins. */
export async function drive(perform: Perform, options: DriveOptions): Promise<Driven> {
  const { inFlight, seconds, operations, from, blocks } = options
  const latency = createHistogram()
  const start = performance.now()
  const end = start + seconds * 1_000
  let begun = 0
  let now = start
  const goesOn = () => begun < operations && now < end
  const note = (issued: number) => {
    now = performance.now()
    latency.record(Math.max(1, Math.round((now - issued) * 1e6)))
  }

  async function client(): Promise<void> {
    while (goesOn()) {
      const issued = performance.now()
      await perform(from + begun++)
      note(issued)
    }
  }

  /** As many requests have arrived when the loop turns; the last is answered after all others. */
  async function rounds(): Promise<void> {
    while (goesOn()) {
      const arrived = performance.now()
      for (let call = 0; call < inFlight && goesOn(); call++) {
        const answer = perform(from + begun++)
        if (answer instanceof Promise) await answer
        note(arrived)
      }
      await nextTurn()
    }
  }

  if (blocks) await rounds()
  else await Promise.all(Array.from({ length: inFlight }, client))
  return { operations: begun, seconds: (performance.now() - start) / 1_000, latency }
}
