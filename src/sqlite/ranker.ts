import {
  followAfter,
  knowsChangesAfter,
  lastChange,
  loadAfter,
} from '../operations/ranked-units.ts'
import { RankingIndex } from '../ranking/ranking-index.ts'
import type { Connection } from './connection.ts'
import type { SharedRankingFigures } from './ranking-figures.ts'

/** Keeps an index of the units that queries may find, for a connection that answers questions from it. */
export class Ranker {
  readonly #connection: Connection
  readonly #figures: SharedRankingFigures
  #index = new RankingIndex()
  /** The last change that the index knows of. */
  #change = 0
  /** Changes that it was told of since it was loaded. */
  #changes = 0

  constructor(connection: Connection, figures: SharedRankingFigures) {
    this.#connection = connection
    this.#figures = figures
  }

  /** Reads all units. */
  load(): void {
    this.#figures.set({ units: 0, bytes: 0, loadMilliseconds: 0, changes: 0 })
    const began = performance.now()
    // Each slice in a snapshot of its own, lest a long one keeps the write-ahead log from beginning anew.
    // What changes meanwhile is followed afterwards.
    this.#loadIn((work) => this.#connection.transaction(work))
    this.#figures.set({ loadMilliseconds: performance.now() - began, ...this.#index.figures })
  }

  /**
   * Brings the index to what the database is in the open transaction, so that a query sees every write
   * that was acknowledged before it, whoever made it.
   */
  catchUp(): void {
    const before = this.#change
    this.#follow()
    if (this.#change !== before)
      this.#figures.set({ units: this.#index.size, changes: this.#changes })
  }

  /** Catches up while nobody asks, so that whoever asks next has less to wait for. */
  tidy(): void {
    const before = this.#change
    this.#connection.transaction(() => this.catchUp())
    if (this.#change !== before) this.#figures.set(this.#index.figures)
  }

  /** @param inSnapshot does some work in a snapshot */
  #loadIn(inSnapshot: <Result>(work: () => Result) => Result): void {
    const connection = this.#connection
    let layout: unknown
    do {
      this.#index = new RankingIndex()
      connection.index = this.#index
      // Another program's VACUUM moves rows, and units might be missed: it changes the schema's version.
      layout = this.#schemaVersion
      this.#change = inSnapshot(() => connection.run(lastChange()))
      let place: string | undefined = ''
      const next = (after: string) => () => connection.run(loadAfter(this.#index, after))
      while (place !== undefined) place = inSnapshot(next(place))
      this.#index.endLoading()
    } while (layout !== this.#schemaVersion)
    this.#changes = 0
  }

  #follow(): void {
    const connection = this.#connection
    for (;;) {
      // Only the last changes are kept: whoever has missed some reads all units anew.
      if (!connection.run(knowsChangesAfter(this.#change))) this.#loadIn((work) => work())
      const followed = connection.run(followAfter(this.#index, this.#change))
      if (!followed) return
      this.#change = followed.change
      this.#changes += followed.units
    }
  }

  get #schemaVersion(): unknown {
    return this.#connection.sqlite.pragma('schema_version', { simple: true })
  }
}
