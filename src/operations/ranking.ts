import { jaccard, type RankingQuery, relevanceOf } from '../knowledge/scoring.ts'
import { mostPaired, mostTripled } from '../schema.ts'
import { all, type Steps } from './operation.ts'
import {
  AtLeast,
  after,
  beginning,
  below,
  InAll,
  OddPatternList,
  oddPatternList,
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

/** In the order in which names of lists for two or three at once have them. */
const contextParts = ['frameworks', 'languages', 'pattern'] as const
type ContextPart = (typeof contextParts)[number]

/** Of how many domains each there are lists, at most. */
const widest = 3
/** The most queried domains of which lists of each two are read, and of each three. */
const mostPairsAsked = 8
const mostTriplesAsked = 5
/** The same for units that fit a context, for which lists for each two are read along with others. */
const mostFittingPairsAsked = 5
/** The most pairs of a queried framework and language of which lists for both are read. */
const mostCombinationsAsked = 16
/** Units that are made here have at most so many domains, and there is one of almost each number. */
const usualSize = 16

/** The lists of one name: one for each size of units. */
class ListsBySize {
  readonly domain: string
  readonly also: string
  /** The largest size that there is a list for. */
  largest = -1
  readonly #oddPattern: string | undefined
  readonly #limit: number
  readonly #bySize = new Map<number, RankedList>()

  constructor(domain: string, { also, oddPattern }: ListName, limit: number) {
    this.domain = domain
    this.also = also
    this.#oddPattern = oddPattern
    this.#limit = limit
  }

  of(size: number): RankedList {
    const known = this.#bySize.get(size)
    if (known) return known
    const list =
      this.#oddPattern === undefined
        ? new RankedList(this.domain, this.also, size, this.#limit)
        : new OddPatternList(this.domain, this.also, size, this.#limit, this.#oddPattern)
    this.#bySize.set(size, list)
    return list
  }
}

/** The lists of a domain whose units fit one part of the context, or some at once. */
interface FittingLists {
  /** Each unit that fits is in one of these, */
  readonly together: readonly ListsBySize[]
  /** or in one of each of these: a unit that has so many languages and frameworks that no list is for two. */
  readonly apart: readonly (readonly ListsBySize[])[]
}

/** For each domain, the lists whose units fit some parts of the context. */
interface Fitting {
  readonly parts: readonly ContextPart[]
  readonly ofDomains: readonly FittingLists[]
}

/** The lists that hold the units which a query may find. */
class QueriedLists {
  /** How many domains are queried. */
  readonly #asked: number
  /** The lists of one, two and three of the domains each. */
  readonly #ofDomains: readonly (readonly ListsBySize[])[]
  readonly #parts: readonly ContextPart[]
  /** Those for more parts come first. */
  readonly #fitting: readonly Fitting[]
  /** Sizes that units may have. */
  readonly #sizes: number[] = []

  constructor(query: RankingQuery, limit: number) {
    const domains = query.domains.toSorted(compareTexts)
    this.#asked = domains.length
    this.#ofDomains = this.#widths(widest).map((width) =>
      namesOf(domains, width).map(([domain, also]) => new ListsBySize(domain, { also }, limit)),
    )
    const names = namesOfParts(query)
    this.#parts = contextParts.filter((part) => names[part].length > 0)
    this.#fitting = fittingLists(this.#parts, names, domains, limit)
  }

  /**
   * For units that have the queried domains and no others, where that is all that units rank by. One list
   * has them, which often holds the best of all, so that nothing else need be looked up.
   */
  perfectSearch(): Search | undefined {
    const asked = this.#asked
    const lists = this.#ofDomains[asked - 1]
    if (this.#parts.length > 0 || lists?.length !== 1) return undefined
    const units = () => new BySharedDomains(asked, listsOf(lists, asked))
    const reach = this.#reach([], asked)
    return new Search({ units, reach, least: asked, most: asked, isHard: false })
  }

  /** The most that any other unit ranks with, one of a single further domain, where none fits a context. */
  get secondBound(): number {
    return this.#reach([], this.#asked + 1)(this.#asked)
  }

  /** Learns which lists there are. */
  *find(): Steps<void> {
    const fitting = this.#fitting.flatMap(({ ofDomains }) => ofDomains)
    const ofFitting = fitting.flatMap(({ together, apart }) => [...together, ...apart.flat()])
    const known = [...this.#ofDomains.flat(), ...new Set(ofFitting)]
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
   * Searches that together meet every unit as what it is. First those that read lists as they are: they
   * end soon, and raise what others must exceed. Then those for units that are in two lists or more.
   */
  searches(): Search[] {
    const searches: Search[] = []
    for (const parts of subsetsOf(this.#parts)) {
      const fitting = this.#fittingFor(parts)
      for (const size of this.#sizes) {
        if (!fitting.every(({ ofDomains }) => ofDomains.some((lists) => areThere(lists, size))))
          continue
        const reach = this.#reach(parts, size)
        for (const width of this.#widths(size, parts.length > 0))
          this.#add(searches, fitting, reach, size, width)
      }
    }
    return searches.sort(
      (one, other) => Number(one.isHard) - Number(other.isHard) || other.bound - one.bound,
    )
  }

  /** For units of a size that fit these, and have so many of the domains as there are lists for. */
  #add(
    searches: Search[],
    fitting: readonly Fitting[],
    reach: (shared: number) => number,
    size: number,
    width: number,
  ): void {
    const ofDomains = thereOf(this.#ofDomains[width - 1] ?? [], size)
    if (ofDomains.length === 0) return
    const units = () => {
      const byDomains = () => new BySharedDomains(width, listsOf(ofDomains, size))
      if (fitting.length === 0) return byDomains()
      // A unit that has so many of the domains has one of all but the last few.
      const domains = Array.from({ length: this.#asked - width + 1 }, (_, domain) => domain)
      const fittingIn = (some: readonly number[]) =>
        fitting.map(
          (one) =>
            new AtLeast(
              1,
              some.flatMap((domain) => unitsOf(one.ofDomains[domain], size)),
            ),
        )
      if (width > 1) return new FittingBySharedDomains(new InAll(fittingIn(domains)), byDomains())
      return new BySharedDomains(
        1,
        domains.map((domain) => new InAll(fittingIn([domain]))),
      )
    }
    const widths = this.#widths(size, fitting.length > 0)
    searches.push(
      new Search({
        units,
        reach,
        least: width,
        // Units that have more of the domains are met in the lists for that many.
        most: widths.includes(width + 1) ? width : domainsOf(ofDomains.length, width),
        isHard:
          fitting.length > (width > 1 ? 0 : 1) ||
          fitting.some(({ ofDomains }) => ofDomains.some((lists) => areThereApart(lists, size))),
      }),
    )
  }

  /** What all units are in that fit these parts: lists for as many at once as there are lists for. */
  #fittingFor(parts: readonly ContextPart[]): Fitting[] {
    let left = parts
    return this.#fitting.filter((fitting) => {
      if (!fitting.parts.every((part) => left.includes(part))) return false
      left = left.filter((part) => !fitting.parts.includes(part))
      return true
    })
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

  /** Of how many domains each there are lists, for units of a size. */
  #widths(size: number, areFitting = false): number[] {
    const asked = this.#asked
    const widths = [1]
    const mostPairs = areFitting ? mostFittingPairsAsked : mostPairsAsked
    if (size <= mostPaired && asked <= mostPairs) widths.push(2)
    if (size <= mostTripled && asked <= mostTriplesAsked) widths.push(3)
    return widths.filter((width) => width <= Math.max(Math.min(size, asked), 1))
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

/** The lists for each of some parts, and for those at once of which there are any; most parts first. */
function fittingLists(
  parts: readonly ContextPart[],
  names: Record<ContextPart, readonly ListName[]>,
  domains: readonly string[],
  limit: number,
): Fitting[] {
  if (parts.length === 0) return []
  const listsOfNames = (domain: string, some: readonly ListName[]) =>
    some.map((name) => new ListsBySize(domain, name, limit))
  const single = new Map(
    parts.map((part) => [part, domains.map((domain) => listsOfNames(domain, names[part]))]),
  )
  const uncombined = domains.map(
    (domain) => new ListsBySize(domain, { also: uncombinedList }, limit),
  )
  return subsetsOf(parts)
    .filter((some) => some.length > 0 && areCombined(some, names))
    .sort((one, other) => other.length - one.length)
    .map((some) => {
      const combined = some
        .map((part) => names[part])
        .reduceRight((rest, each) =>
          each.flatMap((one) => rest.map((other) => nameOfBoth(one, other))),
        )
      const ofDomains = domains.map((domain, index): FittingLists => {
        const each = some.map((part) => single.get(part)?.[index] ?? [])
        if (some.length === 1) return { together: each.flat(), apart: [] }
        const together = listsOfNames(domain, combined)
        const apart = haveMany(some) ? [uncombined.slice(index, index + 1), ...each] : []
        return { together, apart }
      })
      return { parts: some, ofDomains }
    })
}

/** What the lists of a domain are called that are for something else, too. */
interface ListName {
  readonly also: string
  /** The pattern, where the list is for all that are not all ASCII. */
  readonly oddPattern?: string
}

/** What the lists are called that hold the units which fit a part of a query's context. */
function namesOfParts(query: RankingQuery): Record<ContextPart, readonly ListName[]> {
  const of = (part: 'frameworks' | 'languages') =>
    [...new Set(query[part])].map((text) => ({ also: nameOf(part, text) }))
  const pattern = query.pattern.toLowerCase()
  return {
    frameworks: of('frameworks'),
    languages: of('languages'),
    pattern:
      pattern === ''
        ? []
        : [{ also: nameOf('pattern', pattern) }, { also: oddPatternList, oddPattern: pattern }],
  }
}

/** What the list of the units is called that have a text in a part of their context. */
function nameOf(part: ContextPart, text: string): string {
  return `${part}:${Buffer.byteLength(text)}:${text}`
}

/** What the list of the units is called that are in both. */
function nameOfBoth(one: ListName, other: ListName): ListName {
  return { ...other, also: one.also + other.also }
}

/** The list of units that have many frameworks and languages, see `mostCombined`. */
const uncombinedList = 'frameworks+languages?'

/** Whether units may have many of these. */
function haveMany(parts: readonly ContextPart[]): boolean {
  return parts.includes('frameworks') && parts.includes('languages')
}

/** Whether lists are read for all these parts at once. */
function areCombined(
  parts: readonly ContextPart[],
  { frameworks, languages }: Record<ContextPart, readonly ListName[]>,
): boolean {
  return !haveMany(parts) || frameworks.length * languages.length <= mostCombinationsAsked
}

function thereOf(lists: readonly ListsBySize[], size: number): ListsBySize[] {
  return lists.filter(({ largest }) => largest >= size)
}

function listsOf(lists: readonly ListsBySize[], size: number): RankedList[] {
  return lists.map((each) => each.of(size))
}

/** Whether any unit of a size may be in these. */
function areThere(lists: FittingLists, size: number): boolean {
  return thereOf(lists.together, size).length > 0 || areThereApart(lists, size)
}

function areThereApart({ apart }: FittingLists, size: number): boolean {
  return apart.length > 0 && apart.every((lists) => thereOf(lists, size).length > 0)
}

/** What holds the units of these. */
function unitsOf(lists: FittingLists | undefined, size: number): Units[] {
  if (lists === undefined) return []
  const together = listsOf(thereOf(lists.together, size), size)
  if (!areThereApart(lists, size)) return together
  const each = lists.apart.map((some) => new AtLeast(1, listsOf(thereOf(some, size), size)))
  return [...together, new InAll(each)]
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

/** From units that are found by other lists, too. */
class FittingBySharedDomains implements UnitsBySharing {
  readonly #fitting: Units
  readonly #byDomains: BySharedDomains

  constructor(fitting: Units, byDomains: BySharedDomains) {
    this.#fitting = fitting
    this.#byDomains = byDomains
  }

  get shared(): number {
    return this.#byDomains.shared
  }

  sharing(atLeast: number): Units {
    return new InAll([this.#fitting, this.#byDomains.sharing(atLeast)])
  }

  rewind(): void {
    this.#fitting.rewind()
    this.#byDomains.rewind()
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
  /** Whether they are in two lists or more each. */
  readonly isHard: boolean
}

/** A search for units of one size that fit the same parts of the context. */
class Search {
  /** The most that any of them ranks with. */
  readonly bound: number
  readonly isHard: boolean
  readonly #options: SearchOptions

  constructor(options: SearchOptions) {
    this.#options = options
    this.isHard = options.isHard
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
