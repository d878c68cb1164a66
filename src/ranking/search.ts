import { jaccard, type RankingQuery, relevanceOf } from '../knowledge/scoring.ts'
import { BestUnits } from './best-units.ts'
import { withRoomFor } from './columns.ts'
import type { Block, RankedList } from './ranked-list.ts'
import type { Term, TermKind, Terms } from './terms.ts'
import type { UnitIds } from './unit-ids.ts'
import type { UnitTable } from './unit-table.ts'

/** Units with more domains share a list with those that have as many. */
const mostListed = 16

/** The position of a term's list of units with so many domains. Only domains have several lists. */
export function listPlace(kind: TermKind, domains: number): number {
  return kind === 'domain' ? Math.min(domains, mostListed) : 0
}

/** What a term is to the query: a domain, or a part of the context, as a bit of how well units fit it. */
const asLanguage = 1
const asFramework = 2
const asPattern = 4
const asDomain = 8

/**
 * Larger numbers of shared domains are not distinguished: a unit that shares more counts as one that shares all.
 */
const mostTold = 64

/** In how many ways a unit may fit a context of three parts. */
const fits = 8

function relevanceOfFit(overlap: number, fit: number): number {
  return relevanceOf(overlap, fit & 1, (fit >> 1) & 1, fit >> 2)
}

/**
 * A part of a context that few units fit is read completely: up to so many, or this share of those with the
 * domains.
 */
const few = 200
const fewOf = 1 / 32

/**
 * For language, framework and pattern: the bits of which the marks of fitting units have at least one. None if
 * nobody fits who was not met already.
 */
type ContextBits = readonly [language: number, framework: number, pattern: number]

/** A list that is being read, block by block. */
interface Cursor {
  readonly list: RankedList
  /** The highest relevance of a unit of confidence 1, by the most domains that it shares and what it fits. */
  readonly relevances: Float64Array
  /** The most domains that a unit shares, as far as that is distinguished. */
  readonly mostShared: number
  /** The most of these that a unit may have which was not met already. */
  readonly mostRelevant: number
  /** The next block. */
  block: number
  /** The highest rank of a unit in it or after it; negative if there is none. */
  bound: number
}

/** A double times this is the double before it. */
const justBelowOne = 1 - Number.EPSILON / 2

/**
 * Finds the best units for a query. It reads lists of units in the order of confidence, and stops when nothing
 * that is left can be among the best. The highest possible rank of a unit follows from its list, its mark, and
 * the confidence of a unit before it, by the formula itself with arguments that are as large or larger, so that
 * rounding cannot mislead. Only a unit that could be among the best is looked up ("met") and ranked.
 *
 * Domains are read one after the other, the one with the fewest units first. A unit with an earlier domain was in
 * that domain's lists: it was met there, or cannot be among the best. So of all others, only the domains still to
 * be read count.
 */
export class Search {
  readonly #ids: UnitIds
  readonly #units: UnitTable
  readonly #terms: Terms
  /** What the query asks for each term, by its number. */
  #asked: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  /** The number of the search, by which units that it met are marked. */
  #number = 0
  #askedDomains = 0
  #best = new BestUnits(0, () => 0)
  /** How many of the domains that are still to be read share each bit of marks. */
  readonly #toRead = new Uint32Array(16)
  /** The most of these that a unit has, by the domain bits of its mark: for either byte. */
  readonly #sharedByLow = new Uint32Array(256)
  readonly #sharedByHigh = new Uint32Array(256)

  constructor(ids: UnitIds, units: UnitTable, terms: Terms) {
    this.#ids = ids
    this.#units = units
    this.#terms = terms
  }

  /** The places of the best units, best first. */
  run(query: RankingQuery, limit: number): number[] {
    this.#begin(limit)
    const askedDomains = new Set(query.domains)
    this.#askedDomains = askedDomains.size
    const domains = this.#ask('domain', askedDomains, asDomain)
    const pattern = query.pattern.toLowerCase()
    const context = [
      this.#ask('language', query.languages, asLanguage),
      this.#ask('framework', query.frameworks, asFramework),
      this.#ask('pattern', pattern === '' ? [] : [pattern], asPattern),
    ] as const
    try {
      const mostWhole = Math.max(few, unitsOf(domains) * fewOf)
      const bitsOrMet = (terms: readonly Term[]) => {
        if (unitsOf(terms) > mostWhole) return bitsOf(terms)
        this.#meetAll(terms)
        return 0
      }
      const [languages, frameworks, patterns] = context
      const bits = [bitsOrMet(languages), bitsOrMet(frameworks), bitsOrMet(patterns)] as const
      domains.sort((one, other) => one.units - other.units)
      this.#toRead.fill(0)
      for (const { bit } of domains) this.#countToRead(bit, 1)
      for (const [done, domain] of domains.entries()) {
        this.#readDomain(domain, domains.length - done, bits)
        this.#countToRead(domain.bit, -1)
      }
      return this.#best.takeAll()
    } finally {
      for (const { number } of [domains, ...context].flat()) this.#asked[number] = 0
    }
  }

  #begin(limit: number): void {
    this.#best = new BestUnits(limit, (one, other) => this.#ids.compare(one, other))
    this.#asked = withRoomFor(this.#asked, this.#terms.numbers)
    this.#number++
    if (this.#number < 2 ** 32) return
    this.#units.met.fill(0)
    this.#number = 1
  }

