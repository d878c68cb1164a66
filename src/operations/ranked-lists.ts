import type { RawBuilder } from 'kysely'
import { type DialectName, sql, statement } from '../statement.ts'
import { listed } from './listed.ts'
import { all, type Steps } from './operation.ts'
import { compareTexts } from './text-order.ts'

/**
 * A parameter that SQLite doesn't look at when it plans: one that it did look at, or that limits, makes
 * it plan the statement anew on each run, which takes longer than running it.
 */
function unseen<T>(value: T, dialect: DialectName): RawBuilder<T> {
  return dialect === 'sqlite' ? sql<T>`(select ${value})` : sql<T>`${value}`
}

/** Lists are asked for by their domains, each with the places of what else they are for. */
export const selectLargestSizes = statement(
  'select the most domains, below a number, that units of some lists have',
  (db, p: { lists: string; below: number }, dialect) => {
    const asked =
      dialect === 'sqlite'
        ? sql`select d.key as domain, a.key as place, a.value as also
            from json_each(${p.lists}) as d cross join json_each(d.value) as a`
        : sql`select d.key as domain, a.ordinality - 1 as place, a.value as also
            from jsonb_each(cast(${p.lists} as jsonb)) as d
            cross join jsonb_array_elements_text(d.value) with ordinality as a`
    return db
      .selectFrom(sql<{ domain: string; place: number; also: string }>`(${asked})`.as('asked'))
      .select(({ selectFrom }) => [
        'asked.domain',
        'asked.place',
        selectFrom('cq_store_ranking')
          .select('size')
          .whereRef('cq_store_ranking.domain', '=', 'asked.domain')
          .whereRef('cq_store_ranking.also', '=', 'asked.also')
          .where('size', '<', unseen(p.below, dialect))
          .orderBy('size', 'desc')
          .limit(sql.lit(1))
          .as('size'),
      ])
  },
)

interface Reading {
  readonly domain: string
  readonly also: string
  readonly size: number
  readonly confidence: number
  readonly unitId: string
  readonly limit: number
}

const selectRanked = statement('select units of a list, by confidence', (db, p: Reading, dialect) =>
  db
    .selectFrom('cq_store_ranking')
    .select(['confidence', 'unit_id'])
    .where('domain', '=', unseen(p.domain, dialect))
    .where('also', '=', unseen(p.also, dialect))
    .where('size', '=', unseen(p.size, dialect))
    .where(
      sql<boolean>`(confidence, unit_id) <= (${unseen(p.confidence, dialect)}, ${unseen(p.unitId, dialect)})`,
    )
    .orderBy('confidence', 'desc')
    .orderBy('unit_id', 'desc')
    .limit(unseen(p.limit, dialect)),
)

const selectPatterns = statement("select units' patterns", (db, p: { ids: string }, dialect) =>
  db
    .selectFrom('knowledge_units')
    .select([
      'id',
      (dialect === 'sqlite'
        ? sql<string>`json_extract(data, '$.context.pattern')`
        : sql<string>`cast(data as jsonb) #>> '{context,pattern}'`
      ).as('pattern'),
    ])
    .where('id', 'in', (eb) => eb.selectFrom(listed(p.ids, dialect).as('ids')).select('ids.value')),
)

/** A unit as lists hold it: by confidence, then by id, both descending. */
export interface RankedUnit {
  readonly confidence: number
  readonly unit_id: string
}

/** A place in the order of lists: at a unit, or right after it. */
export interface Place extends RankedUnit {
  readonly isAfter: boolean
}

/** Where no unit comes before. */
export const beginning: Place = {
  confidence: Number.POSITIVE_INFINITY,
  unit_id: '',
  isAfter: false,
}

export function after({ confidence, unit_id }: RankedUnit): Place {
  return { confidence, unit_id, isAfter: true }
}

/** After all units of a confidence. */
export function below(confidence: number): Place {
  return { confidence, unit_id: '', isAfter: true }
}

function isBefore(unit: RankedUnit, place: Place): boolean {
  const order = compare(unit, place)
  return order < 0 || (order === 0 && place.isAfter)
}

/** Below zero where one comes before the other. */
function compare(one: RankedUnit, other: RankedUnit): number {
  return other.confidence - one.confidence || compareTexts(other.unit_id, one.unit_id)
}

/** Units in the order of lists. */
export interface Units {
  /**
   * The first unit at a place or after it, where there is one; or the list that must be read on before
   * that can be told. The places that are asked for never go back.
   */
  from(place: Place): RankedUnit | RankedList | undefined
  /** Begins anew. */
  rewind(): void
}

/** Rows that a list is read in: more while all of them are of use, fewer where most are leapt over. */
const smallestChunk = 4
const largestChunk = 1024

/** The units of one size that have a domain, and what else the list is for. */
export class RankedList implements Units {
  readonly #name: { readonly domain: string; readonly also: string; readonly size: number }
  readonly #firstChunk: number
  #rows: readonly RankedUnit[] = []
  #next = 0
  /** How many of the rows were answered, and the last of them. */
  #used = 0
  #lastUsed: RankedUnit | undefined
  /** Where what was not read yet begins. */
  #unread = beginning
  /** What is known of the list. */
  #known: 'nothing' | 'its beginning' | 'some part' = 'nothing'
  #chunk: number
  #hasEnded = false

