import { type Channel, channel } from 'node:diagnostics_channel'
import type { CallEvent, PendingCall } from '../threads/pending-call.ts'
import type { Call } from './calls.ts'

/**
 * What subscribers of `cq-store:call:queued`, `cq-store:call:sent`, `cq-store:call:done` and
 * `cq-store:call:failed` get. A call has the same `id` in all of them.
 */
export interface CallMessage {
  /** The database file. */
  readonly path: string
  /** The lane: `read`, `write` or `index`. */
  readonly lane: string
  readonly operation: string
  /** Unique among the calls of a lane. */
  readonly id: number
  /** The time since the call was made, in milliseconds. */
  readonly elapsed: number
  /** Why it failed. */
  readonly error?: Error
}

/** What subscribers of `cq-store:worker:started` and `cq-store:worker:died` get. */
export interface WorkerMessage {
  readonly path: string
  /** `writer`, `reader 1`, `indexer 1`, `checkpointer`. */
  readonly worker: string
  /** Why it died; it is replaced. */
  readonly error?: unknown
}

const calls: Readonly<Record<CallEvent, Channel>> = {
  queued: channel('cq-store:call:queued'),
  sent: channel('cq-store:call:sent'),
  done: channel('cq-store:call:done'),
  failed: channel('cq-store:call:failed'),
}

const workers = {
  started: channel('cq-store:worker:started'),
  died: channel('cq-store:worker:died'),
}

/** Where events come from. */
export interface EventSource {
  readonly path: string
}

/** Publishes what happens to the calls of a lane, to whoever subscribes. */
export function callObserver({ path }: EventSource, lane: string) {
  return (event: CallEvent, pending: PendingCall<Call>, error?: Error): void => {
    const published = calls[event]
    if (!published.hasSubscribers) return
    const [name, details] = pending.call
    const message: CallMessage = {
      path,
      lane,
      operation: name || (details !== 0 && details.control) || 'unknown',
      id: pending.ticket,
      elapsed: performance.now() - pending.madeAt,
      ...(error && { error }),
    }
    published.publish(message)
  }
}

/** Publishes that a worker has started or died, to whoever subscribes. */
export function workerObserver({ path }: EventSource, worker: string) {
  return (event: 'started' | 'died', error?: unknown): void => {
    const message: WorkerMessage = { path, worker, ...(error !== undefined && { error }) }
    if (workers[event].hasSubscribers) workers[event].publish(message)
  }
}
