import { jaccard, type RankingQuery, relevanceOf } from '../knowledge/scoring.ts'
import { mostPaired, mostTripled } from '../schema.ts'
import { all, type Steps } from './operation.ts'
import {
  AtLeast,
  after,
  beginning,
  below,
  OddPatternList,
  oddPattern,
  type Place,
  RankedList,
  type RankedUnit,
  selectLargestSizes,
  type Units,
} from './ranked-lists.ts'
import { compareTexts } from './text-order.ts'

/**
 * The ids of the best units for a query, best first: the very order of `rank` and ids, found without
 * reading a document.
 *
 * Units of one size (number of domains) that fit the same parts of the query's context are searched for
 * together. What else they rank by is how many of the queried domains they have, and confidence, by which
 * they are met; so what is still to come ranks ever lower, and a search ends where that is less than the
 * worst of the best. A unit that fits more than a search is for is met by another one too, and counts as
 * the most that it was met as. All comparisons are of doubles that the formula itself makes, with larger
 * arguments, so that rounding can't mislead them.
 */
export function* rankedIds(query: RankingQuery, limit: number): Steps<string[]> {
  const best = new Best(limit)
  const lists = new QueriedLists(query, limit)
  yield* lists.find()
  for (const search of lists.searches()) yield* search.run(best)
  return best.ids()
}

type ContextPart = 'languages' | 'frameworks' | 'pattern'

/** The most queried domains of which lists of each two are read, and of each three. */
const mostPairsAsked = 8
const mostTriplesAsked = 5
/** Units that are made here have at most so many domains, and there is one of almost each number. */
const usualSize = 16

/** The lists that hold the units which a query may find. */
class QueriedLists {
  readonly #limit: number
  readonly #domains: readonly string[]
  readonly #pattern: string
  /** What lists are called whose units fit a part of the context: each unit that does is in one. */
  readonly #fitting = new Map<ContextPart, readonly string[]>()
  /** The largest size of the units in each list that there is. */
  readonly #largest = new Map<string, number>()
  readonly #lists = new Map<string, RankedList>()
  /** Sizes that units may have. */
  readonly #sizes: number[] = []

