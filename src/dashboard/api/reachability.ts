import { serverAddress } from './address.ts'
import { Observable } from './observable.ts'

const firstWait = 1_000
const longestWait = 30_000

/** Since when the server does not answer, and when it is asked next; null while it answers. */
export const outage = new Observable<{ since: number; nextTry: number } | null>(null)

let wait = firstWait
let timer: ReturnType<typeof setTimeout> | undefined

/** To be called when the server answered. */
export function serverAnswered(): void {
  clearTimeout(timer)
  wait = firstWait
  outage.set(null)
}

/** To be called when no server answered: asks it, ever less often, until it does. */
export function serverAway(): void {
  if (outage.value === null) plan(Date.now())
}

/** Asks the server now. */
export async function askServer(): Promise<void> {
  clearTimeout(timer)
  const since = outage.value?.since ?? Date.now()
  try {
    const response = await fetch(`${serverAddress}/api/v1/health`, {
      cache: 'no-store',
      signal: AbortSignal.timeout(10_000),
    })
    // A proxy answers so in the server's place.
    if (response.status === 502 || response.status === 504) throw new Error('no answer')
    serverAnswered()
  } catch {
    wait = Math.min(wait * 2, longestWait)
    plan(since)
  }
}

function plan(since: number): void {
  clearTimeout(timer)
  outage.set({ since, nextTry: Date.now() + wait })
  timer = setTimeout(askServer, wait)
}

addEventListener('online', () => {
  if (outage.value !== null) void askServer()
})
addEventListener('offline', serverAway)
