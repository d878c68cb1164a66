import { useQueryClient } from '@tanstack/preact-query'
import { answerOf, api } from '../../api/client.ts'
import { ApiError } from '../../api/errors.ts'
import { type ReviewItem, type UnitStatus, unitQuery } from '../../api/units.ts'
import { showToast } from '../../components/toast.tsx'
import { historyQuery } from './library-queries.ts'
import { type Draft, domainsOf } from './unit-limits.ts'
import { replaceListed } from './unit-listing.ts'

const done = { approved: 'Approved.', rejected: 'Rejected.', pending: 'Open for review again.' }

/** What can be done to a unit; whatever shows it is brought up to date. */
export function useUnitChanges(unitId: string) {
  const queryClient = useQueryClient()

  const follow = (item: ReviewItem | null) => {
    if (item === null) queryClient.removeQueries({ queryKey: unitQuery(unitId).queryKey })
    else queryClient.setQueryData(unitQuery(unitId).queryKey, item)
    replaceListed(unitId, item)
    void queryClient.invalidateQueries({
      // The unit itself is up to date. How lists of other pages are called is not known here.
      predicate: ({ queryKey: [name] }) => name !== 'unit' && name !== 'user',
    })
  }

  return {
    /** Decides, if the status is still the one that the reviewer saw. */
    async decide(item: ReviewItem, decision: UnitStatus): Promise<void> {
      const body = { unit_ids: [unitId], decision, from: item.status }
      const { outcomes } = await answerOf(api.POST('/api/v1/review/decisions', { body }))
      const [outcome] = outcomes
      if (outcome === undefined) throw new ApiError('The server did not say what it did.', 0)
      const { status, reviewed_by, reviewed_at } = outcome
      if (outcome.outcome === 'forbidden')
        throw new ApiError('You may not decide on this unit.', 403)
      if (outcome.outcome === 'not_found' || status === null) {
        await queryClient.invalidateQueries({ queryKey: unitQuery(unitId).queryKey })
        throw new ApiError('The unit is gone: somebody has removed it.', 404)
      }
      follow({ ...item, status, reviewed_by, reviewed_at })
      if (outcome.outcome === 'decided') showToast({ message: done[status] })
      else
        showToast({
          message: `Nothing was changed: ${reviewed_by ?? 'somebody'} was faster. It is ${status} now.`,
          tone: 'bad',
        })
    },

    /** Saves a draft that was made of `seen`. @throws {ApiError} 409 if the unit has changed since. */
    async edit(seen: ReviewItem, draft: Draft): Promise<void> {
      const { domains, insight } = seen.knowledge_unit
      const { summary, detail, action } = insight
      const body = {
        domains: domainsOf(draft.domains),
        insight: { summary: draft.summary, detail: draft.detail, action: draft.action },
        seen: { domains, insight: { summary, detail, action } },
      }
      const params = { path: { unit_id: unitId } }
      follow(await answerOf(api.PATCH('/api/v1/review/{unit_id}', { params, body })))
      showToast({ message: 'Saved.' })
    },

    async remove(): Promise<void> {
      const params = { path: { unit_id: unitId } }
      await answerOf(api.DELETE('/api/v1/review/{unit_id}', { params }))
      follow(null)
      showToast({ message: 'Removed for good.' })
    },

    /** The unit as it is now. */
    async latest(): Promise<ReviewItem> {
      const item = await queryClient.fetchQuery({ ...unitQuery(unitId), staleTime: 0 })
      replaceListed(unitId, item)
      void queryClient.invalidateQueries({ queryKey: historyQuery(unitId).queryKey })
      return item
    },
  }
}
