import { queryOptions } from '@tanstack/preact-query'
import { answerOf, api } from '../../api/client.ts'
import type { UnitFilter } from '../../api/units.ts'

/** How many units fit a filter. */
export const countQuery = (filter: UnitFilter) =>
  queryOptions({
    queryKey: ['count', filter],
    queryFn: ({ signal }) =>
      answerOf(api.GET('/api/v1/review/count', { params: { query: filter }, signal })),
  })

/** The server's statistics for reviewers. */
export const statsQuery = queryOptions({
  queryKey: ['stats'],
  queryFn: ({ signal }) => answerOf(api.GET('/api/v1/review/stats', { signal })),
  staleTime: 30_000,
})

/** What befell a unit beside its proposal and its last decision. */
export const historyQuery = (unitId: string) =>
  queryOptions({
    queryKey: ['history', unitId],
    queryFn: async ({ signal }) => {
      const params = { path: { unit_id: unitId } }
      return (await answerOf(api.GET('/api/v1/review/{unit_id}/history', { params, signal })))
        .history
    },
  })

const numbers = new Intl.NumberFormat('en-GB')

/** As in "1,234 units", "at least 100,000 units". */
export function countInWords({ count, is_exact }: { count: number; is_exact: boolean }): string {
  const units = `${numbers.format(count)} ${count === 1 ? 'unit' : 'units'}`
  return is_exact ? units : `at least ${units}`
}
