import type { KnowledgeUnit } from '../src/index.ts'

/** How many domains there are, and how steeply their popularity falls (Zipf's exponent). */
const domainCount = 200
const steepness = 1
/** Domains that a few units have, the same few in a store of any size. */
const rareDomainCount = 100
const unitsWithRareDomain = 1_000
/** The share of units that have two of the three `rivals` and never all of them. */
const rivalShare = 0.15
/** Inserted units are copies of this many, each under an id and with a time of its own. */
const distinctFresh = 1_000
/** Units in the store were observed within some months after this, new ones later still. */
const seededSince = Date.UTC(2026, 0, 1)
const seededSpan = 20e9
/** When the youngest unit of a store was observed: the time to ask statistics at. */
export const seededUntil = new Date(seededSince + seededSpan)

/** Numbers from 0 to below 1, the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What a query asks for. What is empty does not count. */
export interface Query {
  readonly domains: readonly string[]
  readonly languages: readonly string[]
  readonly frameworks: readonly string[]
  readonly pattern: string
  readonly limit: number
}

const plainQuery: Query = { domains: [], languages: [], frameworks: [], pattern: '', limit: 5 }

/** What there is to ask. */
export type QueryKind = 'top-two' | 'rare' | 'context'

/** How many queries `randomQueries` makes. */
export const randomQueryCount = 2_000

/**
 * Everything that a store is filled with and asked for, all of it derived from a seed, so that every
 * contender, run and machine meets the same. Units are some 1.1 kB of JSON. Their domains are skewed: a
 * few popular ones, which grow with the store, many others, and some that a handful of units have,
 * whatever the size of the store. How many domains there are does not depend on the size.
 */
export class Corpus {
  readonly size: number
  readonly #seed: number
  readonly #shares = cumulativeShares()
  readonly #fresh: KnowledgeUnit[] = []

  constructor(size: number, seed: number) {
    this.size = size
    this.#seed = seed
  }

