import type {
  FlagInput,
  KnowledgeUnit,
  KnowledgeUnitInput,
  QueryOptions,
  ReviewStatus,
  Store,
  StoreErrorCode,
  UnitStatus,
} from '../../src/index.ts'
import { columnTime, documentTime } from './samples.ts'

/** The methods that the model knows, one after the other and without a promise. */
type ModelMethod =
  | 'insert'
  | 'insertMany'
  | 'update'
  | 'confirm'
  | 'flag'
  | 'setReviewStatus'
  | 'decide'
  | 'createUser'
  | 'removeUnit'
  | 'get'
  | 'getAny'
  | 'getReviewStatus'
  | 'query'
type Sequential = {
  [M in ModelMethod]: (...args: Parameters<Store[M]>) => Awaited<ReturnType<Store[M]>>
}

/** Why the model refuses a call. */
export class ModelRefusal extends Error {
  readonly code: StoreErrorCode
  constructor(code: StoreErrorCode) {
    super(code)
    this.code = code
  }
}

interface Entry {
  readonly unit: KnowledgeUnit
  readonly proposed: string
  readonly review: ReviewStatus
}

/**
 * A Store as simple as can be: a map of units and a list of users, which one caller uses at a time. It
 * shares no code with the real ones. It knows only faults that its tests make: blank domains, too long
 * a summary, a confidence out of range, an unknown reason, a blank user name.
 */
export class StoreModel implements Sequential {
  readonly #now: () => Date
  #entries = new Map<string, Entry>()
  readonly #users: string[] = []

  constructor(now: () => Date) {
    this.#now = now
  }

