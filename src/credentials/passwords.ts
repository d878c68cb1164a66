import { compare, hash } from 'bcrypt'
import { StoreError } from '../errors.ts'

const cost = 12
/** bcrypt looks at no more. */
export const longestPassword = 72
/** Hashes at once: each holds a thread of the pool that files and names are looked up with, too. */
const mostAtOnce = 2
const mostWaiting = 200
/** The most that wait of one waiter: so many are checked within some two seconds. */
const mostOfOne = 16

/** The hash of a password that nobody knows, checked in place of one that isn't there. */
const nobodysHash = '$2b$12$Gzegc8ZA22kOksV3fGY8FOYSWXdbWl32plfIJ5XxWUP6mJFw8/qOq'

let running = 0
/** Who waits, by whose turn it is next, and for what. */
const waiting = new Map<string, (() => void)[]>()

/** The hash that is stored of a password. @throws {StoreError} `invalid` if it is too long */
export async function hashPassword(password: string): Promise<string> {
  if (isTooLong(password))
    throw new StoreError('invalid', `a password must be at most ${longestPassword} bytes long`)
  return takingTurns({}, () => hash(password, cost))
}

export interface TurnOptions {
  /** Those of one waiter wait for each other, and others for one of each at most. @default '' */
  readonly waiter?: string
  /** Whether anybody waits for the answer still. */
  readonly isWanted?: () => boolean
}

/**
 * Whether this is the password. Without a stored hash, or with a password that is too long, it is not;
 * which takes as long to find out, so that time tells nobody who is known.
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

/** @throws {StoreError} `overloaded`; `unavailable` where nobody wants it any more */
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

/** To the next waiter; the one after that has the next. */
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
