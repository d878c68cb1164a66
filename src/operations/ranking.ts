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
  const perfect = lists.perfectSearch()
  if (perfect) {
    yield* perfect.run(best)
    if (lists.secondBound < best.threshold) return best.ids()
  }
  yield* lists.find()
  for (const search of lists.searches()) yield* search.run(best)
  return best.ids()
}

type ContextPart = 'languages' | 'frameworks' | 'pattern'

/** Of how many domains each there are lists, at most. */
const widest = 3
/** The most queried domains of which lists of each two are read, and of each three. */
const mostPairsAsked = 8
const mostTriplesAsked = 5
/** Units that are made here have at most so many domains, and there is one of almost each number. */
const usualSize = 16

/** The lists of one name: one for each size of units. */
class ListsBySize {
  readonly domain: string
  readonly also: string
  /** The largest size that there is a list for. */
  largest = -1
  readonly #limit: number
  readonly #bySize = new Map<number, RankedList>()

  constructor(domain: string, also: string, limit: number) {
    this.domain = domain
    this.also = also
    this.#limit = limit
  }

  of(size: number): RankedList {
    const known = this.#bySize.get(size)
    if (known) return known
    const list = this.newList(size, this.#limit)
    this.#bySize.set(size, list)
    return list
  }

  protected newList(size: number, limit: number): RankedList {
    return new RankedList(this.domain, this.also, size, limit)
  }
}

class OddPatternLists extends ListsBySize {
  readonly #pattern: string

  constructor(domain: string, pattern: string, limit: number) {
    super(domain, oddPattern, limit)
    this.#pattern = pattern
  }

  protected override newList(size: number, limit: number): RankedList {
    return new OddPatternList(this.domain, size, limit, this.#pattern)
  }
}

/** The lists that hold the units which a query may find. */
class QueriedLists {
  /** How many domains are queried. */
  readonly #asked: number
  /** The lists of one, two and three of the domains each. */
  readonly #ofDomains: readonly (readonly ListsBySize[])[]
  /** For each domain, the lists whose units fit a part of the context: each unit that does is in one. */
  readonly #fitting = new Map<ContextPart, readonly (readonly ListsBySize[])[]>()
  /** Sizes that units may have. */
  readonly #sizes: number[] = []

  constructor(query: RankingQuery, limit: number) {
    const domains = query.domains.toSorted(compareTexts)
    this.#asked = domains.length
    this.#ofDomains = this.#widths(widest).map((width) =>
      namesOf(domains, width).map(([domain, also]) => new ListsBySize(domain, also, limit)),
    )
    for (const part of ['languages', 'frameworks'] as const) {
      const alsos = [...new Set(query[part])].map((text) => `${part}:${text}`)
      if (alsos.length === 0) continue
      const lists = domains.map((domain) =>
        alsos.map((also) => new ListsBySize(domain, also, limit)),
      )
      this.#fitting.set(part, lists)
    }
    if (query.pattern === '') return
    const pattern = query.pattern.toLowerCase()
    const lists = domains.map((domain) => [
      new ListsBySize(domain, `pattern:${pattern}`, limit),
      new OddPatternLists(domain, pattern, limit),
    ])
    this.#fitting.set('pattern', lists)
  }

