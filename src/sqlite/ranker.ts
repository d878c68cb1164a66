import type { Database } from '../offload/database.ts'
import type { IndexKeeper, InSnapshot } from '../offload/operations.ts'
import {
  followAfter,
  knowsChangesAfter,
  lastChange,
  loadAfter,
  type NotedChange,
} from '../operations/ranked-units.ts'
import type { SharedRankingFigures } from '../ranking/ranking-figures.ts'
import { RankingIndex } from '../ranking/ranking-index.ts'
import type { Steps } from '../sql/steps.ts'
import { runSteps } from './run-steps.ts'

/** Keeps the index of the units that queries may find. */
export class Ranker implements IndexKeeper {
  /** What questions are answered from. */
  index: RankingIndex | undefined
  readonly #database: Database
  readonly #figures: SharedRankingFigures
  /** The last change that the index includes. */
  #last: NotedChange | undefined
  /** Changes applied since it was loaded; and as of when its size was last reported. */
  #changes = 0
  #changesBeforeTold = 0

  constructor(database: Database, figures: SharedRankingFigures) {
    this.#database = database
    this.#figures = figures
  }

  /** Reads all units, each slice in its own snapshot: a long one would keep the log from restarting. */
  load(inSnapshot: InSnapshot): void {
    this.#loadIn(inSnapshot)
  }

  /**
   * Brings the index to the state of the open transaction, so that a query sees every write that was acknowledged
   * before it, whoever made it.
   */
  catchUp(): void {
    const { index } = this
    if (!index || !this.#last || !this.#run(knowsChangesAfter(this.#last)))
      // If changes were missed, reads all units again, in this snapshot.
      this.#loadIn((work) => work())
    else
      for (let last: NotedChange | undefined = this.#last; last; ) last = this.#follow(index, last)
  }

  /** Tells how large the index is, once there are changes. */
  idle(): void {
    if (this.#changes === this.#changesBeforeTold) return
    this.#changesBeforeTold = this.#changes
    this.#figures.set(this.index?.figures ?? {})
  }

  /** Applies some changes after one. Returns the last of them, if there are any. */
  #follow(index: RankingIndex, after: NotedChange): NotedChange | undefined {
    const followed = this.#run(followAfter(index, after))
    if (!followed) return undefined
    this.#last = followed.last
    this.#changes += followed.units
    this.#figures.set({ units: index.size, changes: this.#changes })
    return followed.last
  }

  /** @param inSnapshot does work in a snapshot */
  #loadIn(inSnapshot: InSnapshot): void {
    // No query is answered from a partial index: if reading fails, it starts over.
    this.index = undefined
    this.#figures.set({ units: 0, bytes: 0, loadMilliseconds: 0, changes: 0 })
    const began = performance.now()
    const layout = this.#schemaVersion
    let index = this.#readAll(inSnapshot)
    // Another program's VACUUM moves rows, so that some may have been missed; it changes the schema's version.
    if (layout !== this.#schemaVersion) index = inSnapshot(() => this.#readAll((work) => work()))
    index.endLoading()
    this.index = index
    this.#changes = 0
    this.#changesBeforeTold = 0
    this.#figures.set({ loadMilliseconds: performance.now() - began, ...index.figures })
  }

  /** An index of all units. What changes while they are read is applied afterwards. */
  #readAll(inSnapshot: InSnapshot): RankingIndex {
    const index = new RankingIndex()
    this.#last = inSnapshot(() => this.#run(lastChange()))
    let place: string | undefined = ''
    while (place !== undefined) {
      const after: string = place
      place = inSnapshot(() => this.#run(loadAfter(index, after)))
    }
    return index
  }

  get #schemaVersion(): unknown {
    return this.#database.pragma('schema_version')
  }

  #run<Result>(steps: Steps<Result>): Result {
    return runSteps(this.#database, steps)
  }
}
