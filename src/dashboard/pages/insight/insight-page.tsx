import { queryOptions, useQuery } from '@tanstack/preact-query'
import type { ComponentChildren } from 'preact'
import { lazy, Suspense } from 'preact/compat'
import { useMemo, useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { answerOf, api } from '../../api/client.ts'
import type { components } from '../../api/schema.d.ts'
import type { UnitInsight } from '../../api/units.ts'
import { Button } from '../../components/button.tsx'
import { TextField } from '../../components/field.tsx'
import { ErrorState, Skeleton } from '../../components/states.tsx'
import { TimeAgo, timeAgo } from '../../components/time-ago.tsx'
import { statsQuery } from '../library/library-queries.ts'
import './insight.css'

type Stats = components['schemas']['ReviewStats']

const DailyPlot = lazy(() => import('./daily-plot.tsx'))
/** So many domains are shown at once; a search finds the others. */
const mostDomains = 20

const insightsQuery = queryOptions({
  queryKey: ['insights'],
  queryFn: ({ signal }) =>
    answerOf(api.GET('/api/v1/review/insights', { params: { query: { limit: 10 } }, signal })),
  staleTime: 30_000,
})

const oldestPendingQuery = queryOptions({
  queryKey: ['oldest-pending'],
  queryFn: async ({ signal }) => {
    const query = { status: 'pending', order: 'oldest', limit: 1 } as const
    return (await answerOf(api.GET('/api/v1/review/browse', { params: { query }, signal }))).items
  },
  staleTime: 30_000,
})

/** How the collection and its review are doing. */
export default function InsightPage() {
  const stats = useQuery(statsQuery)
  return (
    <div class="page insight">
      <header class="page__header">
        <h1>Insight</h1>
        <Button kind="ghost" busy={stats.isFetching} onClick={() => void stats.refetch()}>
          Refresh
        </Button>
      </header>
      {stats.isPending && <Skeleton lines={8} label="Loading statistics" />}
      {stats.isError && (
        <ErrorState
          what="Statistics could not be loaded"
          error={stats.error}
          onRetry={() => void stats.refetch()}
        />
      )}
      {stats.data && <Figures stats={stats.data} />}
      <Attention />
      {stats.data && <Activity activity={stats.data.recent_activity} />}
    </div>
  )
}

function Figures({ stats }: { stats: Stats }) {
  const { counts, trends } = stats
  const days = trends.daily
  return (
    <>
      <div class="tiles">
        <Tile name="Pending" href="/library?status=pending">
          {inWords(counts.pending)}
        </Tile>
        <Tile name="Approved" href="/library?status=approved">
          {inWords(counts.approved)}
        </Tile>
        <Tile name="Rejected" href="/library?status=rejected">
          {inWords(counts.rejected)}
        </Tile>
        <OldestTile />
      </div>
      <div class="insight__pair">
        <Daily
          title="Proposals by day"
          days={days.map(({ date }) => date)}
          series={[{ name: 'Proposed', tone: 'accent', values: days.map((day) => day.proposed) }]}
        />
        <Daily
          title="Decisions by day"
          days={days.map(({ date }) => date)}
          series={[
            { name: 'Approved', tone: 'good', values: days.map((day) => day.approved) },
            { name: 'Rejected', tone: 'bad', values: days.map((day) => day.rejected) },
          ]}
        />
        <Confidence distribution={stats.confidence_distribution} />
        <Domains domains={stats.domains} />
      </div>
    </>
  )
}

function Tile({
  name,
  href,
  children,
}: {
  name: string
  href: string
  children: ComponentChildren
}) {
  return (
    <Link href={href} class="tile card">
      <span class="quiet">{name}</span>
      <span class="tile__figure">{children}</span>
    </Link>
  )
}

function OldestTile() {
  const oldest = useQuery(oldestPendingQuery)
  const unit = oldest.data?.[0]?.knowledge_unit
  const words = oldest.isPending ? '...' : oldest.isError ? 'not known' : 'none waits'
  return (
    <Tile name="Oldest pending" href={unit ? `/library/${unit.id}` : '/library?status=pending'}>
      {unit ? timeAgo(unit.evidence.first_observed) : words}
    </Tile>
  )
}

export interface Series {
  readonly name: string
  readonly tone: 'accent' | 'good' | 'bad'
  readonly values: readonly number[]
}

function Daily({
  title,
  days,
  series,
}: {
  title: string
  days: readonly string[]
  series: readonly Series[]
}) {
  return (
    <section class="panel card">
      <h2>{title}</h2>
      {days.length === 0 && <p class="quiet">Nothing yet.</p>}
      {days.length > 0 && (
        <>
          <Suspense fallback={<div class="plot" />}>
            <DailyPlot title={title} days={days} series={series} />
          </Suspense>
          <details>
            <summary>Show as table</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard, too. */}
            <section class="panel__scroller" tabIndex={0} aria-label={`${title}, as a table`}>
              <table class="figures">
                <thead>
                  <tr>
                    <th scope="col">Day</th>
                    {series.map(({ name }) => (
                      <th key={name} scope="col">
                        {name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {days.map((day, at) => (
                    <tr key={day}>
                      <th scope="row">{day}</th>
                      {series.map(({ name, values }) => (
                        <td key={name}>{inWords(values[at] ?? 0)}</td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          </details>
        </>
      )}
    </section>
  )
}

function Confidence({ distribution }: { distribution: Stats['confidence_distribution'] }) {
  const entries = Object.entries(distribution)
  const most = Math.max(1, ...entries.map(([, count]) => count))
  return (
    <section class="panel card">
      <h2>Confidence of approved units</h2>
      <ul class="bars">
        {entries.map(([range, count]) => {
          const [least, end] = range.split('-')
          const search = `status=approved&confidence_min=${least}&confidence_max=${end}`
          return (
            <Bar
              key={range}
              name={range.replace('-', ' to ')}
              href={`/library?${search}`}
              count={count}
              share={count / most}
            />
          )
        })}
      </ul>
    </section>
  )
}

function Domains({ domains }: { domains: Stats['domains'] }) {
  const [search, setSearch] = useState('')
  const sorted = useMemo(
    () => Object.entries(domains).sort(([, one], [, other]) => other - one),
    [domains],
  )
  const wanted = search.trim().toLowerCase()
  const found = sorted.filter(([domain]) => domain.includes(wanted))
  const shown = found.slice(0, mostDomains)
  const most = sorted[0]?.[1] ?? 1
  return (
    <section class="panel card">
      <h2>Domains</h2>
      <TextField
        label="Search domains"
        hideLabel
        type="search"
        placeholder="Search domains"
        value={search}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      <ul class="bars">
        {shown.map(([domain, count]) => (
          <Bar
            key={domain}
            name={domain}
            href={`/library?domain=${encodeURIComponent(domain)}`}
            count={count}
            share={count / most}
          />
        ))}
      </ul>
      <p class="quiet" role="status">
        {found.length > shown.length
          ? `The first ${shown.length} of ${inWords(found.length)}. Search to see others.`
          : sorted.length === 0
            ? 'Nothing yet.'
            : found.length === 0
              ? 'No domain fits.'
              : ''}
      </p>
    </section>
  )
}

function Bar({
  name,
  href,
  count,
  share,
}: {
  name: string
  href: string
  count: number
  share: number
}) {
  return (
    <li class="bars__bar">
      <Link href={href} class="bars__name">
        <bdi>{name}</bdi>
      </Link>
      <span class="bars__track" aria-hidden="true">
        {count > 0 && <span class="bars__fill" style={{ inlineSize: `${share * 100}%` }} />}
      </span>
      <span class="bars__count">{inWords(count)}</span>
    </li>
  )
}

const lists = [
  ['flagged', 'Flags that wait for somebody', 'No flag waits.'],
  ['most_confirmed', 'Most confirmed', 'Nothing is confirmed yet.'],
  ['stale', 'Longest without confirmation', 'Nothing is stale.'],
] as const

function Attention() {
  const insights = useQuery(insightsQuery)
  if (insights.isPending) return <Skeleton lines={4} label="Loading insights" />
  if (insights.data === undefined)
    return (
      <ErrorState
        what="Flagged, confirmed and stale units could not be loaded"
        error={insights.error}
        onRetry={() => void insights.refetch()}
      />
    )
  return (
    <div class="insight__three">
      {lists.map(([list, title, none]) => (
        <section key={list} class="panel card">
          <h2>{title}</h2>
          {insights.data[list].length === 0 && <p class="quiet">{none}</p>}
          <ul class="links">
            {insights.data[list].map((unit) => (
              <li key={unit.unit_id}>
                <Link href={`/library/${unit.unit_id}`}>
                  <bdi>{unit.summary || unit.unit_id}</bdi>
                </Link>
                <span class="quiet">{factOf(list, unit)}</span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  )
}

function factOf(list: (typeof lists)[number][0], unit: UnitInsight): string {
  if (list === 'flagged') return unit.flags === 1 ? 'one flag' : `${unit.flags} flags`
  if (list === 'most_confirmed') return `${inWords(unit.confirmations)} confirmations`
  return `last confirmed ${timeAgo(unit.last_confirmed)}`
}

function Activity({ activity }: { activity: Stats['recent_activity'] }) {
  return (
    <section class="panel card">
      <h2>Recent activity</h2>
      {activity.length === 0 && <p class="quiet">Nothing yet.</p>}
      <ul class="links">
        {activity.map(({ type, unit_id, summary, reviewed_by, timestamp }) => (
          <li key={`${unit_id} ${type} ${timestamp}`}>
            <Link href={`/library/${unit_id}`}>
              <bdi>{summary || unit_id}</bdi>
            </Link>
            <span class="quiet">
              {type}
              {reviewed_by && (
                <>
                  {' '}
                  by <bdi>{reviewed_by}</bdi>
                </>
              )}{' '}
              <TimeAgo at={timestamp} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function inWords(count: number): string {
  return count.toLocaleString('en-GB')
}
