import { dashboardBase } from './address.ts'
import { ApiError } from './errors.ts'
import { Observable } from './observable.ts'

/** Who is logged in. */
export interface Session {
  readonly token: string
  readonly username: string
}

/** Servers under other prefixes of one origin share its storage, and have sessions of their own. */
const storageKey = `cq-session ${dashboardBase}`

/** Who is logged in, or null. */
export const session = new Observable<Session | null>(stored())

/** Whether the server no longer takes the session's token: then the page asks for the password again. */
export const isSessionExpired = new Observable(false)

/** Calls that wait for the person to log in again. */
const waiting: { proceed: () => void; giveUp: (error: Error) => void }[] = []

/** Begins a session, or renews the present one: then the calls that wait are repeated. */
export function beginSession(begun: Session): void {
  keep(begun)
  session.set(begun)
  isSessionExpired.set(false)
  for (const call of waiting.splice(0)) call.proceed()
}

/** Ends the session; calls that wait fail. */
export function endSession(): void {
  keep(null)
  session.set(null)
  isSessionExpired.set(false)
  for (const call of waiting.splice(0)) call.giveUp(new ApiError('You are logged out.', 401))
}

/** Resolves when the person has logged in again; rejects if they log out instead. */
export function renewal(refusedToken: string): Promise<void> {
  // Another call, or another tab, may have renewed it since the refused call was sent.
  if (session.value !== null && session.value.token !== refusedToken) return Promise.resolve()
  if (session.value === null) return Promise.reject(new ApiError('You are logged out.', 401))
  return new Promise((proceed, giveUp) => {
    waiting.push({ proceed, giveUp })
    isSessionExpired.set(true)
  })
}

// Logging in or out in one tab does so in all.
addEventListener('storage', (event) => {
  if (event.key !== storageKey && event.key !== null) return
  const next = stored()
  if (next === null) endSession()
  else if (session.value === null || next.username === session.value.username) beginSession(next)
  // Another person's session must not repeat this one's calls.
  else location.reload()
})

function stored(): Session | null {
  try {
    const parsed = JSON.parse(localStorage.getItem(storageKey) ?? 'null')
    const isSession = typeof parsed?.token === 'string' && typeof parsed.username === 'string'
    return isSession ? { token: parsed.token, username: parsed.username } : null
  } catch {
    return null
  }
}

function keep(kept: Session | null): void {
  try {
    if (kept === null) localStorage.removeItem(storageKey)
    else localStorage.setItem(storageKey, JSON.stringify(kept))
  } catch {
    // Without storage, the session lasts as long as the page.
  }
}
