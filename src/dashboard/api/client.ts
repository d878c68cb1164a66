import createClient from 'openapi-fetch'
import { serverAddress } from './address.ts'
import { ApiError, refusal } from './errors.ts'
import { serverAnswered, serverAway } from './reachability.ts'
import type { paths } from './schema.d.ts'
import { renewal, session } from './session.ts'

/** The API; the paths begin with /api/v1. Use it with `answerOf`. */
export const api = createClient<paths>({
  baseUrl: serverAddress,
  fetch: send,
})

/** Sends a call as whoever is logged in. A call that an expired session fails is repeated after login. */
async function send(request: Request): Promise<Response> {
  for (;;) {
    const token = session.value?.token
    const attempt = request.clone()
    if (token !== undefined) attempt.headers.set('authorization', `Bearer ${token}`)
    const response = await reach(attempt)
    if (response.status !== 401 || token === undefined) return response
    await renewal(token)
  }
}

/** Sends a call without the session, as logging in needs. */
export async function reach(request: Request): Promise<Response> {
  let response: Response
  try {
    response = await fetch(request)
  } catch (error) {
    // The page itself gave up: nothing is known of the server.
    if (request.signal.aborted) throw error
    serverAway()
    throw new ApiError('The server cannot be reached.', 0)
  }
  if (response.status === 502 || response.status === 504) serverAway()
  else serverAnswered()
  return response
}

/** The body of the answer; throws an ApiError if the server refuses. */
export async function answerOf<Body>(
  call: Promise<{ data?: Body; error?: unknown; response: Response }>,
): Promise<Exclude<Body, undefined>> {
  const { data, error, response } = await call
  if (!response.ok) throw refusal(response, error)
  return data as Exclude<Body, undefined>
}
