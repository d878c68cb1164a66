import { type Tier, tiers } from '../knowledge/records.ts'
import type { RankingQuery } from '../knowledge/scoring.ts'
import { BestUnits } from './best-units.ts'
import { inOrder } from './bulk-order.ts'
import { RankedList } from './ranked-list.ts'
import { listPlace, Search } from './search.ts'
import { type Term, type TermKind, Terms, termKinds } from './terms.ts'
import { UnitIds } from './unit-ids.ts'
import { UnitTable } from './unit-table.ts'

/** What queries, and listings by confidence, need of a unit. */
export interface RankedUnit {
  /** `ku_` and 32 hexadecimal digits. */
  readonly id: string
  /** From 0 to 1. */
  readonly confidence: number
  /** When it was created, as a number that increases with time. */
  readonly created: number
  readonly tier: Tier
  readonly flags: number
  readonly confirmations: number
  /** When it was last confirmed, as a number that increases with time. */
  readonly confirmed: number
  /** At least one. Normalised, like those of queries. */
  readonly domains: readonly string[]
  readonly languages: readonly string[]
  readonly frameworks: readonly string[]
  /** In any letter case; `''` for none. */
  readonly pattern: string
}

/** A filter of listings. */
export interface ListFilter {
  /** Normalised; `''` for any. */
  readonly domain: string
  /** Inclusive. */
  readonly confidenceMin: number
  /** Exclusive. */
  readonly confidenceMax: number
}

/** Why a unit should be looked at. */
export type Notability = 'flagged' | 'most confirmed' | 'stale'

interface IndexFigures {
  readonly units: number
  /** Approximate memory. */
  readonly bytes: number
}

/** Approximate memory of a term besides its lists: objects, its text and an entry in a map. */
const bytesOfTerm = 250
const bytesOfBlock = 150

/**
 * The units that queries may find, in memory. Finds the best ones for a query, in exactly the order of the
 * formula in `knowledge/scoring.ts`.
 *
 * Each domain has a list of its units for each number of domains that they have; each language, framework and
 * pattern has one list. All are in the order of confidence, then of ids. `search.ts` explains how a search reads
 * them.
 */
export class RankingIndex {
  readonly #ids = new UnitIds()
  readonly #units = new UnitTable()
  readonly #terms = new Terms()
  readonly #search = new Search(this.#ids, this.#units, this.#terms)
  readonly #byTier = tiers.map(() => 0)
  /** How many units have each confidence. */
  readonly #byConfidence = new Map<number, number>()
  /** Places that units left while loading; `undefined` once that is done. */
  #vacated: number[] | undefined = []

  get size(): number {
    return this.#ids.size
  }

  /** How many units it has, and how much memory they take. */
  get figures(): IndexFigures {
    let bytes = this.#ids.bytes + this.#units.bytes + 50 * this.#byConfidence.size
    for (const kind of termKinds)
      for (const { text, lists } of this.#terms.all(kind)) {
        bytes += bytesOfTerm + text.length
        for (const list of lists) if (list) bytes += list.bytes + bytesOfBlock * list.blocks.length
      }
    return { units: this.#ids.size, bytes }
  }

  /** Adds a unit, or replaces it. Until `endLoading` is called, units are only collected. */
  set(unit: RankedUnit): void {
    const known = this.#ids.placeOf(unit.id)
    if (known !== undefined) this.#take(known)
    const place = this.#ids.add(unit.id)
    const terms = this.#termsOf(unit)
    this.#units.fill(place, {
      confidence: unit.confidence,
      created: unit.created,
      tier: tiers.indexOf(unit.tier),
      flags: unit.flags,
      confirmations: unit.confirmations,
      confirmed: unit.confirmed,
      domains: terms.filter(({ kind }) => kind === 'domain').length,
      terms: terms.map(({ number }) => number),
    })
    this.#count(place, 1)
    if (this.#vacated) return
    const mark = markOf(terms)
    for (const term of terms) this.#listOf(term, place).insert(place, mark, this.#isBefore)
  }

  /** Removes a unit, if it is there. */
  delete(id: string): void {
    const place = this.#ids.placeOf(id)
    if (place !== undefined) this.#take(place)
  }

