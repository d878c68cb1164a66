import type { Steps } from '../sql/steps.ts'
import type { Store } from '../store.ts'
import type { WithEmbeddedUnits } from './json-text.ts'

/**
 * Where an operation runs:
 * - `read`: on any reader, in a batch with others.
 * - `scan`: a read whose work grows with the store, alone on a reader.
 * - `rank`: on a ranker, a reader with all approved units in memory, in a batch with others.
 * - `long rank`: likewise, but alone.
 * - `indexed scan`: alone on a ranker, or as a `scan` where there are no rankers.
 * - `write`: on the writer, atomically.
 */
export type OperationKind = 'read' | 'scan' | 'rank' | 'long rank' | 'indexed scan' | 'write'

/** The methods of Store that are operations: all but its lifecycle and those that call the others. */
export type StoreMethod = Exclude<
  keyof Store,
  'asText' | 'units' | 'readiness' | 'close' | typeof Symbol.asyncDispose
>

/**
 * A method of Store in two halves. `prepare` runs on the caller's thread: it checks the arguments and turns them
 * into what the database needs, so that bad input costs no round trip and the writer no time. `run` runs beside
 * the database, and again on another connection if a reader crashes.
 */
// biome-ignore lint/suspicious/noExplicitAny: only prepare and run know what passes between them
export interface Operation<Args extends unknown[], Result, Prepared extends unknown[] = any[]> {
  /** A function where it depends on the arguments. */
  readonly kind: OperationKind | ((...prepared: Prepared) => OperationKind)
  /** Whether a failure is logged in place of being thrown. */
  readonly bestEffort?: boolean
  /** @returns values that structured cloning carries @throws {StoreError} `invalid` */
  prepare(now: Date, ...args: Args): Prepared
  run(...prepared: Prepared): Steps<Result>
}

/** One operation for each of `Methods`, its types taken from Store. */
export type OperationsFor<Methods extends StoreMethod> = {
  readonly [M in Methods]: Operation<
    Parameters<Store[M]>,
    WithEmbeddedUnits<Awaited<ReturnType<Store[M]>>>
  >
}

/** Makes operations of one kind of their two halves. */
function operationsOf(kind: OperationKind) {
  return <Args extends unknown[], Result, const Prepared extends unknown[]>(
    prepare: (now: Date, ...args: Args) => Prepared,
    run: (...prepared: Prepared) => Steps<Result>,
  ): Operation<Args, Result> => ({
    kind,
    prepare,
    run: run as (...args: unknown[]) => Steps<Result>,
  })
}

export const read = operationsOf('read')
export const scan = operationsOf('scan')
export const rank = operationsOf('rank')
export const longRank = operationsOf('long rank')
export const write = operationsOf('write')
