import { QueryClient } from '@tanstack/preact-query'
import { ApiError } from './errors.ts'
import { outage } from './reachability.ts'
import { session } from './session.ts'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // Whether the browser believes to be on line says nothing of a server on this machine.
      networkMode: 'always',
      staleTime: 15_000,
      retry: (failures, error) => error instanceof ApiError && error.isTemporary && failures < 2,
      retryDelay: (failures, error) =>
        Math.min(
          error instanceof ApiError && error.retryAfter !== null
            ? error.retryAfter * 1_000
            : 500 * 2 ** failures,
          5_000,
        ),
    },
    mutations: { networkMode: 'always' },
  },
})

// What failed while the server was away is asked for again when it is back.
let wasAway = false
outage.subscribe(() => {
  const isAway = outage.value !== null
  if (wasAway && !isAway) {
    void queryClient.refetchQueries({
      type: 'active',
      predicate: (query) => query.state.status === 'error' || query.state.fetchFailureCount > 0,
    })
  }
  wasAway = isAway
})

// What one person has seen is not for the next.
let username = session.value?.username
session.subscribe(() => {
  if (session.value?.username !== username) queryClient.clear()
  username = session.value?.username
})
