import { answerOf, api } from '../../api/client.ts'
import { Observable } from '../../api/observable.ts'
import { outage } from '../../api/reachability.ts'
import { session } from '../../api/session.ts'
import type { ReviewItem } from '../../api/units.ts'
import { type LibraryView, writeView } from './unit-filter.ts'

const pageSize = 100
/** Listings that are kept, so that going back shows them as they were. */
const mostKept = 5

export interface ListingState {
  /** Grows in place: a list of 100,000 is not copied for each page. */
  readonly items: readonly ReviewItem[]
  readonly isLoading: boolean
  readonly isComplete: boolean
  readonly error: unknown
  /** Pages in a row that held nothing, while the server goes on searching. */
  readonly emptyPages: number
}

/**
 * The units of one view, page by page. Not a query of the query client, which would ask for every page again
 * whenever one of them is refreshed.
 */
export class UnitListing {
  readonly state: Observable<ListingState>
  /** Where the list was scrolled to. */
  scrollOffset = 0
  readonly #view: LibraryView
  readonly #items: ReviewItem[] = []
  readonly #ids = new Set<string>()
  readonly #abort = new AbortController()
  #cursor: string | undefined

  constructor(view: LibraryView) {
    this.#view = view
    this.state = new Observable<ListingState>({
      items: this.#items,
      isLoading: false,
      isComplete: false,
      error: null,
      emptyPages: 0,
    })
  }

  /** Loads the next page, and those after it until one holds something. */
  async loadMore(): Promise<void> {
    const { isLoading, isComplete } = this.state.value
    if (isLoading || isComplete) return
    this.#change({ isLoading: true, error: null, emptyPages: 0 })
    try {
      let found = 0
      while (found === 0 && !this.state.value.isComplete && !this.#abort.signal.aborted) {
        found = await this.#loadPage()
        if (found === 0) this.#change({ emptyPages: this.state.value.emptyPages + 1 })
      }
      this.#change({ isLoading: false, emptyPages: 0 })
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#change({ isLoading: false, error })
    }
  }

  /** Puts a changed unit in the place of the one that is listed; null takes it out. */
  replace(unitId: string, item: ReviewItem | null): void {
    const at = this.#items.findIndex(({ knowledge_unit }) => knowledge_unit.id === unitId)
    if (at < 0) return
    if (item === null) this.#items.splice(at, 1)
    else this.#items[at] = item
    this.#change({})
  }

  stop(): void {
    this.#abort.abort()
  }

  async #loadPage(): Promise<number> {
    const query = {
      ...this.#view.filter,
      order: this.#view.order,
      limit: pageSize,
      ...(this.#cursor !== undefined && { cursor: this.#cursor }),
    }
    const { signal } = this.#abort
    const page = await answerOf(api.GET('/api/v1/review/browse', { params: { query }, signal }))
    this.#cursor = page.next_cursor ?? undefined
    // A unit that is decided meanwhile may turn up again further down.
    const news = page.items.filter(({ knowledge_unit }) => !this.#ids.has(knowledge_unit.id))
    for (const item of news) this.#ids.add(item.knowledge_unit.id)
    this.#items.push(...news)
    this.#change({ isComplete: page.next_cursor === null })
    return news.length
  }

  #change(changed: Partial<ListingState>): void {
    this.state.set({ ...this.state.value, ...changed })
  }
}

const kept = new Map<string, UnitListing>()

/** The listing of a view: the one that was shown before, if it is still kept. */
export function listingOf(view: LibraryView): UnitListing {
  const key = writeView(view)
  const listing = kept.get(key) ?? new UnitListing(view)
  kept.delete(key)
  kept.set(key, listing)
  for (const [oldest, old] of kept) {
    if (kept.size <= mostKept) break
    old.stop()
    kept.delete(oldest)
  }
  return listing
}

/** Forgets what was loaded of a view, so that it is loaded anew. */
export function forgetListing(view: LibraryView): void {
  const key = writeView(view)
  kept.get(key)?.stop()
  kept.delete(key)
}

/** Has every listing show a unit as it is now; null: it is gone. */
export function replaceListed(unitId: string, item: ReviewItem | null): void {
  for (const listing of kept.values()) listing.replace(unitId, item)
}

// What failed while the server was away is tried again when it is back.
outage.subscribe(() => {
  if (outage.value !== null) return
  for (const listing of kept.values())
    if (listing.state.value.error !== null) void listing.loadMore()
})

// What one person has seen is not for the next.
let username = session.value?.username
session.subscribe(() => {
  if (session.value?.username !== username) {
    for (const listing of kept.values()) listing.stop()
    kept.clear()
  }
  username = session.value?.username
})
