import { useQuery } from '@tanstack/preact-query'
import type { ComponentChildren } from 'preact'
import { Link } from 'wouter-preact'
import type { ReviewItem } from '../../api/units.ts'
import { ErrorState, Skeleton } from '../../components/states.tsx'
import { TimeAgo } from '../../components/time-ago.tsx'
import { UnitText } from '../../components/unit-text.tsx'
import { historyQuery } from './library-queries.ts'

interface Moment {
  readonly at: string
  readonly tone: 'neutral' | 'good' | 'bad' | 'warn'
  readonly what: ComponentChildren
  readonly detail?: string | null
}

const actionNames = {
  reopened: 'Re-opened',
  revised: 'Decision revised',
  edited: 'Edited',
} as const

/** Everything that befell a unit, the latest first. */
export function Timeline({ item }: { item: ReviewItem }) {
  const history = useQuery(historyQuery(item.knowledge_unit.id))
  const moments = momentsOf(item)
  for (const { at, actor, action, detail } of history.data ?? [])
    moments.push({ at, tone: 'neutral', what: by(actionNames[action] ?? action, actor), detail })
  moments.sort((one, other) => Date.parse(other.at) - Date.parse(one.at))
  return (
    <section>
      <h2 class="unit-detail__heading">History</h2>
      {history.isPending && <Skeleton lines={1} label="Loading the history" />}
      {history.isError && (
        <ErrorState
          what="Edits and revisions could not be loaded"
          error={history.error}
          onRetry={() => void history.refetch()}
        />
      )}
      <ol class="timeline">
        {moments.map((moment, at) => (
          <li key={at} class={`timeline__moment timeline__moment--${moment.tone}`}>
            <p>
              {moment.what}{' '}
              <span class="quiet">
                <TimeAgo at={moment.at} />
              </span>
            </p>
            {moment.detail && <UnitText text={moment.detail} />}
          </li>
        ))}
      </ol>
    </section>
  )
}

function momentsOf({ knowledge_unit, status, reviewed_at, reviewed_by }: ReviewItem): Moment[] {
  const { evidence, created_by, flags } = knowledge_unit
  const moments: Moment[] = [
    { at: evidence.first_observed, tone: 'neutral', what: by('Proposed', created_by) },
  ]
  // The first confirmation is the proposal.
  if (evidence.confirmations > 1)
    moments.push({
      at: evidence.last_confirmed,
      tone: 'good',
      what: `Confirmed for the ${ordinal(evidence.confirmations - 1)} time`,
    })
  if (status !== 'pending' && reviewed_at !== null)
    moments.push({
      at: reviewed_at,
      tone: status === 'approved' ? 'good' : 'bad',
      what: by(status === 'approved' ? 'Approved' : 'Rejected', reviewed_by),
    })
  for (const { reason, timestamp, detail, duplicate_of } of flags) {
    const isLinked = duplicate_of !== null && /^ku_[0-9a-f]{32}$/.test(duplicate_of)
    const what = (
      <>
        Flagged as {reason}
        {duplicate_of !== null && ' of '}
        {isLinked && <Link href={`/library/${duplicate_of}`}>{duplicate_of.slice(0, 11)}...</Link>}
        {!isLinked && duplicate_of !== null && <bdi>{duplicate_of}</bdi>}
      </>
    )
    moments.push({ at: timestamp, tone: 'warn', what, detail })
  }
  return moments
}

function by(what: string, actor: string | null): ComponentChildren {
  if (!actor) return what
  return (
    <>
      {what} by <bdi>{actor}</bdi>
    </>
  )
}

const endings = { one: 'st', two: 'nd', few: 'rd', other: 'th', many: 'th', zero: 'th' }
const rules = new Intl.PluralRules('en', { type: 'ordinal' })

function ordinal(count: number): string {
  return `${count.toLocaleString('en-GB')}${endings[rules.select(count)]}`
}
