import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { useLocation, useSearch } from 'wouter-preact'
import { useObserved } from '../../api/observable.ts'
import { Button } from '../../components/button.tsx'
import { EmptyState, ErrorState, Skeleton } from '../../components/states.tsx'
import { announce } from '../../components/toast.tsx'
import { FilterBar, StatusTabs } from './filter-bar.tsx'
import { countInWords, countQuery } from './library-queries.ts'
import { filterCount, type LibraryView, readView, writeView } from './unit-filter.ts'
import { UnitList } from './unit-list.tsx'
import { forgetListing, listingOf, type UnitListing } from './unit-listing.ts'
import './library.css'

/** All units: to search, filter and open. */
export default function LibraryPage() {
  const search = useSearch()
  const [, navigate] = useLocation()
  const queryClient = useQueryClient()
  // Addresses that mean the same show the same listing.
  const key = writeView(readView(search))
  const view = useMemo(() => readView(key), [key])
  const [refreshes, setRefreshes] = useState(0)
  const listing = useMemo(() => listingOf(view), [view, refreshes])

  const show = (next: LibraryView) => {
    const query = writeView(next)
    navigate(query ? `/library?${query}` : '/library', { replace: true })
  }
  const refresh = () => {
    forgetListing(view)
    setRefreshes((count) => count + 1)
    void queryClient.invalidateQueries({ queryKey: ['count'] })
  }

  return (
    <div class="library">
      <header class="library__head">
        <div class="library__title">
          <h1>Library</h1>
          <StatusTabs view={view} />
        </div>
        <FilterBar view={view} onChange={show} />
        <div class="library__line">
          <Count view={view} />
          <Button kind="ghost" onClick={refresh}>
            Refresh
          </Button>
        </div>
      </header>
      <Listing
        key={`${key} ${refreshes}`}
        listing={listing}
        view={view}
        onClear={() => show({ ...view, filter: {} })}
      />
    </div>
  )
}

function Count({ view }: { view: LibraryView }) {
  const count = useQuery(countQuery(view.filter))
  const words = count.data && countInWords(count.data)
  useEffect(() => {
    if (words) announce(words)
  }, [words])
  return (
    <p class="library__count quiet">
      {words ?? (count.isError ? 'Their number could not be loaded.' : 'Counting...')}
    </p>
  )
}

interface ListingProps {
  listing: UnitListing
  view: LibraryView
  onClear: () => void
}

function Listing({ listing, view, onClear }: ListingProps) {
  const state = useObserved(listing.state)
  const count = useQuery(countQuery(view.filter))
  const scroller = useRef<HTMLElement>(null)
  useEffect(() => {
    const { items, error } = listing.state.value
    if (items.length === 0 && error === null) void listing.loadMore()
  }, [listing])

  const { items, isLoading, isComplete, error, emptyPages } = state
  const searching =
    emptyPages > 0
      ? `Searching... ${emptyPages === 1 ? 'one part' : `${emptyPages} parts`} examined without a match`
      : 'Loading more...'
  return (
    <section class="library__scroller" ref={scroller} aria-label="Units that fit">
      {items.length > 0 && (
        <UnitList
          listing={listing}
          items={items}
          scroller={scroller}
          total={count.data?.is_exact ? count.data.count : undefined}
        />
      )}
      {items.length === 0 && isComplete && <Nothing view={view} onClear={onClear} />}
      {items.length === 0 && !isComplete && error === null && (
        <Skeleton lines={9} label="Loading units" />
      )}
      {error !== null && (
        <ErrorState
          what={items.length > 0 ? 'More units could not be loaded' : 'Units could not be loaded'}
          error={error}
          onRetry={() => void listing.loadMore()}
        />
      )}
      {(isLoading || (items.length > 0 && isComplete)) && (
        <p class="library__foot quiet">
          {isLoading ? searching : items.length > 20 ? 'That is all of them.' : ''}
        </p>
      )}
    </section>
  )
}

function Nothing({ view, onClear }: { view: LibraryView; onClear: () => void }) {
  const isFiltered = filterCount(view.filter) > 0
  if (!isFiltered && view.filter.status === undefined)
    return (
      <EmptyState title="No unit has been proposed yet">
        Connect an agent, on the page Account; what it proposes shows up here.
      </EmptyState>
    )
  return (
    <EmptyState
      title={isFiltered ? 'No unit fits these filters' : `No unit is ${view.filter.status}`}
      action={<Button onClick={onClear}>Show all units</Button>}
    />
  )
}
