import {
  type ContextFit,
  contextFit,
  jaccard,
  type RankingQuery,
  relevanceOf,
} from '../knowledge/scoring.ts'
import { sql, statement } from '../statement.ts'
import { listed } from './listed.ts'
import { all, first, type Steps } from './operation.ts'

const selectLargestSize = statement(
  'select the most domains that a ranked unit with a domain has',
  (db, p: { domain: string }) =>
    db
      .selectFrom('cq_store_ranking')
      .select('size')
      .where('domain', '=', p.domain)
      .orderBy('size', 'desc')
      .limit(1),
)

const selectRanked = statement(
  'select ranked units with a domain, by confidence',
  (db, p: { domain: string; size: number; confidence: number; unitId: string; limit: number }) =>
    db
      .selectFrom('cq_store_ranking')
      .select(['confidence', 'unit_id'])
      .where('domain', '=', p.domain)
      .where('size', '=', p.size)
      .where(sql<boolean>`(confidence, unit_id) < (${p.confidence}, ${p.unitId})`)
      .orderBy('confidence', 'desc')
      .orderBy('unit_id', 'desc')
      .limit(p.limit),
)

const selectContexts = statement("select units' contexts", (db, p: { ids: string }, dialect) =>
  db
    .selectFrom('knowledge_units')
    .select([
      'id',
      (dialect === 'sqlite'
        ? sql<string>`json_extract(data, '$.context')`
        : sql<string>`cast(data as jsonb) ->> 'context'`
      ).as('context'),
    ])
    .where('id', 'in', (eb) => eb.selectFrom(listed(p.ids, dialect).as('ids')).select('ids.value')),
)

const selectSharedDomains = statement(
  'count the domains of a list that each of some units has',
  (db, p: { ids: string; domains: string }, dialect) =>
    db
      .selectFrom('knowledge_unit_domains')
      .select(({ fn }) => ['unit_id', fn.countAll<number | string>().as('shared')])
      .where('unit_id', 'in', (eb) =>
        eb.selectFrom(listed(p.ids, dialect).as('ids')).select('ids.value'),
      )
      .where('domain', 'in', (eb) =>
        eb.selectFrom(listed(p.domains, dialect).as('domains')).select('domains.value'),
      )
      .groupBy('unit_id'),
)

/** A unit that was met while reading the ranking. */
interface Candidate {
  readonly id: string
  readonly confidence: number
  /** How many of the queried domains it is known to have. */
  readonly shared: number
}

const noFit: ContextFit = { language: false, framework: false, pattern: false }

/** Rows that a list is read in: few at first, since most queries need few, then ever more. */
const firstChunk = 16
const largestChunk = 1024

/** A double times this is the double before it. */
const justBelowOne = 1 - Number.EPSILON / 2

/** Candidates that are looked up together. */
const lookUpChunk = 64

/**
 * The ids of the best units for a query, best first: the very order of `rank` and ids, found without
 * reading a document that is not among them.
 *
 * The ranking holds, for each domain and number of domains, its units by confidence. For one number of
 * domains, the lists of the queried domains are merged by confidence and id, so that the rows of one
 * unit arrive together and its overlap is known at once. What a unit further down can reach at most
 * only falls, so reading ends where that is less than the worst of the best. All comparisons are of
 * doubles that the formula itself makes, with larger arguments, so that rounding can't mislead them.
 */
export function* rankedIds(query: RankingQuery, limit: number): Steps<string[]> {
  const best = new Best(limit)
  const bestFit = mostFit(query)
  const lengths = new Map<string, number>()
  const asked = query.domains.length
  for (const size of yield* sizesByBound(query.domains)) {
    const bound = relevanceOf(jaccard(Math.min(size, asked), size, asked), bestFit)
    // The sizes that follow have lower bounds still.
    if (bound < best.threshold) break
    yield* new SizeReader(query, size, bestFit, best, lengths).read()
  }
  return best.ids()
}

/** Sizes of units that may be found, the one that may hold the best first. */
function* sizesByBound(domains: readonly string[]): Steps<number[]> {
  let largest = 0
  for (const domain of domains) {
    const row = yield* first(selectLargestSize, { domain })
    largest = Math.max(largest, row?.size ?? 0)
  }
  const asked = domains.length
  const overlap = (size: number) => jaccard(Math.min(size, asked), size, asked)
  return Array.from({ length: largest }, (_, index) => index + 1).sort(
    (one, other) => overlap(other) - overlap(one),
  )
}

/**
 * Reads the units of one number of domains.
 *
 * The lower the confidence, the more of the queried domains a unit must have to be among the best. If
 * it must have n of m, it is in any m - n + 1 of their lists, so the longest n - 1 lists need not be
 * read: whether a unit is in them is looked up. That spares reading two popular domains to their end
 * for the units that have both, where none does.
 */