  insert(input: KnowledgeUnitInput): void {
    const unit = this.#complete(input)
    if (this.#entries.has(unit.id)) throw new ModelRefusal('conflict')
    this.#entries.set(unit.id, {
      unit,
      proposed: unit.evidence.first_observed,
      review: { status: 'pending', reviewed_by: null, reviewed_at: null },
    })
  }

  insertMany(inputs: readonly KnowledgeUnitInput[]): void {
    for (const input of inputs) this.#complete(input)
    const before = new Map(this.#entries)
    try {
      for (const input of inputs) this.insert(input)
    } catch (error) {
      this.#entries = before
      throw error
    }
  }

  update(input: KnowledgeUnitInput): void {
    const unit = this.#complete(input)
    this.#entries.set(unit.id, { ...this.#entry(unit.id), unit })
  }

  confirm(id: string): KnowledgeUnit {
    return this.#amend(id, (unit) => ({
      ...unit,
      evidence: {
        ...unit.evidence,
        confidence: Math.min(1, unit.evidence.confidence + 0.1),
        confirmations: unit.evidence.confirmations + 1,
        last_confirmed: documentTime(this.#now()),
      },
    }))
  }

  flag(id: string, { reason, detail = null, duplicate_of = null }: FlagInput): KnowledgeUnit {
    if (!['stale', 'incorrect', 'duplicate'].includes(reason)) throw new ModelRefusal('invalid')
    if (reason === 'duplicate' && duplicate_of === null) throw new ModelRefusal('invalid')
    if (duplicate_of === id) throw new ModelRefusal('invalid')
    const timestamp = documentTime(this.#now())
    return this.#amend(id, (unit) => ({
      ...unit,
      evidence: {
        ...unit.evidence,
        confidence: unit.evidence.confidence < 0.15 ? 0 : unit.evidence.confidence - 0.15,
      },
      flags: [...unit.flags, { reason, timestamp, detail, duplicate_of }],
    }))
  }

  setReviewStatus(id: string, status: UnitStatus, reviewedBy: string): void {
    const review = { status, reviewed_by: reviewedBy, reviewed_at: columnTime(this.#now()) }
    this.#entries.set(id, { ...this.#entry(id), review })
  }

  decide(id: string, decision: 'approved' | 'rejected', reviewedBy: string): ReviewStatus {
    if (this.#entry(id).review.status !== 'pending') throw new ModelRefusal('conflict')
    this.setReviewStatus(id, decision, reviewedBy)
    return this.#entry(id).review
  }

  createUser(username: string, _passwordHash: string): void {
    if (username.trim() === '') throw new ModelRefusal('invalid')
    if (this.#users.includes(username)) throw new ModelRefusal('conflict')
    this.#users.push(username)
  }

  removeUnit(id: string): boolean {
    return this.#entries.delete(id)
  }

  get(id: string): KnowledgeUnit | null {
    return this.getReviewStatus(id)?.status === 'approved' ? this.getAny(id) : null
  }

  getAny(id: string): KnowledgeUnit | null {
    return this.#entries.get(id)?.unit ?? null
  }

  getReviewStatus(id: string): ReviewStatus | null {
    return this.#entries.get(id)?.review ?? null
  }

  query(asked: readonly string[], options: QueryOptions = {}): KnowledgeUnit[] {
    const { languages = [], frameworks = [], pattern = '', limit = 5 } = options
    const domains = normalized(asked)
    const share = (some: readonly string[], others: readonly string[]) =>
      some.filter((one) => others.includes(one)).length
    const ranked: { unit: KnowledgeUnit; rank: number }[] = []
    for (const { unit, review } of this.#entries.values()) {
      const shared = share(unit.domains, domains)
      if (review.status !== 'approved' || shared === 0) continue
      const fits = [
        share(unit.context.languages, languages) > 0,
        share(unit.context.frameworks, frameworks) > 0,
        pattern !== '' && unit.context.pattern.toUpperCase() === pattern.toUpperCase(),
      ]
      let relevance = 0.55 * (shared / (unit.domains.length + domains.length - shared))
      for (const fit of fits) relevance += fit ? 0.15 : 0
      ranked.push({ unit, rank: relevance * unit.evidence.confidence })
    }
    ranked.sort((a, b) => (a.rank === b.rank ? (a.unit.id > b.unit.id ? -1 : 1) : b.rank - a.rank))
    return ranked.slice(0, limit).map(({ unit }) => unit)
  }

  /** Ids of the units of a domain, the newest proposal first. */
  listed(domain: string): string[] {
    return [...this.#entries.values()]
      .filter(({ unit }) => unit.domains.includes(domain))
      .sort((a, b) => (`${a.proposed}${a.unit.id}` < `${b.proposed}${b.unit.id}` ? 1 : -1))
      .map(({ unit }) => unit.id)
  }

  /** What there is of each kind, as `figuresOf` tells it of a Store. */
  get figures(): Record<string, number> {
    const figures: Record<string, number> = {}
    const count = (name: string) => {
      figures[name] = (figures[name] ?? 0) + 1
    }
    for (const { unit, proposed, review } of this.#entries.values()) {
      const { status, reviewed_at } = review
      count('units')
      count(`status ${status}`)
      count(`proposed ${proposed.slice(0, 10)}`)
      if (status !== 'pending') count(`${status} ${reviewed_at?.slice(0, 10)}`)
      if (status !== 'approved') continue
      count(`tier ${unit.tier}`)
      for (const domain of unit.domains) count(`domain ${domain}`)
      const { confidence } = unit.evidence
      if (confidence < 0.3) count('confidence 0.0-0.3')
      else if (confidence < 0.5) count('confidence 0.3-0.5')
      else if (confidence < 0.9) count('confidence 0.5-0.9')
      else count('confidence 0.9-1.0')
    }
    return figures
  }

  /** Names in the order in which the users were made. */
  get users(): readonly string[] {
    return this.#users
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id)
    if (!entry) throw new ModelRefusal('not_found')
    return entry
  }

  #amend(id: string, amend: (unit: KnowledgeUnit) => KnowledgeUnit): KnowledgeUnit {
    if (this.get(id) === null) throw new ModelRefusal('not_found')
    const entry = this.#entry(id)
    const unit = amend(entry.unit)
    this.#entries.set(id, { ...entry, unit })
    return unit
  }

  #complete(input: KnowledgeUnitInput): KnowledgeUnit {
    const { insight, evidence = {} } = input
    const { languages = [], frameworks = [], pattern = '' } = input.context ?? {}
    const domains = normalized(input.domains)
    const { confidence = 0.5, confirmations = 1 } = evidence
    if (domains.length === 0 || insight.summary.length > 500) throw new ModelRefusal('invalid')
    if (confidence < 0 || confidence > 1) throw new ModelRefusal('invalid')
    const [first, last] = [evidence.first_observed, evidence.last_confirmed]
    const now = documentTime(this.#now())
    return {
      id: input.id,
      version: input.version ?? 1,
      domains,
      insight,
      context: { languages: [...languages], frameworks: [...frameworks], pattern },
      evidence: {
        confidence,
        confirmations,
        first_observed: first ?? last ?? now,
        last_confirmed: last ?? first ?? now,
      },
      tier: input.tier ?? 'private',
      created_by: input.created_by ?? null,
      superseded_by: input.superseded_by ?? null,
      extensions: input.extensions ?? null,
      flags: [],
    }
  }
}

/** What a Store tells by its figures, each under a name. */
export async function figuresOf(store: Store): Promise<Record<string, number>> {
  const [units, status, tier, domain, confidence, days] = await Promise.all([
    store.count(),
    store.countsByStatus(),
    store.countsByTier(),
    store.domainCounts(),
    store.confidenceDistribution([0.3, 0.5, 0.9]),
    store.dailyCounts({ days: 1000 }),
  ])
  const named = Object.entries({ status, tier, domain, confidence }).flatMap(([kind, counts]) =>
    Object.entries(counts).map(([name, count]) => [`${kind} ${name}`, count] as const),
  )
  const daily = days.flatMap(({ date, ...counts }) =>
    Object.entries(counts).map(([kind, count]) => [`${kind} ${date}`, count] as const),
  )
  return Object.fromEntries([['units', units], ...named, ...daily])
}

function normalized(domains: readonly string[]): string[] {
  const found: string[] = []
  for (const domain of domains.map((text) => text.trim().toLowerCase()))
    if (domain !== '' && !found.includes(domain)) found.push(domain)
  return found
}