  /**
   * For units that have the queried domains and no others, where that is all that units rank by. One list
   * has them, which often holds the best of all, so that nothing else need be looked up.
   */
  perfectSearch(): Search | undefined {
    const asked = this.#asked
    const lists = this.#ofDomains[asked - 1]
    if (this.#fitting.size > 0 || lists?.length !== 1) return undefined
    const units = () => new BySharedDomains(asked, listsOf(lists, asked))
    const reach = this.#reach([], asked)
    return new Search({ units, reach, least: asked, most: asked, parts: 0 })
  }

  /** The most that any other unit ranks with, one of a single further domain, where none fits a context. */
  get secondBound(): number {
    return this.#reach([], this.#asked + 1)(this.#asked)
  }

  /** Learns which lists there are. */
  *find(): Steps<void> {
    const known = [...this.#fitting.values(), this.#ofDomains].flat(2)
    const byDomain = Map.groupBy(known, ({ domain }) => domain)
    const alsos = [...byDomain].map(([domain, ofDomain]) => [
      domain,
      ofDomain.map(({ also }) => also),
    ])
    const lists = JSON.stringify(Object.fromEntries(alsos))
    let below = Number.MAX_SAFE_INTEGER
    for (;;) {
      const rows = yield* all(selectLargestSizes, { lists, below })
      below = -1
      for (const { domain, place, size } of rows) {
        const found = byDomain.get(domain)?.[Number(place)]
        if (found === undefined || size === null) continue
        found.largest = Math.max(found.largest, Number(size))
        below = Math.max(below, Number(size))
      }
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
      for (const size of this.#sizes)
        if (parts.length > 0) this.#addFitting(searches, parts, size)
        else this.#addAny(searches, size)
    const difficulty = ({ parts }: Search) => Math.max(parts, 1)
    return searches.sort(
      (one, other) => difficulty(one) - difficulty(other) || other.bound - one.bound,
    )
  }

  /** For units whatever their context: by how many of their domains there are lists. */
  #addAny(searches: Search[], size: number): void {
    const reach = this.#reach([], size)
    const widths = this.#widths(size)
    for (const width of widths) {
      const there = this.#there(width, size)
      if (there.length === 0) continue
      // Units that have more of the domains are met in the lists for that many.
      const most = widths.includes(width + 1) ? width : domainsOf(there.length, width)
      const units = () => new BySharedDomains(width, listsOf(there, size))
      searches.push(new Search({ units, reach, least: width, most, parts: 0 }))
    }
  }

  #addFitting(searches: Search[], parts: readonly ContextPart[], size: number): void {
    const there = this.#fittingThere(parts, size)
    if (there.length === 0) return
    const pairs = this.#widths(size).includes(2) ? this.#there(2, size) : undefined
    const units = () => {
      const byDomain = new BySharedDomains(
        1,
        there.map((each) => {
          const fitting = each.map((lists) => new AtLeast(1, listsOf(lists, size)))
          return new AtLeast(each.length, fitting)
        }),
      )
      if (!pairs) return byDomain
      return new ByDomainAndPair(byDomain, new BySharedDomains(2, listsOf(pairs, size)))
    }
    const paired = pairs ? Math.max(domainsOf(pairs.length, 2), 1) : there.length
    const most = Math.min(there.length, paired, Math.max(size, 1))
    const reach = this.#reach(parts, size)
    searches.push(new Search({ units, reach, least: 1, most, parts: parts.length }))
  }

  /** The most that a unit of confidence 1 ranks with, by how many of the queried domains it has. */
  #reach(parts: readonly ContextPart[], size: number): (shared: number) => number {
    const fit = {
      language: parts.includes('languages'),
      framework: parts.includes('frameworks'),
      pattern: parts.includes('pattern'),
    }
    const asked = this.#asked
    return (shared) => relevanceOf(jaccard(Math.min(shared, size, asked), size, asked), fit)
  }

  /** For each domain that has any: for each of these parts, the lists whose units of a size fit it. */
  #fittingThere(parts: readonly ContextPart[], size: number): ListsBySize[][][] {
    const ofParts = parts.map((part) => this.#fitting.get(part) ?? [])
    const there: ListsBySize[][][] = []
    for (let domain = 0; domain < this.#asked; domain++) {
      const each = ofParts.map((ofPart) => thereOf(ofPart[domain] ?? [], size))
      if (each.every((lists) => lists.length > 0)) there.push(each)
    }
    return there
  }

  /** Of how many domains each there are lists, for units of a size. */
  #widths(size: number): number[] {
    const asked = this.#asked
    const widths = [1]
    if (size <= mostPaired && asked <= mostPairsAsked) widths.push(2)
    if (size <= mostTripled && asked <= mostTriplesAsked) widths.push(3)
    return widths.filter((width) => width <= Math.min(size, asked))
  }

  /** The lists of so many of the domains each that may have units of a size. */
  #there(width: number, size: number): ListsBySize[] {
    return thereOf(this.#ofDomains[width - 1] ?? [], size)
  }
}

/** What the lists of so many of some domains each are called. */
function namesOf(domains: readonly string[], width: number): [domain: string, also: string][] {
  const names: [string, string][] = []
  for (const [index, domain] of domains.entries()) {
    if (width === 1) names.push([domain, ''])
    for (const [place, second] of domains.slice(index + 1).entries()) {
      if (width === 2) names.push([domain, `domain:${second}`])
      const following = width === 3 ? domains.slice(index + 2 + place) : []
      for (const third of following)
        names.push([domain, `domains:${[...second].length}:${second}${third}`])
    }
  }
  return names
}

function thereOf(lists: readonly ListsBySize[], size: number): ListsBySize[] {
  return lists.filter(({ largest }) => largest >= size)
}

function listsOf(lists: readonly ListsBySize[], size: number): RankedList[] {
  return lists.map((each) => each.of(size))
}

function subsetsOf<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>(
    (subsets, item) => subsets.flatMap((subset) => [subset, [...subset, item]]),
    [[]],
  )
}

/** Units by how many of the queried domains they have. */
interface UnitsBySharing {
  /** How many of the domains the unit that was met last has. */
  readonly shared: number
  sharing(atLeast: number): Units
  rewind(): void
}

/** From lists of which a unit is in one for each so many of the domains that it has. */
class BySharedDomains implements UnitsBySharing {
  readonly #width: number
  readonly #units: AtLeast

  constructor(width: number, lists: readonly Units[]) {
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

interface SearchOptions {
  /** Finds them. Made where the search is run, which few are. */
  readonly units: () => UnitsBySharing
  /** The most that they rank with, by how many of the queried domains they have. */
  readonly reach: (shared: number) => number
  /** How many of the queried domains they have. */
  readonly least: number
  readonly most: number
  /** How many parts of the context they fit. */
  readonly parts: number
}

/** A search for units of one size that fit the same parts of the context. */
class Search {
  /** The most that any of them ranks with. */
  readonly bound: number
  readonly parts: number
  readonly #options: SearchOptions

  constructor(options: SearchOptions) {
    this.#options = options
    this.parts = options.parts
    this.bound = options.reach(options.most)
  }

  *run(best: Best): Steps<void> {
    if (this.bound < best.threshold) return
    const { reach, least, most } = this.#options
    const units = this.#options.units()
    units.rewind()
    let place = beginning
    let needed = least
    for (;;) {
      // The lower the confidence, the more domains a unit must have to be among the best.
      while (needed <= most && best.excludesFrom(reach(needed), place)) needed++
      if (needed > most) return
      const found = units.sharing(needed).from(place)
      if (found === undefined) return
      if (found instanceof RankedList) {
        yield* found.readOn()
      } else if (best.excludes(this.bound * found.confidence, found.unit_id)) {
        // Units of this confidence that follow have lower ids, and tie at best.
        place = below(found.confidence)
      } else {
        best.add(reach(units.shared), found)
        place = after(found)
      }
    }
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
