import { type BatchReply, type DutyReply, type Failure, toFailure } from './reply.ts'

/** What a worker does besides answering calls, by name. Results must survive structured cloning. */
export type Duties = Readonly<Record<string, () => unknown>>

/** What runs in a worker thread. */
export interface WorkerModule<Call, WorkerDuties extends Duties = Duties> {
  /** Opens what the calls work on. The result is kept as `WorkerThread.report`. */
  open(): unknown
  /** Answers a batch of calls. */
  answer(calls: readonly Call[]): BatchReply | Promise<BatchReply>
  readonly duties?: WorkerDuties
  /** Closes what was opened. */
  close(): unknown
  /** Makes data of what `open`, `close` or a duty threw. @default by the error's own code */
  toFailure?(error: unknown): Failure
}

/** What a `WorkerThread` sends its worker: a batch of calls, or the name of a duty. */
export type Task<Call> = readonly Call[] | string

/** What a worker file exports as its default. */
export type TaskHandler<Call> = (
  task: Task<Call>,
) => BatchReply | Promise<BatchReply> | Promise<DutyReply>

/**
 * Makes the default export of a worker file:
 * `export default serveWorker({ open, answer, duties: { vacuum }, close })`.
 */
export function serveWorker<Call>(module: WorkerModule<Call>): TaskHandler<Call> {
  const duties: Duties = {
    ...module.duties,
    open: () => module.open(),
    close: () => module.close(),
  }
  const perform = async (name: string): Promise<DutyReply> => {
    try {
      return { result: await duties[name]?.() }
    } catch (error) {
      return (module.toFailure ?? toFailure)(error)
    }
  }
  return (task) => (typeof task === 'string' ? perform(task) : module.answer(task))
}
