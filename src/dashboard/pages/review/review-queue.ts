import { answerOf, api } from '../../api/client.ts'
import { Observable } from '../../api/observable.ts'
import { outage } from '../../api/reachability.ts'
import type { ReviewItem } from '../../api/units.ts'
import { filterOf, type ReviewView } from './review-view.ts'

const pageSize = 100
/** So many units before its end, more of the queue is loaded. */
export const loadAhead = 40

export interface QueueState {
  /** Changes in place: a queue of 10,000 is not copied at every decision. */
  readonly items: readonly ReviewItem[]
  readonly isLoading: boolean
  readonly isComplete: boolean
  readonly error: unknown
  /** How many units the server has looked at since it last found one. */
  readonly examined: number
  /** How many units were taken out so far, less those that were put back. */
  readonly taken: number
}

/** A unit that was taken out of the queue, and where it was. */
export interface Taken {
  readonly item: ReviewItem
  readonly index: number
}

/** The pending units of a view, page by page to the real end of the queue. */
export class ReviewQueue {
  readonly state: Observable<QueueState>
  readonly view: ReviewView
  readonly #query: ReturnType<typeof filterOf>
  readonly #items: ReviewItem[] = []
  /** Units that were listed once: a unit that was decided here must not come again by a page under way. */
  readonly #known = new Set<string>()
  readonly #abort = new AbortController()
  #cursor: string | undefined

  constructor(view: ReviewView) {
    this.view = view
    this.#query = filterOf(view, new Date())
    this.state = new Observable<QueueState>({
      items: this.#items,
      isLoading: false,
      isComplete: false,
      error: null,
      examined: 0,
      taken: 0,
    })
    // What failed while the server was away is tried again when it is back.
    const stop = outage.subscribe(() => {
      if (outage.value === null && this.state.value.error !== null) void this.loadMore()
    })
    this.#abort.signal.addEventListener('abort', stop)
  }

  /** Loads the next page, and those after it until one holds something. */
  async loadMore(): Promise<void> {
    if (this.state.value.isLoading || this.state.value.isComplete) return
    this.#change({ isLoading: true, error: null, examined: 0 })
    try {
      let found = 0
      while (found === 0 && !this.state.value.isComplete) found = await this.#loadPage()
      this.#change({ isLoading: false })
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#change({ isLoading: false, error })
    }
  }

  /** Adds a unit that was opened by its address, in front, unless it is there. */
  addFirst(item: ReviewItem): void {
    if (this.#known.has(item.knowledge_unit.id)) return
    this.#known.add(item.knowledge_unit.id)
    this.#items.unshift(item)
    this.#change({})
  }

  /** Takes units out; those that are not listed are left out of the result. */
  take(unitIds: ReadonlySet<string>): Taken[] {
    const taken: Taken[] = []
    for (const [index, item] of this.#items.entries())
      if (unitIds.has(item.knowledge_unit.id)) taken.push({ item, index })
    for (const { index } of taken.toReversed()) this.#items.splice(index, 1)
    if (taken.length > 0) this.#change({ taken: this.state.value.taken + taken.length })
    return taken
  }

  /** Puts units back where they were. */
  putBack(taken: readonly Taken[]): void {
    const listed = new Set(this.#items.map(({ knowledge_unit }) => knowledge_unit.id))
    const missing = taken.filter(({ item }) => !listed.has(item.knowledge_unit.id))
    for (const { item, index } of missing.toSorted((one, other) => one.index - other.index))
      this.#items.splice(Math.min(index, this.#items.length), 0, item)
    if (missing.length > 0) this.#change({ taken: this.state.value.taken - missing.length })
  }

  indexOf(unitId: string | undefined): number {
    return this.#items.findIndex(({ knowledge_unit }) => knowledge_unit.id === unitId)
  }

  stop(): void {
    this.#abort.abort()
  }

  async #loadPage(): Promise<number> {
    const query = {
      ...this.#query,
      order: this.view.order,
      limit: pageSize,
      ...(this.#cursor !== undefined && { cursor: this.#cursor }),
    }
    const { signal } = this.#abort
    const page = await answerOf(api.GET('/api/v1/review/browse', { params: { query }, signal }))
    this.#cursor = page.next_cursor ?? undefined
    const news = page.items.filter(({ knowledge_unit }) => !this.#known.has(knowledge_unit.id))
    for (const item of news) this.#known.add(item.knowledge_unit.id)
    this.#items.push(...news)
    this.#change({
      isComplete: page.next_cursor === null,
      examined: news.length > 0 ? 0 : this.state.value.examined + page.examined,
    })
    return news.length
  }

  #change(changed: Partial<QueueState>): void {
    this.state.set({ ...this.state.value, ...changed })
  }
}
