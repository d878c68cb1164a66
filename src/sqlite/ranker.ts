import {
  followAfter,
  knowsChangesAfter,
  lastChange,
  loadAfter,
  type NotedChange,
} from '../operations/ranked-units.ts'
import { RankingIndex } from '../ranking/ranking-index.ts'
import type { Connection } from './connection.ts'
import type { SharedRankingFigures } from './ranking-figures.ts'

/** Does work in a snapshot. */
type InSnapshot = <Result>(work: () => Result) => Result

/** Keeps the index of the units that queries may find, for a connection that answers questions from it. */
export class Ranker {
  readonly #connection: Connection
  readonly #figures: SharedRankingFigures
  /** The last change that the index includes. */
  #last: NotedChange | undefined
  /** Changes applied since it was loaded; and as of when its size was last reported. */
  #changes = 0
  #changesBeforeTold = 0

  constructor(connection: Connection, figures: SharedRankingFigures) {
    this.#connection = connection
    this.#figures = figures
  }

  /** Reads all units, each slice in its own snapshot: a long one would keep the log from restarting. */
  load(): void {
    this.#loadIn((work) => this.#connection.transactions.run(work))
  }

  /**
   * Brings the index to the state of the open transaction, so that a query sees every write that was acknowledged
   * before it, whoever made it.
   */
  catchUp(): void {
    const connection = this.#connection
    const { index } = connection
    if (!index || !this.#last || !connection.run(knowsChangesAfter(this.#last)))
      // If changes were missed, reads all units again, in this snapshot.
      this.#loadIn((work) => work())
    else
      for (let last: NotedChange | undefined = this.#last; last; ) last = this.#follow(index, last)
  }

  /** Applies some changes after one. Returns the last of them, if there are any. */
  #follow(index: RankingIndex, after: NotedChange): NotedChange | undefined {
    const followed = this.#connection.run(followAfter(index, after))
    if (!followed) return undefined
    this.#last = followed.last
    this.#changes += followed.units
    this.#figures.set({ units: index.size, changes: this.#changes })
    return followed.last
  }

  /** Applies changes while there is nothing else to do, so that the next query waits less. */
  followChanges(): void {
    this.#connection.transactions.run(() => this.catchUp())
    if (this.#changes === this.#changesBeforeTold) return
    this.#changesBeforeTold = this.#changes
    this.#figures.set(this.#connection.index?.figures ?? {})
  }

  /** @param inSnapshot does work in a snapshot */
  #loadIn(inSnapshot: InSnapshot): void {
    const connection = this.#connection
    // No query is answered from a partial index: if reading fails, it starts over.
    connection.index = undefined
    this.#figures.set({ units: 0, bytes: 0, loadMilliseconds: 0, changes: 0 })
    const began = performance.now()
    const layout = this.#schemaVersion
    let index = this.#readAll(inSnapshot)
    // Another program's VACUUM moves rows, so that some may have been missed; it changes the schema's version.
    if (layout !== this.#schemaVersion) index = inSnapshot(() => this.#readAll((work) => work()))
    index.endLoading()
    connection.index = index
    this.#changes = 0
    this.#changesBeforeTold = 0
    this.#figures.set({ loadMilliseconds: performance.now() - began, ...index.figures })
  }

  /** An index of all units. What changes while they are read is applied afterwards. */
  #readAll(inSnapshot: InSnapshot): RankingIndex {
    const connection = this.#connection
    const index = new RankingIndex()
    this.#last = inSnapshot(() => connection.run(lastChange()))
    let place: string | undefined = ''
    while (place !== undefined) {
      const after: string = place
      place = inSnapshot(() => connection.run(loadAfter(index, after)))
    }
    return index
  }

  get #schemaVersion(): unknown {
    return this.#connection.sqlite.pragma('schema_version', { simple: true })
  }
}
