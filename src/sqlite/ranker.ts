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
  /** The last change that the index knows of. */
  #change = 0
  /** Changes that it was told of since it was loaded, and those before its size was last told. */
  #changes = 0
  #changesBeforeTold = 0

  constructor(connection: Connection, figures: SharedRankingFigures) {
    this.#connection = connection
    this.#figures = figures
  }

  /** Reads all units, each slice in a snapshot of its own: a long one keeps the log from beginning anew. */
  load(): void {
    this.#loadIn((work) => this.#connection.transaction(work))
  }

  /**
   * Brings the index to what the database is in the open transaction, so that a query sees every write
   * that was acknowledged before it, whoever made it.
   */
  catchUp(): void {
    for (;;) {
      // Only the last changes are kept: whoever has missed some reads all units anew.
      const index = this.#connection.index
      const isFollowed = index && this.#connection.run(knowsChangesAfter(this.#change))
      if (!isFollowed) this.#loadIn((work) => work())
      else {
        const followed = this.#connection.run(followAfter(index, this.#change))
        if (!followed) return
        this.#change = followed.change
        this.#changes += followed.units
        this.#figures.set({ units: index.size, changes: this.#changes })
      }
    }
  }

  /** Catches up while nobody asks, so that whoever asks next has less to wait for. */
  tidy(): void {
    this.#connection.transaction(() => this.catchUp())
    if (this.#changes === this.#changesBeforeTold) return
    this.#changesBeforeTold = this.#changes
    this.#figures.set(this.#connection.index?.figures ?? {})
  }

  /** @param inSnapshot does some work in a snapshot */
  #loadIn(inSnapshot: <Result>(work: () => Result) => Result): void {
    const connection = this.#connection
    // Nobody is answered from a part of it: where reading fails, it is begun anew.
    connection.index = undefined
    this.#figures.set({ units: 0, bytes: 0, loadMilliseconds: 0, changes: 0 })
    const began = performance.now()
    let index: RankingIndex
    let layout: unknown
    do {
      index = new RankingIndex()
      // Another program's VACUUM moves rows, and some might be missed: it changes the schema's version.
      layout = this.#schemaVersion
      // What changes while units are read is followed afterwards.
      this.#change = inSnapshot(() => connection.run(lastChange()))
      let place: string | undefined = ''
      while (place !== undefined) {
        const after: string = place
        place = inSnapshot(() => connection.run(loadAfter(index, after)))
      }
    } while (layout !== this.#schemaVersion)
    index.endLoading()
    connection.index = index
    this.#changes = 0
    this.#changesBeforeTold = 0
    this.#figures.set({ loadMilliseconds: performance.now() - began, ...index.figures })
  }

  get #schemaVersion(): unknown {
    return this.#connection.sqlite.pragma('schema_version', { simple: true })
  }
}
