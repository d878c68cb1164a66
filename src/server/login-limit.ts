import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { Attempts } from './attempts.ts'

/** For how long a right login lets its user pass from that address, in milliseconds: a day, as a token. */
const knownFor = 24 * 60 * 60 * 1000
const mostKnown = 50_000

export interface LoginLimitOptions {
  /** How many logins may fail within a minute, for each user name and address. @default 20 */
  readonly failures?: number | undefined
  /** The time, in milliseconds. It never goes back, unlike a clock that is set. */
  readonly now?: (() => number) | undefined
}

/** A login that is being tried. */
export interface LoginAttempt {
  /** After how many seconds it may be tried again; 0 where it may be now. */
  readonly seconds: number
  /** Whose turn it takes where passwords wait to be checked. */
  readonly waiter: string
  /** Takes it back, as it did not fail. */
  forgive(outcome: 'right' | 'unknown'): void
}

/**
 * Counts failed logins, so that nobody tries many passwords: by user name and address, five times as many by
 * address, and ten times as many by user name. An address is that of a network, for IPv6 a /64.
 *
 * Who has logged in from an address within a day is counted there by name and address only: others, who share
 * the address or know the name, lock nobody out who comes back.
 */
export class LoginLimit {
  readonly #byBoth: Attempts
  readonly #byAddress: Attempts
  readonly #byName: Attempts
  readonly #now: () => number
  /** When a name and address last logged in, the one that is quiet longest first. */
  readonly #known = new Map<string, number>()

  constructor({ failures = 20, now = () => performance.now() }: LoginLimitOptions = {}) {
    this.#byBoth = new Attempts(failures)
    this.#byAddress = new Attempts(5 * failures)
    this.#byName = new Attempts(10 * failures)
    this.#now = now
  }

  /** Notes an attempt, where one may be made. */
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

/** Of one length, however long a name somebody makes up. */
function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}

/** The network that an address is in, as far as one client has all of it: for IPv6 the first 64 bits. */
export function networkOf(ip: string): string {
  const [address = ''] = ip.split('%', 1)
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1] as string
  if (!isIPv6(address)) return address
  // Written in full, in the one form that a URL has for it.
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = before === '' ? [] : before.split(':')
  const rest = after ? after.split(':') : []
  const zeros = after === undefined ? 0 : 8 - groups.length - rest.length
  return [...groups, ...Array<string>(zeros).fill('0'), ...rest].slice(0, 4).join(':')
}
