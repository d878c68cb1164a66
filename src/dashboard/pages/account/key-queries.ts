import { queryOptions } from '@tanstack/preact-query'
import { answerOf, api } from '../../api/client.ts'
import type { components } from '../../api/schema.d.ts'

export type ApiKey = components['schemas']['ApiKey']
export type NewApiKey = components['schemas']['NewApiKey']

/** All keys of whoever is logged in, the newest first. */
export const keysQuery = queryOptions({
  queryKey: ['api-keys'],
  queryFn: async ({ signal }) =>
    (await answerOf(api.GET('/api/v1/users/me/api-keys', { signal }))).data,
})

export function createKey(name: string, ttl: string, labels: string[]): Promise<NewApiKey> {
  return answerOf(api.POST('/api/v1/users/me/api-keys', { body: { name, ttl, labels } }))
}

export async function revokeKey(id: string): Promise<void> {
  const params = { path: { key_id: id } }
  await answerOf(api.POST('/api/v1/users/me/api-keys/{key_id}/revoke', { params }))
}
