/**
 * A call to carry out: the name of an operation, what else there is to say, if anything, and the arguments. Where
 * the name is empty, `control` says what is to be done.
 */
export type Call = readonly [operation: string, more: CallDetails | 0, ...args: unknown[]]

export interface CallDetails {
  /** The Buffers among the arguments, see `pack`. */
  readonly buffers?: readonly Uint8Array[] | undefined
  /** The transaction or snapshot that the call belongs to. */
  readonly session?: number
  readonly control?: Control
}

/**
 * What is done with a session:
 * - `begin`, `commit`, `roll back`: the whole of it;
 * - `savepoint`, `roll back to`, `release`: a savepoint, whose name is the argument;
 * - `stream`: begins to read the items of an operation, and answers the first chunk;
 * - `next`: answers the next chunk; `stop`: reads no further;
 * - `backup`: copies the database into a file, whose path is the argument.
 */
export type Control =
  | 'begin'
  | 'commit'
  | 'roll back'
  | 'savepoint'
  | 'roll back to'
  | 'release'
  | 'stream'
  | 'next'
  | 'stop'
  | 'backup'

/** Some items of a stream. */
export interface Chunk {
  readonly items: unknown[]
  readonly isLast: boolean
}

/** A call that does something with a session. */
export function control(what: Control, session: number, ...args: unknown[]): Call {
  return ['', { control: what, session }, ...args]
}
