import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { Attempts } from './attempts.ts'

/** How long a successful login exempts its user at that address, in milliseconds: a day, like a token. */
const knownFor = 24 * 60 * 60 * 1000
const mostKnown = 50_000

export interface LoginLimitOptions {
  /** How many logins may fail within a minute, for each name and address. @default 20 */
  readonly failures?: number | undefined
  /** A monotonic clock, in milliseconds. */
  readonly now?: (() => number) | undefined
}

/** A login attempt. */
export interface LoginAttempt {
  /** How many seconds to wait before trying again; 0 if none. */
  readonly seconds: number
  /** Whose turn it takes when passwords wait to be checked. */
  readonly waiter: string
  /** Takes the attempt back, since it did not fail. */
  forgive(outcome: 'right' | 'unknown'): void
}

/**
 * Limits failed logins: by name and address; five times as many by address; ten times as many by name. An address
 * is a network, for IPv6 a /64.
 *
 * A name that has logged in from an address within a day is limited there by name and address only: strangers who
 * share the address or know the name cannot lock it out.
 */
export class LoginLimit {
  readonly #byBoth: Attempts
  readonly #byAddress: Attempts
  readonly #byName: Attempts
  readonly #now: () => number
  /** When each name last logged in from an address, the one that was idle longest first. */
  readonly #known = new Map<string, number>()

  constructor({ failures = 20, now = () => performance.now() }: LoginLimitOptions = {}) {
    this.#byBoth = new Attempts(failures)
    this.#byAddress = new Attempts(5 * failures)
    this.#byName = new Attempts(10 * failures)
    this.#now = now
  }

  /** Counts an attempt, if one is allowed. */
  attempt(username: string, ip: string): LoginAttempt {
    const now = this.#now()
    const network = networkOf(ip)
    const [both, name] = [digest(username, network), digest(username)]
    const isKnown = now - (this.#known.get(both) ?? -Infinity) < knownFor
    const counters: [Attempts, string][] = [[this.#byBoth, both]]
    if (!isKnown) counters.push([this.#byAddress, network], [this.#byName, name])
    const seconds = Math.max(...counters.map(([attempts, key]) => attempts.wait(key, now)))
    if (seconds === 0) for (const [attempts, key] of counters) attempts.note(key, now)
    return {
      seconds,
      waiter: isKnown ? both : network,
      forgive: (outcome) => {
        for (const [attempts, key] of counters) attempts.forgive(key, now)
        if (outcome === 'right') this.#remember(both)
      },
    }
  }

  #remember(both: string): void {
    this.#known.delete(both)
    this.#known.set(both, this.#now())
    if (this.#known.size <= mostKnown) return
    const [quietest] = this.#known.keys()
    if (quietest !== undefined) this.#known.delete(quietest)
  }
}

/** Of one length, whatever the length of the name. */
function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}

/** The network of an address, as far as one client controls it: for IPv6 the first 64 bits. */
export function networkOf(ip: string): string {
  const [address = ''] = ip.split('%', 1)
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1] as string
  if (!isIPv6(address)) return address
  // Written in full, in the one form that a URL uses.
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = before === '' ? [] : before.split(':')
  const rest = after ? after.split(':') : []
  const zeros = after === undefined ? 0 : 8 - groups.length - rest.length
  return [...groups, ...Array<string>(zeros).fill('0'), ...rest].slice(0, 4).join(':')
}