  /** The id of the unit at an index. Like that of a random UUID, it lies anywhere among the others. */
  idAt(index: number): string {
    let id = 'ku_'
    for (let part = 0; part < 4; part++)
      id += scramble(index, this.#seed + part)
        .toString(16)
        .padStart(8, '0')
    return id
  }

  /** A unit that the store is filled with. */
  unitAt(index: number): KnowledgeUnit {
    const random = randomNumbers(scramble(index, this.#seed))
    const text = (words: number) => sentence(random, words)
    const observed = timestamp(seededSince + random() * seededSpan)
    return {
      id: this.idAt(index),
      version: 1,
      domains: this.#domainsAt(index, random),
      insight: { summary: text(12), detail: text(70), action: text(25) },
      context: this.#contextAt(index, random),
      evidence: {
        confidence: Math.round((0.3 + random() * 0.7) * 20) / 20,
        confirmations: 1 + Math.floor(random() * 8),
        first_observed: observed,
        last_confirmed: observed,
      },
      tier: 'private',
      created_by: random() < 0.5 ? `agent-${Math.floor(random() * 50)}` : null,
      superseded_by: null,
      extensions: null,
      flags: [],
    }
  }

  /** The id of a unit that is not in the store yet. */
  freshId(number: number): string {
    return this.idAt(this.size + number)
  }

  /** A unit that is not in the store yet; each number stands for another one, and higher ones are newer. */
  freshUnit(number: number): KnowledgeUnit {
    const place = number % distinctFresh
    this.#fresh[place] ??= this.unitAt(this.size + place)
    const unit = this.#fresh[place]
    const observed = timestamp(seededSince + seededSpan + number)
    return {
      ...unit,
      id: this.freshId(number),
      evidence: { ...unit.evidence, first_observed: observed, last_confirmed: observed },
    }
  }

  /** Ids of units in the store, at random, all equally often. */
  storedIds(count: number): string[] {
    const random = randomNumbers(this.#seed + 1)
    return Array.from({ length: count }, () => this.idAt(Math.floor(random() * this.size)))
  }

  /** Pairs of domains to query for, popular ones more often, as agents ask for what is popular. */
  domainPairs(count: number): string[][] {
    const random = randomNumbers(this.#seed + 2)
    return Array.from({ length: count }, () => this.#domains(random, 2))
  }

  /** Pairs of words that units of the store have in one sentence. */
  words(count: number): string[] {
    const random = randomNumbers(this.#seed + 4)
    return Array.from({ length: count }, () => {
      const { detail } = this.unitAt(Math.floor(random() * this.size)).insight
      const words = detail.split(' ')
      return [pick(random, words), pick(random, words)].join(' ')
    })
  }

  /** The most popular domains, the first one first. */
  popularDomains(count: number): string[] {
    return Array.from({ length: count }, (_, place) => domainName(place))
  }

  /** Queries of a kind, at random. */
  queries(kind: QueryKind, count: number): Query[] {
    const random = randomNumbers(this.#seed + 3)
    const popular = this.popularDomains(20)
    const ofKind: Readonly<Record<QueryKind, () => Query>> = {
      'top-two': () => ({ ...plainQuery, domains: popular.slice(0, 2) }),
      rare: () => ({ ...plainQuery, domains: pickPair(random, rareDomains) }),
      context: () => ({
        ...plainQuery,
        domains: pickPair(random, popular),
        languages: [pick(random, languages)],
        frameworks: [pick(random, frameworks)],
        pattern: pick(random, patterns),
      }),
    }
    return Array.from({ length: count }, ofKind[kind])
  }

  /** Different ones: one to four domains, popular ones more often, and half of them with a context. */
  randomQueries(): Query[] {
    const random = randomNumbers(this.#seed + 4)
    const perhaps = (from: readonly string[]) => (random() < 0.5 ? [pick(random, from)] : [])
    const found = new Map<string, Query>()
    while (found.size < randomQueryCount) {
      const domains = this.#domains(random, 1 + Math.floor(random() * 4))
      const context = random() < 0.5 && {
        languages: perhaps(languages),
        frameworks: perhaps(frameworks),
        pattern: perhaps(patterns)[0] ?? '',
      }
      const query = { ...plainQuery, domains, ...context }
      found.set(JSON.stringify(query), query)
    }
    return [...found.values()]
  }

  /**
   * Constructed to be bad for whoever reads lists of units by confidence, and stops where nothing that is
   * still to come can be among the best: what the best might have, and nobody has, keeps it from stopping.
   */
  worstQueries(): Query[] {
    const popular = this.popularDomains(48)
    const usual = { languages: ['go'], frameworks: ['react'], pattern: 'cli-tool' }
    const rare = {
      languages: [oneInFifty.language, oneInThousand.language],
      frameworks: [oneInFifty.framework, oneInThousand.framework],
      pattern: oneInFifty.pattern,
    }
    const queries = [
      { domains: rivals, languages, frameworks, pattern: 'cli-tool' },
      { domains: [...rivals, ...popular.slice(0, 13)], ...usual },
      { domains: popular.slice(0, 16), languages, frameworks, pattern: 'of no unit' },
      { domains: [...rivals, ...popular.slice(0, 2)], ...rare },
      { domains: popular.slice(10, 26), ...rare },
      { domains: popular.filter((_, place) => place % 3 === 0), ...rare },
    ]
    return queries.map((query) => ({ ...query, limit: 50 }))
  }

  #contextAt(index: number, random: () => number): KnowledgeUnit['context'] {
    const context = {
      languages: pickSome(random, languages),
      frameworks: pickSome(random, frameworks),
      pattern: random() < 0.3 ? pick(random, patterns) : '',
    }
    const place = scramble(index, this.#seed + 4) % 1_000
    const few = place < 60 ? oneInFifty : place < 63 ? oneInThousand : undefined
    if (!few) return context
    if (place % 3 === 0) return { ...context, languages: [...context.languages, few.language] }
    if (place % 3 === 1) return { ...context, frameworks: [...context.frameworks, few.framework] }
    return { ...context, pattern: few.pattern }
  }

  #domainsAt(index: number, random: () => number): string[] {
    const domains = this.#domains(random, 1 + Math.floor(random() * 4))
    if (random() < rivalShare) domains.splice(0, 2, ...pickPair(random, rivals))
    const every = Math.max(2, Math.floor(this.size / unitsWithRareDomain))
    const place = Math.floor(index / every) % rareDomainCount
    if (index % every === 0) domains.push(rareDomains[place] as string)
    return domains
  }

  #domains(random: () => number, count: number): string[] {
    const chosen = new Set<string>()
    while (chosen.size < count) chosen.add(domainName(placeOf(this.#shares, random())))
    return [...chosen]
  }
}

function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z')
}

function domainName(place: number): string {
  const topic = topics[place % topics.length] ?? ''
  const round = Math.floor(place / topics.length)
  return round === 0 ? topic : `${topic}-${aspects[round - 1]}`
}

/** The domains' shares of all uses, each added to those before it. */
function cumulativeShares(): Float64Array {
  const shares = Float64Array.from(
    { length: domainCount },
    (_, place) => 1 / (place + 1) ** steepness,
  )
  const total = shares.reduce((sum, share) => sum + share, 0)
  let sum = 0
  return shares.map((share) => {
    sum += share / total
    return sum
  })
}

function placeOf(cumulative: Float64Array, value: number): number {
  let [low, high] = [0, cumulative.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((cumulative[middle] ?? 1) < value) low = middle + 1
    else high = middle
  }
  return low
}

/** Thirty-two bits that look random, another value for every number under one salt. */
function scramble(number: number, salt: number): number {
  let mixed = (number + Math.imul(salt, 0x9e3779b1)) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function pick(random: () => number, from: readonly string[]): string {
  return from[Math.floor(random() * from.length)] ?? ''
}

/** Two that differ. */
function pickPair(random: () => number, from: readonly string[]): string[] {
  const first = Math.floor(random() * from.length)
  const second = (first + 1 + Math.floor(random() * (from.length - 1))) % from.length
  return [from[first] as string, from[second] as string]
}

function pickSome(random: () => number, from: readonly string[]): string[] {
  const count = Math.floor(random() * 3)
  return [...new Set(Array.from({ length: count }, () => pick(random, from)))]
}

function sentence(random: () => number, words: number): string {
  const text = Array.from({ length: words }, () => pick(random, vocabulary)).join(' ')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

const topics =
  'nodejs typescript sqlite postgres docker kubernetes react testing security http git linux python rust go aws caching logging auth css'.split(
    ' ',
  )
const aspects =
  'performance migration configuration deployment debugging upgrade errors concurrency memory'.split(
    ' ',
  )
const languages = ['typescript', 'javascript', 'python', 'go', 'rust', 'java', 'sql', 'bash']
const frameworks = ['fastify', 'express', 'react', 'django', 'fastapi', 'spring', 'next', 'vue']
/** Parts of a context that few units have, and no unit two of. */
const oneInFifty = { language: 'cobol', framework: 'struts', pattern: 'mainframe-bridge' }
const oneInThousand = { language: 'ada', framework: 'qt', pattern: 'firmware' }
/** Popular domains of which no unit has all. */
const rivals = ['frontend', 'backend', 'platform']
const rareDomains = Array.from({ length: rareDomainCount }, (_, place) => `project-${place + 1}`)
const patterns = ['api-client', 'background-job', 'data-migration', 'ci-pipeline', 'cli-tool']
const vocabulary =
  'the a when which before after every never only index query table column transaction lock writer reader worker thread event loop timeout retry backoff connection pool cache key token header request response client server version release upgrade breaks returns throws fails silently default option flag value string number list object schema field type check build deploy container image layer volume network port address certificate path file directory permission process signal memory limit queue batch commit rollback snapshot checkpoint log metric trace is are must should cannot needs uses set to of in on with without instead because until'.split(
    ' ',
  )