  /** Those of the terms that any unit has. */
  #ask(kind: TermKind, texts: Iterable<string>, as: number): Term[] {
    const terms: Term[] = []
    for (const text of new Set(texts)) {
      const term = this.#terms.find(kind, text)
      if (!term) continue
      this.#asked[term.number] = as
      terms.push(term)
    }
    return terms
  }

  /** Meets every unit that has one of some terms of a context. */
  #meetAll(terms: readonly Term[]): void {
    for (const { lists } of terms)
      for (const { entries, length } of lists[0]?.blocks ?? [])
        for (let at = 0; at < length; at++) this.#meet(entries[2 * at] as number)
  }

  /** @param toRead how many domains are still to be read, including this one: only these count as shared */
  #readDomain({ lists }: Term, toRead: number, bits: ContextBits): void {
    this.#expectShared()
    const cursors = lists.flatMap((list, size) =>
      list && list.blocks.length > 0 ? [this.#cursorOf(list, size, toRead, bits)] : [],
    )
    for (;;) {
      // The list whose next units may rank highest comes first, since its units end the others soon.
      let cursor: Cursor | undefined
      for (const other of cursors) if (!cursor || other.bound > cursor.bound) cursor = other
      if (!cursor || cursor.bound < 0 || cursor.bound < this.#best.leastRank) return
      const block = cursor.list.blocks[cursor.block] as Block
      if (this.#isOver(cursor, block.entries[0] as number)) cursor.bound = -1
      else {
        this.#readBlock(block, cursor, bits)
        cursor.block++
        this.#setBound(cursor)
      }
    }
  }

  /** Whether neither the next unit of a list, nor any after it, can be among the best. */
  #isOver({ bound, mostRelevant }: Cursor, next: number): boolean {
    if (this.#best.mayTake(next, bound)) return false
    // Those of the same confidence have lower ids. Those of a lower one may still tie, by rounding.
    const lower = (this.#units.confidence[next] as number) * justBelowOne
    return mostRelevant * lower < this.#best.leastRank
  }

  #countToRead(bit: number, change: 1 | -1): void {
    const place = 31 - Math.clz32(bit)
    this.#toRead[place] = (this.#toRead[place] as number) + change
  }

  /**
   * Computes how many of the domains a unit may have, from its mark: each bit counts as all terms that share it.
   */
  #expectShared(): void {
    const byBit = this.#toRead
    for (let byte = 1; byte < 256; byte++) {
      const rest = byte & (byte - 1)
      const bit = 31 - Math.clz32(byte ^ rest)
      this.#sharedByLow[byte] = (this.#sharedByLow[rest] as number) + (byBit[bit] as number)
      this.#sharedByHigh[byte] = (this.#sharedByHigh[rest] as number) + (byBit[bit + 8] as number)
    }
  }

  #cursorOf(list: RankedList, size: number, toRead: number, bits: ContextBits): Cursor {
    const most = size === mostListed ? toRead : Math.min(size, toRead)
    const mostShared = Math.min(most, mostTold)
    const relevances = new Float64Array((mostShared + 1) * fits)
    for (let shared = 0; shared <= mostShared; shared++) {
      // Of the units with many domains, one that has more of them is less relevant.
      const overlap = jaccard(shared < mostTold ? shared : most, size, this.#askedDomains)
      for (let fit = 0; fit < fits; fit++)
        relevances[shared * fits + fit] = relevanceOfFit(overlap, fit)
    }
    const mostRelevant = relevances[mostShared * fits + fitOf(-1, ...bits)] as number
    const cursor = { list, relevances, mostShared, mostRelevant, block: 0, bound: 0 }
    this.#setBound(cursor)
    return cursor
  }

  #setBound(cursor: Cursor): void {
    const first = cursor.list.blocks[cursor.block]?.entries[0]
    if (first === undefined) cursor.bound = -1
    else cursor.bound = cursor.mostRelevant * (this.#units.confidence[first] as number)
  }

  /** Meets those units of a block that may be among the best. */
  #readBlock(
    { entries, length }: Block,
    { relevances, mostShared }: Cursor,
    bits: ContextBits,
  ): void {
    const confidence = this.#units.confidence[entries[0] as number] as number
    const [language, framework, pattern] = bits
    let leastRank = this.#best.leastRank
    for (let at = 0; at < length; at++) {
      const mark = entries[2 * at + 1] as number
      const shared =
        (this.#sharedByLow[mark & 255] as number) +
        (this.#sharedByHigh[(mark >>> 8) & 255] as number)
      const fit = fitOf(mark, language, framework, pattern)
      const relevance = relevances[Math.min(shared, mostShared) * fits + fit] as number
      if (relevance * confidence < leastRank) continue
      this.#meet(entries[2 * at] as number)
      leastRank = this.#best.leastRank
    }
  }

  /** Ranks a unit, unless it was met before. */
  #meet(unit: number): void {
    const { met, pool, firstTerm, terms, domains, confidence } = this.#units
    if (met[unit] === this.#number) return
    met[unit] = this.#number
    const first = firstTerm[unit] as number
    const end = first + (terms[unit] as number)
    let shared = 0
    let fit = 0
    for (let at = first; at < end; at++) {
      const as = this.#asked[pool[at] as number] as number
      if (as === asDomain) shared++
      else fit |= as
    }
    if (shared === 0) return
    const overlap = jaccard(shared, domains[unit] as number, this.#askedDomains)
    this.#best.offer(unit, relevanceOfFit(overlap, fit) * (confidence[unit] as number))
  }
}

/** The most that a unit may fit, by its mark. */
function fitOf(mark: number, language: number, framework: number, pattern: number): number {
  return (
    ((mark & language) !== 0 ? asLanguage : 0) |
    ((mark & framework) !== 0 ? asFramework : 0) |
    ((mark & pattern) !== 0 ? asPattern : 0)
  )
}

function unitsOf(terms: readonly Term[]): number {
  return terms.reduce((sum, { units }) => sum + units, 0)
}

function bitsOf(terms: readonly Term[]): number {
  return terms.reduce((bits, term) => bits | term.bit, 0)
}
