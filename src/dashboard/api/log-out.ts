import { serverAddress } from './address.ts'
import { answerOf, api, reach } from './client.ts'
import { endSession, session } from './session.ts'

/** Logs out here at once, and on the server if it can be reached. */
export function logOut(): void {
  const token = session.value?.token
  endSession()
  if (token === undefined) return
  const request = new Request(`${serverAddress}/api/v1/auth/logout`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    // Also if the page is closed now.
    keepalive: true,
  })
  // Without the server, the token is forgotten here and expires within a day.
  reach(request).catch(() => {})
}

/** Logs out on every device; throws an ApiError if the server does not do it, and then nothing has changed. */
export async function logOutEverywhere(): Promise<void> {
  await answerOf(api.POST('/api/v1/auth/logout', { params: { query: { all_devices: true } } }))
  endSession()
}