class SizeReader {
  readonly #query: RankingQuery
  readonly #size: number
  readonly #best: Best
  readonly #needsContext: boolean
  /** The most that a unit of confidence 1 ranks with, by how many of the queried domains it has. */
  readonly #reach: readonly number[]
  #lists: RankedList[]
  /** Domains whose lists are read no more, and that may add to the overlap of what follows. */
  readonly #setAside: string[] = []
  #undecided: Candidate[] = []

  constructor(
    query: RankingQuery,
    size: number,
    bestFit: ContextFit,
    best: Best,
    lengths: Map<string, number>,
  ) {
    this.#query = query
    this.#size = size
    this.#best = best
    this.#needsContext = bestFit.language || bestFit.framework || bestFit.pattern
    const asked = query.domains.length
    this.#reach = Array.from({ length: Math.min(size, asked) + 1 }, (_, shared) =>
      relevanceOf(jaccard(shared, size, asked), bestFit),
    )
    this.#lists = query.domains.map((domain) => new RankedList(domain, size, lengths))
  }

  *read(): Steps<void> {
    for (;;) {
      for (const list of this.#lists) if (list.needsRows) yield* list.readOn()
      // A list that has ended can't add to the overlap of what follows.
      this.#lists = this.#lists.filter(({ head }) => head !== undefined)
      const head = highest(this.#lists)
      if (head === undefined) break
      const { confidence, unit_id: id } = head
      const possible = Math.min(this.#size, this.#lists.length + this.#setAside.length)
      const needed = this.#neededFrom(head)
      if (needed > possible) break
      if (this.#best.excludes(this.#reachOf(possible) * confidence, id)) {
        // Units of this confidence that follow have lower ids, and tie at best.
        for (const list of this.#lists) list.skipTo(confidence)
        continue
      }
      if (yield* this.#setLongestAside(needed)) continue
      let shared = 0
      for (const list of this.#lists) if (list.takeIf(head)) shared++
      yield* this.#meet({ id, confidence, shared })
    }
    yield* this.#decide()
  }

  /** How many of the queried domains this row's unit, and each that follows, must have to be among the best. */
  #neededFrom({ confidence, unit_id: id }: RankedRow): number {
    let needed = 1
    while (needed < this.#reach.length && this.#excludesFrom(this.#reachOf(needed), confidence, id))
      needed++
    return needed
  }

  #excludesFrom(reach: number, confidence: number, id: string): boolean {
    // What follows has a lower id, or a lower confidence: the next double at most.
    const isTie = reach * confidence === this.#best.threshold
    if (isTie && reach * (confidence * justBelowOne) === this.#best.threshold) return false
    return this.#best.excludes(reach * confidence, id)
  }

  #reachOf(shared: number): number {
    return this.#reach[Math.min(shared, this.#reach.length - 1)] as number
  }

  /** Stops reading lists that need not be read. Whether it did. */
  *#setLongestAside(needed: number): Steps<boolean> {
    const enough = this.#lists.length + this.#setAside.length - needed + 1
    if (this.#lists.length <= enough) return false
    // What was met so far was counted in all of these lists.
    yield* this.#decide()
    this.#lists.sort((one, other) => one.lengthBeside(other))
    this.#setAside.push(...this.#lists.splice(enough).map(({ domain }) => domain))
    return true
  }

  *#meet(candidate: Candidate): Steps<void> {
    const { id, confidence, shared } = candidate
    const atMost = this.#reachOf(shared + this.#setAside.length) * confidence
    if (this.#best.excludes(atMost, id)) return
    if (this.#setAside.length === 0 && !this.#needsContext) {
      this.#best.add(atMost, id)
      return
    }
    this.#undecided.push(candidate)
    if (this.#undecided.length >= lookUpChunk) yield* this.#decide()
  }

  /** Ranks the candidates of which something had to be looked up. */
  *#decide(): Steps<void> {
    if (this.#undecided.length === 0) return
    const candidates = this.#undecided
    this.#undecided = []
    const ids = JSON.stringify(candidates.map(({ id }) => id))
    const domains = JSON.stringify(this.#setAside)
    const shares =
      this.#setAside.length === 0 ? [] : yield* all(selectSharedDomains, { ids, domains })
    const contexts = this.#needsContext ? yield* all(selectContexts, { ids }) : []
    const moreShared = new Map(shares.map(({ unit_id, shared }) => [unit_id, Number(shared)]))
    const contextOf = new Map(contexts.map(({ id, context }) => [id, context]))
    const asked = this.#query.domains.length
    for (const { id, confidence, shared } of candidates) {
      const overlap = jaccard(shared + (moreShared.get(id) ?? 0), this.#size, asked)
      const fit = fitOf(contextOf.get(id), this.#query)
      this.#best.add(relevanceOf(overlap, fit) * confidence, id)
    }
  }
}

/** What of the query's context a stored one fits: nothing, where another program stored none. */
function fitOf(context: string | null | undefined, query: RankingQuery): ContextFit {
  try {
    return context ? contextFit(JSON.parse(context), query) : noFit
  } catch {
    return noFit
  }
}

/** The fit of a unit that has all that the query asks for. */
function mostFit({ languages, frameworks, pattern }: RankingQuery): ContextFit {
  return {
    language: languages.length > 0,
    framework: frameworks.length > 0,
    pattern: pattern !== '',
  }
}

interface RankedRow {
  readonly confidence: number
  readonly unit_id: string
}

function isHigher(one: RankedRow, other: RankedRow): boolean {
  if (one.confidence !== other.confidence) return one.confidence > other.confidence
  return one.unit_id > other.unit_id
}

function highest(lists: readonly RankedList[]): RankedRow | undefined {
  let best: RankedRow | undefined
  for (const { head } of lists)
    if (head !== undefined && (best === undefined || isHigher(head, best))) best = head
  return best
}

/** The units with one domain and one number of domains, by confidence and id, descending. */
class RankedList {
  readonly domain: string
  readonly #size: number
  /** Rows that were taken of each domain's lists, of all sizes. */
  readonly #lengths: Map<string, number>
  #rows: RankedRow[] = []
  #next = 0
  /** What is read on after: at first, what every row comes after. */
  #after: RankedRow = { confidence: 2, unit_id: '' }
  #chunk = firstChunk
  #hasEnded = false

  constructor(domain: string, size: number, lengths: Map<string, number>) {
    this.domain = domain
    this.#size = size
    this.#lengths = lengths
  }

  /** The next row, where there is one and it was read. */
  get head(): RankedRow | undefined {
    return this.#rows[this.#next]
  }

  /** Whether more must be read to know the next row. */
  get needsRows(): boolean {
    return this.#next >= this.#rows.length && !this.#hasEnded
  }

  *readOn(): Steps<void> {
    const { confidence, unit_id: unitId } = this.#after
    const limit = this.#chunk
    const place = { domain: this.domain, size: this.#size, confidence, unitId, limit }
    this.#rows = yield* all(selectRanked, place)
    this.#next = 0
    this.#after = this.#rows.at(-1) ?? this.#after
    this.#hasEnded = this.#rows.length < limit
    this.#chunk = Math.min(limit * 4, largestChunk)
  }

  /** Goes past the row of a unit, where that is the next one. */
  takeIf({ confidence, unit_id }: RankedRow): boolean {
    const { head } = this
    if (head?.unit_id !== unit_id || head.confidence !== confidence) return false
    this.#next++
    this.#lengths.set(this.domain, this.#taken + 1)
    return true
  }

  /**
   * Below zero where this list seems shorter than the other. One that is wholly read costs nothing
   * more; else the one of which less was taken so far; at first, the one whose confidence falls faster.
   */
  lengthBeside(other: RankedList): number {
    if (this.#hasEnded !== other.#hasEnded) return this.#hasEnded ? -1 : 1
    return this.#taken - other.#taken || this.#after.confidence - other.#after.confidence
  }

  get #taken(): number {
    return this.#lengths.get(this.domain) ?? 0
  }

  /** Goes past all rows of this confidence and more. */
  skipTo(confidence: number): void {
    while (this.head !== undefined && this.head.confidence >= confidence) this.#next++
    if (this.head === undefined && !this.#hasEnded && this.#after.confidence >= confidence)
      this.#after = { confidence, unit_id: '' }
  }
}

/** The best of the units that were added, as many as asked for: by rank, then by id, descending. */
class Best {
  readonly #limit: number
  #units: { readonly rank: number; readonly id: string }[] = []
  #worst: { readonly rank: number; readonly id: string } | undefined

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

  add(rank: number, id: string): void {
    if (this.excludes(rank, id)) return
    this.#units.push({ rank, id })
    // Sorted now and then, so that a high limit does not sort for each unit.
    const isFirstFull = this.#units.length === this.#limit
    if (isFirstFull || this.#units.length > this.#limit * 1.125) this.#settle()
  }

  ids(): string[] {
    this.#settle()
    return this.#units.map(({ id }) => id)
  }

  #settle(): void {
    this.#units.sort((one, other) => other.rank - one.rank || (one.id < other.id ? 1 : -1))
    this.#units.length = Math.min(this.#units.length, this.#limit)
    if (this.#units.length === this.#limit) this.#worst = this.#units.at(-1)
  }
}
