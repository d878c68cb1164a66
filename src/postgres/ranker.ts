import { follow, loadAfter } from '../operations/ranked-units.ts'
import type { SharedRankingFigures } from '../ranking/ranking-figures.ts'
import { RankingIndex } from '../ranking/ranking-index.ts'
import type { Steps } from '../sql/steps.ts'
import type { Send } from './connection.ts'
import { runSteps } from './run-steps.ts'

/**
 * Which transactions had ended: what is read in this transaction includes them. And whose they are: after a failover,
 * numbers of transactions are used again, and tables that were restored hold what no trigger has noted. Altered
 * triggers have another `xmin`.
 */
const current = `(select pg_current_snapshot()::text as snapshot, concat_ws(' ', extract(epoch from pg_postmaster_start_time()),
    to_regclass('cq_store_changes')::oid, (select string_agg(concat(oid, ':', xmin), ' ' order by oid) from pg_trigger
      where tgrelid = to_regclass('knowledge_units') and not tgisinternal)) as origin) as now`
const selectSnapshot = `select snapshot, origin from ${current}`

/**
 * Of transactions that the snapshot did not include: those that were running then, or began later. A number that
 * ascends would miss one that commits late.
 */
const isNew = `changed >= pg_snapshot_xmin($1::pg_snapshot) and not pg_visible_in_snapshot(changed, $1::pg_snapshot)`

/** The most units whose documents are read at once. */
const atOnce = 200

/**
 * At least one row, whose id is null where nothing changed. A unit that is no longer approved has no document here. In
 * an order, so that an index is used, as few are new.
 */
const selectChanged = `select snapshot, origin, change.unit_id as id, unit.data, unit.created_at
  from ${current}
  left join (
    select unit_id from cq_store_changes where ${isNew} order by changed limit ${atOnce + 1}
  ) as change on true
  left join knowledge_units as unit on unit.id = change.unit_id and unit.status = 'approved'`
const selectChangedIds = `select unit_id as id from cq_store_changes where ${isNew}`
const selectThese = `select given.id, unit.data, unit.created_at
  from unnest($1::text[]) as given (id)
  left join knowledge_units as unit on unit.id = given.id and unit.status = 'approved'`

/** What stands for all units among those that changed: the table was emptied. */
const allUnits = ''

interface ChangedUnit {
  readonly id: string
  readonly data: string | null
  readonly created_at: string | null
}

/** Keeps the index of the units that queries may find. */
export class Ranker {
  /** What questions are answered from. */
  index: RankingIndex | undefined
  readonly #figures: SharedRankingFigures
  readonly #notice: (message: string) => void
  /** The state that the index has. */
  #snapshot = ''
  /** Where that is from: with another one, the index is loaded anew. */
  #origin: unknown
  #changes = 0

  constructor(figures: SharedRankingFigures, notice: (message: string) => void) {
    this.#figures = figures
    this.#notice = notice
  }

  /** Reads all units, in the transaction that is open. */
  async load(send: Send): Promise<true> {
    this.index = undefined
    this.#figures.set({ units: 0, bytes: 0, loadMilliseconds: 0, changes: 0 })
    const began = performance.now()
    const answer = await send(selectSnapshot, [])
    this.#snapshot = snapshotIn(answer)
    this.#origin = answer.rows[0]?.origin
    const index = new RankingIndex()
    let place: string | undefined = ''
    while (place !== undefined) {
      const after: string = place
      place = await this.#run(send, loadAfter(index, after))
    }
    index.endLoading()
    this.index = index
    this.#changes = 0
    this.#figures.set({ loadMilliseconds: performance.now() - began, ...index.figures })
    return true
  }

  /**
   * Brings the index to the state of the transaction that is open, so that a query sees every write that was
   * acknowledged before it, whichever server made it.
   * @returns whether that changed it
   */
  async catchUp(send: Send): Promise<boolean> {
    const { index } = this
    if (!index) return this.load(send)
    const known = this.#snapshot
    const answer = await send(selectChanged, [known])
    const rows = (answer.rows as unknown as ChangedUnit[]).filter(({ id }) => id !== null)
    const isOther = answer.rows[0]?.origin !== this.#origin
    if (isOther || rows.some(({ id }) => id === allUnits)) return this.load(send)
    if (rows.length <= atOnce) await this.#apply(send, index, rows)
    else if (!(await this.#applyMany(send, index, known))) return this.load(send)
    // Last: if something failed on the way, the next query starts from here again.
    this.#snapshot = snapshotIn(answer)
    return rows.length > 0
  }

  /** Whether it could: not if the table was emptied. */
  async #applyMany(send: Send, index: RankingIndex, known: string): Promise<boolean> {
    const { rows } = await send(selectChangedIds, [known])
    const ids = rows.map(({ id }) => id as string)
    if (ids.includes(allUnits)) return false
    for (let from = 0; from < ids.length; from += atOnce) {
      const { rows } = await send(selectThese, [ids.slice(from, from + atOnce)])
      await this.#apply(send, index, rows as unknown as ChangedUnit[])
    }
    return true
  }

  async #apply(send: Send, index: RankingIndex, rows: readonly ChangedUnit[]): Promise<void> {
    if (rows.length === 0) return
    await this.#run(send, follow(index, rows))
    this.#changes += rows.length
    this.#figures.set({ ...index.figures, changes: this.#changes })
  }

  #run<Result>(send: Send, steps: Steps<Result>): Promise<Result> {
    return runSteps(steps, { send, notice: this.#notice })
  }
}

function snapshotIn({ rows }: { readonly rows: readonly Record<string, unknown>[] }): string {
  return rows[0]?.snapshot as string
}
