import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { useLocation, useSearch } from 'wouter-preact'
import { similarUnitsQuery, useRole } from '../../api/units.ts'
import { Button } from '../../components/button.tsx'
import { ResemblingUnits, SimilarUnits } from '../../components/similar-units.tsx'
import { EmptyState, ErrorState, Skeleton } from '../../components/states.tsx'
import { UnitDetail } from '../../components/unit-detail.tsx'
import { useMedia } from '../../components/use-media.ts'
import { countQuery } from '../library/library-queries.ts'
import type { Decision } from './decisions.ts'
import { useKeys } from './keyboard.ts'
import { QueueList } from './queue-list.tsx'
import { BulkDialog, HelpDialog, OutcomesDialog } from './review-dialogs.tsx'
import { ReviewFilters } from './review-filters.tsx'
import {
  filterOf,
  isFiltered,
  type ReviewView,
  readReviewView,
  writeReviewView,
} from './review-view.ts'
import { capital, type Review, useReview } from './use-review.ts'
import './review.css'

const numbers = new Intl.NumberFormat('en-GB')
/** Milliseconds that a unit is open before the address names it: browsers refuse many changes a second. */
const settling = 250

/** The queue of pending units, and the one that is open. */
export function ReviewPage() {
  const search = useSearch()
  const [, navigate] = useLocation()
  const key = writeReviewView(readReviewView(search))
  const view = useMemo(() => readReviewView(key), [key])
  const given = new URLSearchParams(search).get('unit') ?? undefined
  const isNarrow = useMedia('(max-width: 760px)')
  const review = useReview(view, given, !isNarrow)
  const { current, currentId, selected } = review
  const role = useRole()
  const canDecide = role === 'reviewer' || role === 'admin'
  const isOpenStill = canDecide && current?.status === 'pending'
  const [isHelpOpen, setHelpOpen] = useState(false)
  const [asked, setAsked] = useState<Decision>()
  const searchField = useRef<HTMLInputElement>(null)

  const show = (next: ReviewView) => {
    review.open(undefined)
    navigate(addressOf(next), { replace: true })
  }
  useEffect(() => {
    const timer = setTimeout(() => {
      if (currentId !== given) navigate(addressOf(view, currentId), { replace: true })
    }, settling)
    return () => clearTimeout(timer)
  }, [currentId, view])

  const decide = (decision: Decision) => {
    if (!canDecide) return
    if (selected.size > 0) setAsked(decision)
    else if (currentId !== undefined && isOpenStill) review.decide(new Set([currentId]), decision)
  }
  useKeys({
    j: () => review.move(1),
    k: () => review.move(-1),
    J: canDecide ? () => review.extend(1) : undefined,
    K: canDecide ? () => review.extend(-1) : undefined,
    a: () => decide('approved'),
    r: () => decide('rejected'),
    u: () => void review.undo(),
    x: canDecide && currentId !== undefined ? () => review.select(currentId, false) : undefined,
    Escape: selected.size > 0 ? review.clearSelection : undefined,
    '/': () => searchField.current?.focus(),
    '?': () => setHelpOpen(true),
  })
  usePrefetch(review)

  return (
    <div class={`review ${isNarrow && current ? 'review--open' : ''}`}>
      <section class="queue" aria-label="Queue">
        <header class="queue__head">
          <div class="queue__title">
            <h1>Review</h1>
            <PendingCount review={review} view={view} />
            <Button kind="ghost" aria-label="Keyboard shortcuts" onClick={() => setHelpOpen(true)}>
              ?
            </Button>
          </div>
          <ReviewFilters view={view} searchRef={searchField} onChange={show} />
          {canDecide && <SelectionBar review={review} onAsk={setAsked} />}
        </header>
        <Queue review={review} view={view} canSelect={canDecide} onClear={show} />
      </section>
      <section class="open-unit" aria-label="Open unit">
        {current ? (
          <>
            <div class="open-unit__bar">
              {isNarrow && (
                <Button onClick={() => review.open(undefined)}>Back to the queue</Button>
              )}
              {current.status !== 'pending' ? (
                <p class="open-unit__note" role="status">
                  {capital(current.status)} by <bdi>{current.reviewed_by ?? 'somebody'}</bdi>.
                </p>
              ) : canDecide ? (
                <>
                  <Button kind="good" shortcut="a" onClick={() => decide('approved')}>
                    Approve
                  </Button>
                  <Button kind="bad" shortcut="r" onClick={() => decide('rejected')}>
                    Reject
                  </Button>
                </>
              ) : (
                role !== undefined && (
                  <p class="open-unit__note">You may look; reviewers and admins decide.</p>
                )
              )}
            </div>
            {/* Scrolled to its beginning for each unit. */}
            <div class="open-unit__scroller" key={currentId}>
              <UnitDetail item={current} isPage={isNarrow}>
                <SimilarUnits unit={current.knowledge_unit} />
                {/* Last, as it comes later and must not move what one reads. */}
                <ResemblingUnits unitId={current.knowledge_unit.id} />
              </UnitDetail>
            </div>
          </>
        ) : (
          !isNarrow && <p class="open-unit__none quiet">No unit is open.</p>
        )}
      </section>
      <HelpDialog isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
      <BulkDialog
        asked={asked && { decision: asked, count: selected.size }}
        onClose={() => setAsked(undefined)}
        onConfirm={() => {
          setAsked(undefined)
          if (asked) review.decide(selected, asked)
        }}
      />
      <OutcomesDialog outcomes={review.outcomes} onClose={review.closeOutcomes} />
    </div>
  )
}

