import { compare, hash } from 'bcrypt'
import { StoreError } from '../errors.ts'

/** Of passwords that people choose. */
const cost = 12
/** The lowest that there is: nobody can guess a random password, however fast the hash. */
const costOfRandom = 4
/** bcrypt ignores the rest. */
export const longestPassword = 72
/**
 * How many hashes are computed at once: each occupies a thread of Node's pool, which also serves files and DNS.
 */
const mostAtOnce = 2
const mostWaiting = 200
/** The most that may wait from one waiter: they are checked within some two seconds. */
const mostOfOne = 16

/** The hash of a random password, checked in place of one that does not exist. */
const nobodysHash = '$2b$12$Gzegc8ZA22kOksV3fGY8FOYSWXdbWl32plfIJ5XxWUP6mJFw8/qOq'

let running = 0
/** Who waits, in the order of turns, with what each waits for. */
const waiting = new Map<string, (() => void)[]>()

/**
 * The hash that is stored of a password.
 * @param isRandom whether it was generated, with at least 64 random bits, so that a fast hash is as good
 * @throws {StoreError} `invalid` if it is too long
 */
export async function hashPassword(
  password: string,
  { isRandom = false }: { readonly isRandom?: boolean } = {},
): Promise<string> {
  if (isTooLong(password))
    throw new StoreError('invalid', `a password must be at most ${longestPassword} bytes long`)
  return takingTurns({}, () => hash(password, isRandom ? costOfRandom : cost))
}

export interface TurnOptions {
  /** Waiters take turns: one password of each. @default '' */
  readonly waiter?: string
  /** Whether the answer is still wanted. */
  readonly isWanted?: () => boolean
}

/**
 * Whether this is the password. If there is no stored hash, or the password is too long, the answer is no; it
 * takes as long, so that timing does not reveal which names exist.
 * @throws {StoreError} `overloaded`
 */
export async function isPassword(
  password: string,
  stored: string | undefined,
  turn: TurnOptions = {},
): Promise<boolean> {
  const mayFit = stored !== undefined && !isTooLong(password)
  const fits = await takingTurns(turn, () => compare(password, mayFit ? stored : nobodysHash))
  return fits && mayFit
}

function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > longestPassword
}

/** @throws {StoreError} `overloaded`; `unavailable` if the answer is no longer wanted */
async function takingTurns<Result>(
  { waiter = '', isWanted = () => true }: TurnOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  if (running < mostAtOnce) running++
  else await waitForTurn(waiter)
  try {
    if (!isWanted()) throw new StoreError('unavailable', 'nobody waits for the password any more')
    return await work()
  } finally {
    giveTurn()
  }
}

function waitForTurn(waiter: string): Promise<void> {
  const own = waiting.get(waiter) ?? []
  let count = 0
  for (const { length } of waiting.values()) count += length
  if (count >= mostWaiting || own.length >= mostOfOne)
    throw new StoreError('overloaded', `${count} passwords wait to be checked`)
  waiting.set(waiter, own)
  return new Promise((resolve) => own.push(resolve))
}

/** Gives the next waiter its turn, and moves it to the end. */
function giveTurn(): void {
  const [next] = waiting
  if (!next) {
    running--
    return
  }
  const [waiter, own] = next
  waiting.delete(waiter)
  const begin = own.shift()
  if (own.length > 0) waiting.set(waiter, own)
  begin?.()
}