  /** Fills the lists with what was collected: sorted once, so that no position has to be searched for. */
  endLoading(): void {
    if (!this.#vacated) return
    const places = new Int32Array(this.#ids.size)
    let count = 0
    for (let place = 0; place < this.#ids.places; place++)
      if ((this.#units.terms[place] as number) > 0) places[count++] = place
    const { confidence } = this.#units
    const ordered = inOrder(places, {
      confidence: (place) => confidence[place] as number,
      firstWord: (place) => this.#ids.firstWordAt(place),
      compare: this.#compare,
    })
    for (const place of ordered) {
      const terms = this.#termsAt(place)
      const mark = markOf(terms)
      for (const term of terms) this.#listOf(term, place).append(place, mark)
    }
    for (const place of this.#vacated) this.#ids.free(place)
    this.#vacated = undefined
  }

  /** The ids of the best units, best first: by rank, then by id, both descending. */
  query(query: RankingQuery, limit: number): string[] {
    return this.#search.run(query, limit).map((place) => this.#ids.textAt(place))
  }

  /** The ids of the newest units that pass a filter: by time of creation, then by id, both descending. */
  newest({ domain, confidenceMin, confidenceMax }: ListFilter, limit: number): string[] {
    const term = domain === '' ? undefined : this.#terms.find('domain', domain)
    if (domain !== '' && !term) return []
    const { confidence, created, terms } = this.#units
    const found = new BestUnits(limit, (one, other) => this.#ids.compare(one, other))
    for (let place = 0; place < this.#ids.places; place++) {
      const own = confidence[place] as number
      if (own < confidenceMin || own >= confidenceMax || terms[place] === 0) continue
      if (!found.mayTake(place, created[place] as number)) continue
      if (term && !this.#units.termsOf(place).includes(term.number)) continue
      found.offer(place, created[place] as number)
    }
    return found.takeAll().map((place) => this.#ids.textAt(place))
  }

  /**
   * The ids of the units to look at first: those with most flags, then least confidence; with most confirmations, of
   * which every unit has one; or last confirmed longest ago.
   */
  notable(why: Notability, limit: number): string[] {
    const { confidence, confirmations, confirmed, flags, terms } = this.#units
    const importance: Record<Notability, (place: number) => number> = {
      flagged: (place) => {
        const count = flags[place] as number
        return count === 0 ? -Infinity : count + (1 - (confidence[place] as number)) / 2
      },
      'most confirmed': (place) => {
        const count = confirmations[place] as number
        return count < 2 ? -Infinity : count
      },
      stale: (place) => -(confirmed[place] as number),
    }
    const found = new BestUnits(limit, (one, other) => this.#ids.compare(one, other))
    for (let place = 0; place < this.#ids.places; place++) {
      if (terms[place] === 0) continue
      const rank = importance[why](place)
      if (rank !== -Infinity) found.offer(place, rank)
    }
    return found.takeAll().map((place) => this.#ids.textAt(place))
  }

  /** The number of units of each domain. */
  domainCounts(): [domain: string, units: number][] {
    return Array.from(this.#terms.all('domain'), ({ text, units }) => [text, units])
  }

  /** The number of units of each tier. */
  tierCounts(): [tier: Tier, units: number][] {
    const counts = tiers.map((tier, index): [Tier, number] => [tier, this.#byTier[index] as number])
    return counts.filter(([, units]) => units > 0)
  }

  /** The number of units in each interval of confidence between ascending bounds. */
  confidenceCounts(bounds: readonly number[]): number[] {
    const counts = [...bounds, 1].map(() => 0)
    for (const [confidence, units] of this.#byConfidence) {
      const below = bounds.findIndex((bound) => confidence < bound)
      const at = below < 0 ? bounds.length : below
      counts[at] = (counts[at] as number) + units
    }
    return counts
  }

  /** Removes the unit at a place. */
  #take(place: number): void {
    this.#count(place, -1)
    for (const term of this.#termsAt(place)) {
      if (!this.#vacated) this.#listOf(term, place).remove(place, this.#isBefore)
      if (--term.units === 0) this.#terms.forget(term)
    }
    this.#units.clear(place)
    this.#ids.remove(place, this.#vacated !== undefined)
    this.#vacated?.push(place)
  }

  #count(place: number, change: 1 | -1): void {
    const tier = this.#units.tier[place] as number
    this.#byTier[tier] = (this.#byTier[tier] as number) + change
    const confidence = this.#units.confidence[place] as number
    const count = (this.#byConfidence.get(confidence) ?? 0) + change
    if (count === 0) this.#byConfidence.delete(confidence)
    else this.#byConfidence.set(confidence, count)
  }

  /** A unit's distinct terms, domains first. Counts the unit as theirs. */
  #termsOf({ domains, languages, frameworks, pattern }: RankedUnit): Term[] {
    const terms = new Set<Term>()
    const add = (kind: TermKind, text: string) => terms.add(this.#terms.findOrAdd(kind, text))
    for (const domain of domains) add('domain', domain)
    for (const language of languages) add('language', language)
    for (const framework of frameworks) add('framework', framework)
    if (pattern !== '') add('pattern', pattern.toLowerCase())
    for (const term of terms) term.units++
    return [...terms]
  }

  #termsAt(place: number): Term[] {
    const terms: Term[] = []
    for (const number of this.#units.termsOf(place)) terms.push(this.#terms.at(number))
    return terms
  }

  /** The list of a term that contains the unit at a place. */
  #listOf({ kind, lists }: Term, place: number): RankedList {
    const at = listPlace(kind, this.#units.domains[place] as number)
    lists[at] ??= new RankedList()
    return lists[at]
  }

  readonly #isBefore = (one: number, other: number): boolean => this.#compare(one, other) < 0

  /** The order of lists: by confidence, then by id, both descending. */
  readonly #compare = (one: number, other: number): number => {
    const { confidence } = this.#units
    const difference = (confidence[other] as number) - (confidence[one] as number)
    return difference !== 0 ? difference : this.#ids.compare(other, one)
  }
}

function markOf(terms: readonly Term[]): number {
  let mark = 0
  for (const { bit } of terms) mark |= bit
  return mark
}