function addressOf(view: ReviewView, unit?: string): string {
  const query = writeReviewView(view, unit)
  return query ? `/review?${query}` : '/review'
}

/** Asks for what the next unit needs, so that a decision shows it at once. */
function usePrefetch({ state, index }: Review): void {
  const queryClient = useQueryClient()
  const next = state.items[index + 1]?.knowledge_unit
  useEffect(() => {
    if (next) void queryClient.prefetchQuery(similarUnitsQuery(next.domains))
  }, [next?.id])
}

/** How many are pending: as the server counted last, less what was decided here since. */
function PendingCount({ review, view }: { review: Review; view: ReviewView }) {
  const filter = useMemo(() => filterOf(view, new Date()), [view])
  const { data, dataUpdatedAt, isError } = useQuery({
    ...countQuery(filter),
    refetchInterval: 20_000,
  })
  const counted = useRef({ at: 0, taken: 0 })
  const { taken } = review.state
  if (counted.current.at !== dataUpdatedAt) counted.current = { at: dataUpdatedAt, taken }
  if (!data) return <span class="queue__count quiet">{isError ? '' : '...'}</span>
  const left = Math.max(0, data.count - (taken - counted.current.taken))
  return (
    <span class="queue__count quiet">
      {data.is_exact ? '' : 'more than '}
      {numbers.format(left)} pending
    </span>
  )
}

function SelectionBar({ review, onAsk }: { review: Review; onAsk: (decision: Decision) => void }) {
  const { selected, state } = review
  if (state.items.length === 0) return null
  if (selected.size === 0)
    return (
      <div class="selection">
        <Button kind="ghost" onClick={review.selectLoaded}>
          Select all {numbers.format(state.items.length)} loaded
        </Button>
      </div>
    )
  return (
    <div class="selection selection--any">
      <span role="status">{numbers.format(selected.size)} selected</span>
      <Button kind="good" onClick={() => onAsk('approved')}>
        Approve
      </Button>
      <Button kind="bad" onClick={() => onAsk('rejected')}>
        Reject
      </Button>
      <Button kind="ghost" onClick={review.clearSelection}>
        Clear
      </Button>
    </div>
  )
}

interface QueueProps {
  review: Review
  view: ReviewView
  canSelect: boolean
  onClear: (view: ReviewView) => void
}

function Queue({ review, view, canSelect, onClear }: QueueProps) {
  const { queue, state } = review
  const { items, isComplete, isLoading, error, examined } = state
  const loadMore = () => void queue.loadMore()
  return (
    <>
      {items.length > 0 && (
        <QueueList
          state={state}
          currentId={review.currentId}
          selected={review.selected}
          canSelect={canSelect}
          onOpen={review.open}
          onSelect={review.select}
          onNearEnd={loadMore}
        />
      )}
      {items.length === 0 && isComplete && (
        <EmptyState
          title={isFiltered(view) ? 'No pending unit fits these filters' : 'All is reviewed'}
          action={
            isFiltered(view) ? (
              <Button onClick={() => onClear({ ...view, filter: {}, age: undefined })}>
                Show all pending units
              </Button>
            ) : (
              <Button onClick={review.reload}>Look again</Button>
            )
          }
        >
          {isFiltered(view) ? '' : 'What agents propose shows up here.'}
        </EmptyState>
      )}
      {items.length === 0 && !isComplete && error === null && (
        <Skeleton lines={9} label="Loading the queue" />
      )}
      {isLoading && examined > 0 && (
        <p class="queue__foot quiet">Searching: {numbers.format(examined)} units looked at.</p>
      )}
      {error !== null && (
        <ErrorState
          what={
            items.length > 0 ? 'More units could not be loaded' : 'The queue could not be loaded'
          }
          error={error}
          onRetry={loadMore}
        />
      )}
    </>
  )
}