  constructor(query: RankingQuery, limit: number) {
    this.#limit = limit
    this.#domains = query.domains.toSorted(compareTexts)
    this.#pattern = query.pattern.toLowerCase()
    for (const part of ['languages', 'frameworks'] as const)
      if (query[part].length > 0)
        this.#fitting.set(
          part,
          [...new Set(query[part])].map((text) => `${part}:${text}`),
        )
    if (query.pattern !== '') this.#fitting.set('pattern', [`pattern:${this.#pattern}`, oddPattern])
  }

  /** Learns which lists there are. */
  *find(): Steps<void> {
    const names = [...this.#fitting.values()]
      .flat()
      .flatMap((also) => this.#domains.map((domain): ListName => [domain, also]))
    for (const width of this.#widths(3)) names.push(...this.#namesOf(width))
    const lists = JSON.stringify(names)
    let below = Number.MAX_SAFE_INTEGER
    for (;;) {
      const rows = yield* all(selectLargestSizes, { lists, below })
      const found = rows.filter(({ size }) => size !== null)
      for (const { list, size } of found) {
        const key = keyOf(...(names[list] as ListName))
        if (!this.#largest.has(key)) this.#largest.set(key, Number(size))
      }
      below = found.reduce((largest, { size }) => Math.max(largest, Number(size)), -1)
      if (below <= usualSize) break
      this.#sizes.push(below)
    }
    for (let size = below; size >= 0; size--) this.#sizes.push(size)
  }

  /**
   * Searches that together meet every unit as what it is. First those that meet nothing but what they
   * are for: they end soon, and raise what others must exceed. Then those that may find the best.
   */
  searches(): Search[] {
    const searches: Search[] = []
    for (const parts of subsetsOf([...this.#fitting.keys()]))
      for (const size of this.#sizes) searches.push(...this.#searchesOf(parts, size))
    const difficulty = ({ parts }: Search) => Math.max(parts, 1)
    return searches.sort(
      (one, other) => difficulty(one) - difficulty(other) || other.bound - one.bound,
    )
  }

  #searchesOf(parts: readonly ContextPart[], size: number): Search[] {
    const reach = this.#reach(parts, size)
    const widths = this.#widths(size)
    if (parts.length > 0) {
      const fitting = new BySharedDomains(1, this.#fittingLists(parts, size))
      if (fitting.most === 0) return []
      const units = widths.includes(2)
        ? new ByDomainAndPair(fitting, new BySharedDomains(2, this.#there(this.#namesOf(2), size)))
        : fitting
      return [new Search(units, reach, 1, parts.length)]
    }
    return widths.flatMap((width) => {
      const units = new BySharedDomains(width, this.#there(this.#namesOf(width), size))
      if (units.most === 0) return []
      // Units that have more of the domains are met in the lists for that many.
      const most = widths.includes(width + 1) ? width : units.most
      return [new Search(units, reach, width, 0, most)]
    })
  }

  /** The most that a unit of confidence 1 ranks with, by how many of the queried domains it has. */
  #reach(parts: readonly ContextPart[], size: number): number[] {
    const asked = this.#domains.length
    const fit = {
      language: parts.includes('languages'),
      framework: parts.includes('frameworks'),
      pattern: parts.includes('pattern'),
    }
    return Array.from({ length: Math.max(1, Math.min(size, asked)) + 1 }, (_, shared) =>
      relevanceOf(jaccard(Math.min(shared, size), size, asked), fit),
    )
  }

  /** For each domain that has any: its units that fit all of these parts. */
  #fittingLists(parts: readonly ContextPart[], size: number): Units[] {
    if (parts.length === 0)
      return this.#there(
        this.#domains.map((domain) => [domain, '']),
        size,
      )
    return this.#domains.flatMap((domain) => {
      const each = parts.map((part) => {
        const names = this.#fitting.get(part) ?? []
        return this.#there(
          names.map((also) => [domain, also]),
          size,
        )
      })
      if (each.some((lists) => lists.length === 0)) return []
      return [
        new AtLeast(
          each.length,
          each.map((lists) => new AtLeast(1, lists)),
        ),
      ]
    })
  }

  /** Of how many domains each there are lists, for units of a size. */
  #widths(size: number): number[] {
    const asked = this.#domains.length
    const widths = [1]
    if (size <= mostPaired && asked <= mostPairsAsked) widths.push(2)
    if (size <= mostTripled && asked <= mostTriplesAsked) widths.push(3)
    return widths.filter((width) => width <= Math.min(size, asked))
  }

  /** What the lists of so many of the domains each are called. */
  #namesOf(width: number): ListName[] {
    const names: ListName[] = []
    for (const [index, domain] of this.#domains.entries()) {
      if (width === 1) names.push([domain, ''])
      for (const [place, second] of this.#domains.slice(index + 1).entries()) {
        if (width === 2) names.push([domain, `domain:${second}`])
        const following = width === 3 ? this.#domains.slice(index + 2 + place) : []
        for (const third of following)
          names.push([domain, `domains:${[...second].length}:${second}${third}`])
      }
    }
    return names
  }

  /** Those of some lists that may have units of a size. */
  #there(names: readonly ListName[], size: number): RankedList[] {
    return names.flatMap((name) => {
      const key = keyOf(...name)
      if (size > (this.#largest.get(key) ?? -1)) return []
      const keyOfSize = `${size} ${key}`
      const list = this.#lists.get(keyOfSize) ?? this.#newList(name, size)
      this.#lists.set(keyOfSize, list)
      return [list]
    })
  }

  #newList([domain, also]: ListName, size: number): RankedList {
    return also === oddPattern
      ? new OddPatternList(domain, size, this.#limit, this.#pattern)
      : new RankedList(domain, also, size, this.#limit)
  }
}

type ListName = readonly [domain: string, also: string]

function keyOf(domain: string, also: string): string {
  return `${also}\0${domain}`
}

function subsetsOf<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>(
    (subsets, item) => subsets.flatMap((subset) => [subset, [...subset, item]]),
    [[]],
  )
}

/** Units by how many of the queried domains they have. */
interface UnitsBySharing {
  /** How many of the domains any can have. */
  readonly most: number
  /** How many of the domains the unit that was met last has. */
  readonly shared: number
  sharing(atLeast: number): Units
  rewind(): void
}

/** From lists of which a unit is in one for each so many of the domains that it has. */
class BySharedDomains implements UnitsBySharing {
  readonly most: number
  readonly #width: number
  readonly #units: AtLeast

  constructor(width: number, lists: readonly Units[]) {
    this.most = domainsOf(lists.length, width)
    this.#width = width
    this.#units = new AtLeast(1, lists)
  }

  get shared(): number {
    return domainsOf(this.#units.present, this.#width)
  }

  sharing(atLeast: number): Units {
    this.#units.count = choices(atLeast, this.#width)
    return this.#units
  }

  rewind(): void {
    this.#units.rewind()
  }
}

/** In how many ways one can choose a few of some domains. */
function choices(domains: number, width: number): number {
  let ways = 1
  for (let chosen = 0; chosen < width; chosen++) ways = (ways * (domains - chosen)) / (chosen + 1)
  return ways
}

/** How many domains there are where a few of them can be chosen in so many ways. */
function domainsOf(ways: number, width: number): number {
  let domains = ways === 0 ? 0 : width
  while (domains > 0 && choices(domains + 1, width) <= ways) domains++
  return domains
}

/** From both, where units that have two of the domains are few in one or in the other. */
class ByDomainAndPair implements UnitsBySharing {
  readonly #byDomain: BySharedDomains
  readonly #byPair: BySharedDomains

  constructor(byDomain: BySharedDomains, byPair: BySharedDomains) {
    this.#byDomain = byDomain
    this.#byPair = byPair
  }

  get most(): number {
    return Math.min(this.#byDomain.most, Math.max(this.#byPair.most, 1))
  }

  get shared(): number {
    return this.#byDomain.shared
  }

  sharing(atLeast: number): Units {
    const units = this.#byDomain.sharing(atLeast)
    return atLeast < 2 ? units : new AtLeast(2, [units, this.#byPair.sharing(atLeast)])
  }

  rewind(): void {
    this.#byDomain.rewind()
    this.#byPair.rewind()
  }
}

/** A search for units of one size that fit the same parts of the context. */
class Search {
  /** The most that any of them ranks with. */
  readonly bound: number
  /** How many parts they fit. */
  readonly parts: number
  readonly #units: UnitsBySharing
  readonly #reach: readonly number[]
  readonly #least: number
  readonly #most: number

  constructor(
    units: UnitsBySharing,
    reach: readonly number[],
    least: number,
    parts: number,
    most = Math.min(units.most, reach.length - 1),
  ) {
    this.parts = parts
    this.#units = units
    this.#reach = reach
    this.#least = least
    this.#most = most
    this.bound = this.#reachOf(most)
  }

  *run(best: Best): Steps<void> {
    if (this.bound < best.threshold) return
    this.#units.rewind()
    let place = beginning
    let needed = this.#least
    for (;;) {
      // The lower the confidence, the more domains a unit must have to be among the best.
      while (needed <= this.#most && best.excludesFrom(this.#reachOf(needed), place)) needed++
      if (needed > this.#most) return
      const found = this.#units.sharing(needed).from(place)
      if (found === undefined) return
      if (found instanceof RankedList) {
        yield* found.readOn()
      } else if (best.excludes(this.bound * found.confidence, found.unit_id)) {
        // Units of this confidence that follow have lower ids, and tie at best.
        place = below(found.confidence)
      } else {
        best.add(this.#reachOf(this.#units.shared), found)
        place = after(found)
      }
    }
  }

  #reachOf(shared: number): number {
    return this.#reach[Math.min(shared, this.#reach.length - 1)] as number
  }
}

/** A double times this is the double before it. */
const justBelowOne = 1 - Number.EPSILON / 2

interface MetUnit {
  readonly id: string
  readonly relevance: number
  readonly rank: number
}

/** The best of the units that were added, as many as asked for: by rank, then by id, descending. */
class Best {
  readonly #limit: number
  readonly #units = new Map<string, MetUnit>()
  #worst: MetUnit | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The rank below which no unit can be among the best any more. */
  get threshold(): number {
    return this.#worst?.rank ?? Number.NEGATIVE_INFINITY
  }

  /** Whether a unit of at most this rank can't be among the best. */
  excludes(rank: number, id: string): boolean {
    if (this.#worst === undefined) return false
    return rank < this.#worst.rank || (rank === this.#worst.rank && id < this.#worst.id)
  }

  /** Whether no unit at a place or after it, of at most this relevance, can be among the best. */
  excludesFrom(relevance: number, { confidence, unit_id: id }: Place): boolean {
    if (this.#worst === undefined) return false
    const rank = relevance * confidence
    if (rank !== this.#worst.rank) return rank < this.#worst.rank
    // What is after it has a lower id, or a lower confidence: the next double at most.
    return relevance * (confidence * justBelowOne) < rank && id <= this.#worst.id
  }

  /** Adds a unit, or what more it has come to be: what it is known to be at least. */
  add(relevance: number, { confidence, unit_id: id }: RankedUnit): void {
    const known = this.#units.get(id)
    if (known !== undefined && known.relevance >= relevance) return
    const rank = relevance * confidence
    if (this.excludes(rank, id)) return
    this.#units.set(id, { id, relevance, rank })
    // Sorted now and then, so that a high limit does not sort for each unit.
    const isFirstFull = this.#worst === undefined && this.#units.size === this.#limit
    const wasWorst = this.#worst?.id === id
    if (isFirstFull || wasWorst || this.#units.size > this.#limit * 1.125) this.#settle()
  }

  ids(): string[] {
    return this.#settle().map(({ id }) => id)
  }

  #settle(): MetUnit[] {
    const units = [...this.#units.values()].sort(
      (one, other) => other.rank - one.rank || (one.id < other.id ? 1 : -1),
    )
    for (const { id } of units.splice(this.#limit)) this.#units.delete(id)
    if (units.length === this.#limit) this.#worst = units.at(-1)
    return units
  }
}
