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

/** Does some work in a snapshot. */
type InSnapshot = <Result>(work: () => Result) => Result

/** Keeps an index of the units that queries may find, for a connection that answers questions from it. */
export class Ranker {
  readonly #connection: Connection
  readonly #figures: SharedRankingFigures
  /** The last change that the index knows of. */
  #last: NotedChange | undefined
  /** Changes that it was told of since it was loaded, and those before its size was last told. */
  #changes = 0
  #changesBeforeTold = 0

  constructor(connection: Connection, figures: SharedRankingFigures) {
    this.#connection = connection
    this.#figures = figures
  }

  /** Reads all units, each slice in a snapshot of its own: a long one keeps the log from beginning anew. */
  load(): void {
    this.#loadIn((work) => this.#connection.transactions.run(work))
  }

  /**
   * Brings the index to what the database is in the open transaction, so that a query sees every write
   * that was acknowledged before it, whoever made it.
   */
  catchUp(): void {
    const connection = this.#connection
    const { index } = connection
    if (!index || !this.#last || !connection.run(knowsChangesAfter(this.#last)))
      // Whoever has missed some changes reads all units anew, in this snapshot, to which nothing is added.
      this.#loadIn((work) => work())
    else
      for (let last: NotedChange | undefined = this.#last; last; ) last = this.#follow(index, last)
  }

  /** Tells the index of some changes after one. Answers the last of them, where there are any. */
  #follow(index: RankingIndex, after: NotedChange): NotedChange | undefined {
    const followed = this.#connection.run(followAfter(index, after))
    if (!followed) return undefined
    this.#last = followed.last
    this.#changes += followed.units
    this.#figures.set({ units: index.size, changes: this.#changes })
    return followed.last
  }

  /** Catches up while nobody asks, so that whoever asks next has less to wait for. */
  followChanges(): void {
    this.#connection.transactions.run(() => this.catchUp())
    if (this.#changes === this.#changesBeforeTold) return
    this.#changesBeforeTold = this.#changes
    this.#figures.set(this.#connection.index?.figures ?? {})
  }

  /** @param inSnapshot does some work in a snapshot */
  #loadIn(inSnapshot: InSnapshot): void {
    const connection = this.#connection
    // Nobody is answered from a part of it: where reading fails, it is begun anew.
    connection.index = undefined
    this.#figures.set({ units: 0, bytes: 0, loadMilliseconds: 0, changes: 0 })
    const began = performance.now()
    const layout = this.#schemaVersion
    let index = this.#readAll(inSnapshot)
    // Another program's VACUUM moves rows, and some may have been missed: it changes the schema's version.
    if (layout !== this.#schemaVersion) index = inSnapshot(() => this.#readAll((work) => work()))
    index.endLoading()
    connection.index = index
    this.#changes = 0
    this.#changesBeforeTold = 0
    this.#figures.set({ loadMilliseconds: performance.now() - began, ...index.figures })
  }

  /** An index of all units. What changes while they are read is followed afterwards. */
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