  constructor(domain: string, also: string, size: number, firstChunk: number) {
    this.#name = { domain, also, size }
    this.#firstChunk = Math.min(Math.max(firstChunk, smallestChunk), largestChunk)
    this.#chunk = this.#firstChunk
  }

  /** Reads nothing again where no more than the beginning was read. */
  rewind(): void {
    this.#next = 0
    if (this.#known !== 'some part') return
    this.#rows = []
    this.#unread = beginning
    this.#known = 'nothing'
    this.#chunk = this.#firstChunk
    this.#hasEnded = false
  }

  from(place: Place): RankedUnit | RankedList | undefined {
    let unit = this.#rows[this.#next]
    while (unit !== undefined && isBefore(unit, place)) unit = this.#rows[++this.#next]
    if (unit !== undefined) {
      if (unit !== this.#lastUsed) this.#used++
      this.#lastUsed = unit
      return unit
    }
    if (this.#hasEnded) return undefined
    if (isBefore(this.#unread, place)) this.#unread = place
    return this
  }

  *readOn(): Steps<void> {
    if (this.#known !== 'nothing')
      this.#chunk =
        this.#used * 2 > this.#rows.length
          ? Math.min(this.#chunk * 4, largestChunk)
          : Math.max(this.#used * 2, smallestChunk)
    else if (this.#unread !== beginning) this.#chunk = smallestChunk
    this.#known = this.#unread === beginning ? 'its beginning' : 'some part'
    const { confidence, unit_id: unitId } = this.#unread
    const limit = this.#chunk
    const rows = yield* all(selectRanked, { ...this.#name, confidence, unitId, limit })
    this.#hasEnded = rows.length < limit
    this.#unread = after(rows.at(-1) ?? this.#unread)
    // Another program may have stored an id that is no text, and no unit has such a one.
    this.#rows = yield* this.kept(rows.filter(({ unit_id }) => typeof unit_id === 'string'))
    this.#next = 0
    this.#used = 0
  }

  /** Those of the list's units that it is read for. */
  // biome-ignore lint/correctness/useYield: it is all that was read, and nothing more is asked for
  protected *kept(units: readonly RankedUnit[]): Steps<readonly RankedUnit[]> {
    return units
  }
}

/** The list of units whose pattern is not all ASCII, and how those end that are for other parts, too. */
export const oddPatternList = 'pattern?'

/** Units whose pattern is not all ASCII, of which only their documents tell whether it fits. */
export class OddPatternList extends RankedList {
  readonly #pattern: string

  constructor(domain: string, also: string, size: number, firstChunk: number, pattern: string) {
    super(domain, also, size, firstChunk)
    this.#pattern = pattern
  }

  protected override *kept(units: readonly RankedUnit[]): Steps<readonly RankedUnit[]> {
    const ids = JSON.stringify(units.map(({ unit_id }) => unit_id))
    const rows = yield* all(selectPatterns, { ids })
    const fitting = rows.filter(({ pattern }) => pattern.toLowerCase() === this.#pattern)
    const fits = new Set(fitting.map(({ id }) => id))
    return units.filter(({ unit_id }) => fits.has(unit_id))
  }
}

/** The units that are in at least so many of some lists, found by leaping over those that can't be. */
export class AtLeast implements Units {
  count: number
  /** In how many of the lists the unit is that was answered last. */
  present = 0
  #lists: readonly Units[]

  constructor(count: number, lists: readonly Units[]) {
    this.count = count
    this.#lists = lists
  }

  from(place: Place): RankedUnit | RankedList | undefined {
    for (;;) {
      const heads: RankedUnit[] = []
      for (const list of this.#lists) {
        const head = list.from(place)
        if (head instanceof RankedList) return head
        if (head !== undefined) heads.push(head)
      }
      const nearest = this.#nearest(heads)
      if (nearest === undefined) return undefined
      let isFirst = true
      this.present = 0
      for (const head of heads) {
        const order = compare(head, nearest)
        if (order === 0) this.present++
        else if (order < 0) isFirst = false
      }
      if (isFirst) return nearest
      // A unit before this one is in fewer lists.
      place = { ...nearest, isAfter: false }
    }
  }

  rewind(): void {
    for (const list of this.#lists) list.rewind()
  }

  /** The unit up to which there are as many as must be one and the same. */
  #nearest(heads: readonly RankedUnit[]): RankedUnit | undefined {
    if (this.count > 1) return heads.toSorted(compare)[this.count - 1]
    let first = heads[0]
    for (const head of heads) if (compare(head, first as RankedUnit) < 0) first = head
    return first
  }
}

/** The units that are in all of some lists, found likewise; the first one should be the shortest. */
export class InAll implements Units {
  readonly #lists: readonly Units[]

  constructor(lists: readonly Units[]) {
    this.#lists = lists
  }

  from(place: Place): RankedUnit | RankedList | undefined {
    let found: RankedUnit | undefined
    let met = 0
    for (let index = 0; ; index = (index + 1) % this.#lists.length) {
      const head = (this.#lists[index] as Units).from(place)
      if (head === undefined || head instanceof RankedList) return head
      met = found !== undefined && compare(head, found) === 0 ? met + 1 : 1
      if (met === this.#lists.length) return head
      found = head
      place = { ...head, isAfter: false }
    }
  }

  rewind(): void {
    for (const list of this.#lists) list.rewind()
  }
}
