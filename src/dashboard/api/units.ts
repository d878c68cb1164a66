import { queryOptions, useQuery } from '@tanstack/preact-query'
import { answerOf, api } from './client.ts'
import type { components, operations } from './schema.d.ts'

export type ReviewItem = components['schemas']['ReviewItem']
export type KnowledgeUnit = components['schemas']['KnowledgeUnit']
export type PublicUnit = components['schemas']['PublicKnowledgeUnit']
export type UnitStatus = ReviewItem['status']
export type Role = components['schemas']['CurrentUser']['role']
/** Which units are counted or browsed. */
export type UnitFilter = NonNullable<operations['countUnits']['parameters']['query']>
export type UnitInsight = components['schemas']['Insights']['flagged'][number]

/** One unit with its review. */
export const unitQuery = (unitId: string) =>
  queryOptions({
    queryKey: ['unit', unitId],
    queryFn: ({ signal }) =>
      answerOf(
        api.GET('/api/v1/review/{unit_id}', { params: { path: { unit_id: unitId } }, signal }),
      ),
  })

/** Approved units that agents would be given for these domains; the best first. */
export const similarUnitsQuery = (domains: readonly string[]) =>
  queryOptions({
    queryKey: ['similar', ...domains],
    queryFn: async ({ signal }) => {
      const query = { domains: [...domains], limit: 6 }
      return (await answerOf(api.GET('/api/v1/knowledge', { params: { query }, signal }))).data
    },
    staleTime: 60_000,
  })

/** Units that say much the same as one, approved or pending; the most similar first. */
export const resemblingUnitsQuery = (unitId: string) =>
  queryOptions({
    queryKey: ['resembling', unitId],
    queryFn: async ({ signal }) => {
      const params = { path: { unit_id: unitId } }
      return (await answerOf(api.GET('/api/v1/review/{unit_id}/similar', { params, signal })))
        .similar
    },
    staleTime: 60_000,
  })

/** Who is logged in, as the server knows them. */
export const userQuery = queryOptions({
  queryKey: ['user'],
  queryFn: ({ signal }) => answerOf(api.GET('/api/v1/users/me', { signal })),
  staleTime: 300_000,
})

/** What the person may do; undefined until the server has said so. */
export function useRole(): Role | undefined {
  const user = useQuery(userQuery)
  // Servers that know no roles let every user review.
  return user.data && (user.data.role ?? 'reviewer')
}
