import { compare, hash } from 'bcrypt'
import { StoreError } from '../errors.ts'

const cost = 12
/** bcrypt looks at no more. */
export const longestPassword = 72
/** Hashes at once: each holds a thread of the pool that files and names are looked up with, too. */
const mostAtOnce = 2
const mostWaiting = 200

/** The hash of a password that nobody knows, checked in place of one that isn't there. */
const nobodysHash = '$2b$12$Gzegc8ZA22kOksV3fGY8FOYSWXdbWl32plfIJ5XxWUP6mJFw8/qOq'

let running = 0
const waiting: (() => void)[] = []

/** The hash that is stored of a password. @throws {RangeError} where it is longer than bcrypt looks at */
export async function hashPassword(password: string): Promise<string> {
  if (isTooLong(password))
    throw new RangeError(`a password must be at most ${longestPassword} bytes long`)
  return takingTurns(() => hash(password, cost))
}

/**
 * Whether this is the password. Without a stored hash, or with a password that is too long, it is not;
 * which takes as long to find out, so that time tells nobody who is known.
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const mayFit = stored !== undefined && !isTooLong(password)
  const fits = await takingTurns(() => compare(password, mayFit ? stored : nobodysHash))
  return fits && mayFit
}

function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > longestPassword
}

/** @throws {StoreError} `overloaded` */
async function takingTurns<Result>(work: () => Promise<Result>): Promise<Result> {
  if (waiting.length >= mostWaiting)
    throw new StoreError('overloaded', `${mostWaiting} passwords wait to be checked`)
  if (running >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve))
  else running++
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}
