import { setTimeout } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import type { Send } from './connection.ts'
import { ConnectionLost, endsConnection, isPassing, isStalePlan, toStoreError } from './errors.ts'
import { type Position, selectPosition } from './replicas.ts'

/** How a transaction begins. */
export interface Beginning {
  readonly kind: 'write' | 'snapshot'
  /** The most milliseconds that each statement may take, where that is not a setting of the session. */
  readonly statementTimeout?: number | undefined
  /** The most milliseconds that each statement may wait for what another transaction has locked. */
  readonly lockTimeout?: number | undefined
  /** Is told how far the log had got with the commit. */
  readonly position?: Position | undefined
}

const modes = {
  write: 'isolation level read committed read write',
  snapshot: 'isolation level repeatable read read only',
} as const

/**
 * Does work in a transaction. What begins a snapshot travels with the first statement, whose answer is not used if it
 * fails. Nothing is written before a transaction is known to have begun, since it would be stored at once.
 * @throws what the work or the commit failed with, after all was rolled back; `ConnectionLost` if it could not begin or
 * be rolled back; `outcome_unknown` if the connection was lost while it was committed
 */
export async function inTransaction<Result>(
  send: Send,
  { kind, statementTimeout, lockTimeout, position }: Beginning,
  work: () => Promise<Result>,
): Promise<Result> {
  const limit = (name: string, most: number | undefined) =>
    most === undefined ? '' : `; set local ${name} = ${most}`
  const limits = limit('statement_timeout', statementTimeout) + limit('lock_timeout', lockTimeout)
  const begun = send(`begin ${modes[kind]}${limits}`).catch(giveUp('a transaction could not begin'))
  begun.catch(() => {})
  if (kind === 'write') await begun
  let result: Result
  try {
    result = await work()
  } catch (error) {
    await begun
    if (!endsConnection(error) && !isStalePlan(error))
      await send('rollback').catch(giveUp('what had failed could not be rolled back'))
    throw error
  }
  await begun
  if (kind === 'write') await commit(send, position)
  // What was read is not changed by how this ends; a lost connection is found by its next user.
  else send('commit').catch(() => {})
  return result
}

/** Has the connection given up, of which nobody knows any more whether a transaction is open. */
function giveUp(what: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof ConnectionLost) throw error
    throw new ConnectionLost(`${what}: ${toStoreError(error).message}`, { cause: error })
  }
}

async function commit(send: Send, position: Position | undefined): Promise<void> {
  let command: string
  try {
    const committed = send('commit')
    const asked = position && send(selectPosition, [])
    asked?.catch(() => {})
    command = (await committed).command
    await asked?.then(
      ({ rows }) => position?.advance(String(rows[0]?.position)),
      () => position?.lose(),
    )
  } catch (error) {
    if (!endsConnection(error)) throw error
    const why = `whether the write took effect is unknown: ${(error as Error).message}`
    throw new StoreError('outcome_unknown', why, { cause: error })
  }
  if (command !== 'COMMIT')
    throw new StoreError('internal', 'a transaction that had failed was to be committed')
}

/** How often something is tried again that met others. */
const mostRetries = 3
/** The longest pause before it is, in milliseconds; the pauses of two that met differ. */
const longestPause = 50

/**
 * Does work again whose transaction met another one, or a statement that was prepared for another schema.
 * @param isRepeatable whether it is also done again after its connection was lost, as reads can be
 */
export async function withRetries<Result>(
  isRepeatable: boolean,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let retries = 0; ; retries++)
    try {
      return await work()
    } catch (error) {
      const isWorthOne = isStalePlan(error) || (isRepeatable && isLost(error))
      if (retries >= (isPassing(error) ? mostRetries : isWorthOne ? 1 : 0)) throw error
      await setTimeout(Math.random() * longestPause)
    }
}

/** Whether the connection was lost, and not given up since the server was silent. */
function isLost(error: unknown): boolean {
  return endsConnection(error) && !(error instanceof ConnectionLost && error.wasSilent)
}
