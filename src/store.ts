import type { UnitView } from './knowledge/document.ts'
import type {
  Decision,
  FlagInput,
  KnowledgeUnit,
  KnowledgeUnitInput,
  Tier,
  UnitStatus,
} from './knowledge/records.ts'

export type { Decision, UnitStatus } from './knowledge/records.ts'

/** Where a unit stands in review. `reviewed_at` is a column timestamp: UTC, `+00:00`. */
export interface ReviewStatus {
  readonly status: UnitStatus
  readonly reviewed_by: string | null
  readonly reviewed_at: string | null
}

/** A unit as reviewers see it. */
export interface ReviewItem extends ReviewStatus {
  readonly knowledge_unit: KnowledgeUnit
}

/** A page of the review queue, and how many units the whole queue holds, as of one moment. */
export interface ReviewQueuePage {
  readonly items: ReviewItem[]
  readonly total: number
}

/** What last happened to a unit. Timestamps are column timestamps. */
export type Activity =
  | {
      readonly type: 'proposed'
      readonly unit_id: string
      readonly summary: string
      readonly timestamp: string
    }
  | {
      readonly type: Decision
      readonly unit_id: string
      readonly summary: string
      readonly reviewed_by: string | null
      readonly timestamp: string
    }

/** One UTC day, `YYYY-MM-DD`: units proposed on it, and units approved and rejected on it. */
export interface DailyCount {
  readonly date: string
  readonly proposed: number
  readonly approved: number
  readonly rejected: number
}

/**
 * Figures for agents, as of one moment. `total_count` is of every status; the others are of approved units that
 * queries may find, so of none that can't be read.
 */
export interface KnowledgeStats {
  readonly total_count: number
  readonly tier_counts: Partial<Record<Tier, number>>
  /** Most frequent first, then by name; but see `Statistics.domainCounts`. */
  readonly domain_counts: Record<string, number>
  readonly confidence_distribution: Record<'0.0-0.3' | '0.3-0.5' | '0.5-0.7' | '0.7-1.0', number>
}

/** Figures for reviewers, as of one moment. */
export interface ReviewStats {
  readonly counts: Record<UnitStatus, number>
  readonly domains: Record<string, number>
  readonly confidence_distribution: Record<'0.0-0.3' | '0.3-0.6' | '0.6-0.8' | '0.8-1.0', number>
  /** The last 20. */
  readonly recent_activity: Activity[]
  /** The last 30 days. */
  readonly trends: { readonly daily: DailyCount[] }
}

export interface User {
  readonly id: number
  readonly username: string
  readonly password_hash: string
  readonly created_at: string
}

/** An API key's row. The secret itself is never stored. Timestamps are column timestamps. */
export interface ApiKey {
  readonly id: string
  readonly user_id: number
  readonly name: string
  readonly labels: string[]
  /** The first eight characters of the secret, to tell keys apart. */
  readonly key_prefix: string
  readonly key_hash: string
  /** How long the key was to live, as it was asked for: `30d`. */
  readonly ttl: string
  readonly expires_at: string
  readonly created_at: string
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}

export interface NewApiKey {
  readonly keyId: string
  readonly userId: number
  readonly name: string
  readonly labels: readonly string[]
  readonly keyPrefix: string
  readonly keyHash: string
  readonly ttl: string
  /** Any RFC 3339 timestamp. */
  readonly expiresAt: string
  /** How many active keys the user may have, this one included. Without it there is no limit. */
  readonly activeLimit?: number | undefined
}

export interface QueryOptions {
  /** A unit that names any of these ranks higher. Compared exactly. */
  readonly languages?: readonly string[] | undefined
  /** A unit that names any of these ranks higher. Compared exactly. */
  readonly frameworks?: readonly string[] | undefined
  /** A unit of this pattern ranks higher. Letter case does not matter. */
  readonly pattern?: string | undefined
  /** @default 5 */
  readonly limit?: number | undefined
}

export interface PageOptions {
  /** @default 20 */
  readonly limit?: number | undefined
  /** @default 0 */
  readonly offset?: number | undefined
}

export interface ListOptions {
  /** Units with this domain; a blank one means all. */
  readonly domain?: string | undefined
  /** Keeps units of at least this confidence. */
  readonly confidenceMin?: number | undefined
  /** Keeps units below this confidence; 1 keeps all. */
  readonly confidenceMax?: number | undefined
  /** Units of this status; a blank one means all, an unknown one none. */
  readonly status?: string | undefined
  /** Applies after every filter. @default 100 */
  readonly limit?: number | undefined
}

/** Units: what agents propose, query, confirm and flag. */
export interface KnowledgeUnits {
  /**
   * Adds a unit to the review queue, its domains normalised.
   * @throws {StoreError} `conflict` where the id is taken; `invalid` where the unit breaks a limit, which for
   * the whole of it is 2 Mi characters of JSON beside its flags, or has no domain but blank ones.
   */
  insert(unit: KnowledgeUnitInput): Promise<void>

  /**
   * Adds all of the units, or none where one of them fails.
   * @throws {StoreError} as `insert` does
   */
  insertMany(units: readonly KnowledgeUnitInput[]): Promise<void>

  /** The approved unit with this id, or `null`. */
  get(id: string): Promise<KnowledgeUnit | null>

  /** The unit with this id, whatever its review status, or `null`. */
  getAny(id: string): Promise<KnowledgeUnit | null>

  /**
   * Replaces a unit's document, tier and domains. Its review status and `created_at` stay. To confirm
   * or flag, use `confirm` and `flag`: a read followed by an update loses what was written between.
   * @throws {StoreError} `not_found`; `invalid` as `insert` does
   */
  update(unit: KnowledgeUnitInput): Promise<void>

  /**
   * Approved units that share at least one of the domains, best first: by relevance times confidence,
   * then by id descending. Languages, frameworks and pattern only change the order. Blank domains
   * are ignored; with none left, nothing is found. For some time after a store is opened it waits for an index.
   * @throws {StoreError} `invalid` where the limit is not a positive integer, or there are more than 64
   * domains, languages or frameworks
   */
  query(domains: readonly string[], options?: QueryOptions): Promise<KnowledgeUnit[]>

  /**
   * Adds one confirmation to an approved unit, in one step that loses no other: confidence rises by
   * 0.1 up to 1, and `last_confirmed` is now. Resolves to the unit as it then is.
   * @throws {StoreError} `not_found` where the unit is unknown or not approved
   */
  confirm(id: string): Promise<KnowledgeUnit>

  /**
   * Adds a flag to an approved unit, in one step that loses no other: confidence falls by 0.15 down
   * to 0. Resolves to the unit as it then is. A flag as a duplicate names the other unit.
   * @throws {StoreError} `not_found` where the unit is unknown or not approved; `limit_reached` where it has
   * 100 flags; `invalid`
   */
  flag(id: string, flag: FlagInput): Promise<KnowledgeUnit>
}

/** Review: what people decide of units. */
export interface Reviews {
  /** Where the unit stands in review, or `null` where there is no such unit. */
  getReviewStatus(id: string): Promise<ReviewStatus | null>

  /**
   * Sets a unit's status whatever it was. To decide a pending unit once, use `decide`.
   * @throws {StoreError} `not_found`; `invalid` where the status is unknown
   */
  setReviewStatus(id: string, status: UnitStatus, reviewedBy: string): Promise<void>

  /**
   * Approves or rejects a pending unit, in one step that only one of several reviewers wins.
   * @throws {StoreError} `not_found`; `conflict`, naming the status, where the unit is no longer pending
   */
  decide(id: string, decision: Decision, reviewedBy: string): Promise<ReviewStatus>

  /** A unit and where it stands, whatever its status, or `null`. */
  reviewItem(id: string): Promise<ReviewItem | null>

  /**
   * Pending units, oldest first. A limit of 0 is an empty page. The next page begins behind as many units as
   * this one has.
   * @throws {StoreError} `invalid`
   */
  pendingQueue(options?: PageOptions): Promise<ReviewItem[]>

  /** How many units are pending. */
  pendingCount(): Promise<number>

  /** `pendingQueue` and `pendingCount` as of one moment. @throws {StoreError} `invalid` */
  reviewQueue(options?: PageOptions): Promise<ReviewQueuePage>

  /** Units that pass every filter, newest first. @throws {StoreError} `invalid` */
  listUnits(options?: ListOptions): Promise<ReviewItem[]>
}

/** Figures, each as of one moment. */
export interface Statistics {
  /** How many units there are, of every status. */
  count(): Promise<number>

  /**
   * Approved units by domain, most frequent first, then by name. JavaScript puts names that look like
   * integers before all others; the texts that `asText` gives keep the order.
   */
  domainCounts(): Promise<Record<string, number>>

  /** Units by status; a status without units is absent. */
  countsByStatus(): Promise<Record<string, number>>

  /** Approved units by tier; a tier without units is absent. */
  countsByTier(): Promise<Record<string, number>>

  /**
   * Approved units by confidence. Buckets are named `lower-upper` and hold their lower bound, not
   * their upper one, save the last, which holds 1.
   * @param innerBounds at most 100, ascending, between 0 and 1. @default [0.3, 0.6, 0.8]
   * @throws {StoreError} `invalid`
   */
  confidenceDistribution(innerBounds?: readonly number[]): Promise<Record<string, number>>

  /** What happened last, newest first, one entry a unit. @throws {StoreError} `invalid` */
  recentActivity(limit?: number): Promise<Activity[]>

  /**
   * One entry a UTC day, from the first active day within the last `days` to today, without gaps;
   * `[]` where there was no activity.
   * @throws {StoreError} `invalid` where `days` is not a positive integer, or above 100,000
   */
  dailyCounts(options?: { readonly days?: number | undefined }): Promise<DailyCount[]>

  /** What `GET /knowledge/stats` tells, as of one moment. */
  stats(): Promise<KnowledgeStats>

  /** What `GET /review/stats` tells, as of one moment. */
  reviewStats(): Promise<ReviewStats>
}

/** Users and their API keys. */
export interface Accounts {
  /** @throws {StoreError} `conflict` where the name is taken; `invalid` where it is blank */
  createUser(username: string, passwordHash: string): Promise<void>

  /** The user of this name, or `null`. Letter case matters. */
  getUser(username: string): Promise<User | null>

  /**
   * Stores a key. With `activeLimit`, counting and storing are one step.
   * @throws {StoreError} `conflict` where the id or the hash is taken; `not_found` where there is no
   * such user; `limit_reached`; `invalid`
   */
  createApiKey(key: NewApiKey): Promise<ApiKey>

  /** A user's key in any state, or `null`; also where the key is another user's. */
  getApiKeyForUser(key: {
    readonly userId: number
    readonly keyId: string
  }): Promise<Omit<ApiKey, 'key_hash'> | null>

  /** The key and its owner's name, or `null` where it is unknown, revoked or expired. */
  getActiveApiKeyById(keyId: string): Promise<(ApiKey & Pick<User, 'username'>) | null>

  /** A user's keys, newest first, revoked and expired ones included: the newest thousand. */
  listApiKeysForUser(userId: number): Promise<Omit<ApiKey, 'key_hash' | 'user_id'>[]>

  /** How many of a user's keys are neither revoked nor expired. */
  countActiveApiKeysForUser(userId: number): Promise<number>

  /** Revokes a user's key. Whether this call did it: `false` where it was revoked or is unknown. */
  revokeApiKey(key: { readonly userId: number; readonly keyId: string }): Promise<boolean>

  /**
   * Notes that a key was used now. Best effort: an unknown key is ignored, a failure is
   * logged, and a store that is read only notes nothing.
   */
  touchApiKeyLastUsed(keyId: string): Promise<void>
}

/**
 * A unit and where it stands, as it may be handed to `importUnits`. Without a status it is pending;
 * decided without a `reviewed_at`, it was decided now, and with `null` nobody knows when.
 */
export interface ReviewItemInput {
  readonly knowledge_unit: KnowledgeUnitInput
  readonly status?: UnitStatus | undefined
  readonly reviewed_by?: string | null | undefined
  readonly reviewed_at?: string | null | undefined
}

/** What whoever runs the store does: accounts of others, and whole collections of units. */
export interface Administration {
  /**
   * Users by name, those after `after` first.
   * @param options `limit` is 100 unless told
   * @throws {StoreError} `invalid`
   */
  listUsers(options?: {
    readonly after?: string | undefined
    readonly limit?: number | undefined
  }): Promise<Omit<User, 'password_hash'>[]>

  /** Replaces a user's password. @throws {StoreError} `not_found`; `invalid` where it is blank */
  setPassword(username: string, passwordHash: string): Promise<void>

  /**
   * Removes a user and their API keys; the units they proposed stay. Whether there was such a user.
   */
  removeUser(username: string): Promise<boolean>

  /**
   * Removes a unit for good, whatever its status, with all that is derived from it: for one that holds
   * a secret, say. Whether there was such a unit. What other units say of it stays: a `superseded_by`,
   * or a flag's `duplicate_of`, that names its id.
   *
   * What it held is overwritten in the database, and leaves the files beside it as soon as no read is in
   * the way: mostly before this resolves. Not overwritten are copies that the database left in unused
   * space of its file when it moved rows, or another program when it changed them: they are rare, and
   * `cq-store unit remove` clears them. Backups and exports made before keep the unit.
   */
  removeUnit(id: string): Promise<boolean>

  /**
   * Adds units as they stand in review, all or none. Resolves to how many were added.
   * @param options `existing: 'skip'` leaves out units whose id is taken
   * @throws {StoreError} `conflict` where an id is taken; `invalid` as `insert` does
   */
  importUnits(
    items: readonly ReviewItemInput[],
    options?: { readonly existing?: 'conflict' | 'skip' | undefined },
  ): Promise<number>

  /**
   * Units of every status by id, those after `after` first. From one call to the next others may
   * write; a unit that is there all the time is told exactly once.
   * @param options `limit` is 100 unless told
   * @throws {StoreError} `invalid`
   */
  exportUnits(options?: {
    readonly after?: string | undefined
    readonly limit?: number | undefined
  }): Promise<ReviewItem[]>
}

/** All units, one after the other, however many there are. */
export interface Iteration {
  /**
   * Every unit of every status by id, those after `after` first: `for await (const item of
   * store.units())`. Units are read in pages of `exportUnits`, the next one once the last is used up;
   * from one to the next others may write, and a unit that is there all the time is told exactly once.
   * Whoever stops early reads no further. Where a page fails, the iteration ends with its error.
   * @param options `pageSize` is how many units are read, and kept in memory, at once; 100 unless told
   * @throws {StoreError} as `exportUnits` does, when the iteration begins or goes on
   */
  units(options?: {
    readonly after?: string
    readonly pageSize?: number
  }): AsyncIterable<ReviewItem>
}

/** What may be asked for as text: whatever tells units or their figures over HTTP. */
export const textMethods = [
  'query',
  'confirm',
  'flag',
  'reviewItem',
  'reviewQueue',
  'listUnits',
  'exportUnits',
  'stats',
  'reviewStats',
] as const
export type TextMethod = (typeof textMethods)[number]

/** Results as they are sent on, and nowhere made into objects on the way. */
export interface Texts {
  /**
   * Calls a method, and resolves to the JSON text of its result: `asText('public', 'query', ['sqlite'])`.
   * Where the method resolves to `null`, that is `'null'`. Documents are stored as text and stay text,
   * so that who only passes them on spends no time on them, however long they are.
   * @param view for whom the units of the result are written
   * @throws {StoreError} as the method does
   */
  asText<Method extends TextMethod>(
    view: UnitView,
    method: Method,
    ...args: Parameters<Store[Method]>
  ): Promise<string>
}

/** Whether a store can do its work, and why not: in words for anybody, without a path of the machine. */
export type Readiness =
  | { readonly isReady: true }
  | { readonly isReady: false; readonly reason: string }

/**
 * Where knowledge units, their reviews, users and API keys are kept.
 *
 * Records are spelled as they are stored and sent (snake_case, ISO text); an absent value is `null`.
 * Documents that other programs stored are completed with cq's defaults; a unit whose document cq's clients
 * could not read is as good as not there, and named in the log.
 * A write that resolved is seen by every read that starts after it. Every failure is a `StoreError`;
 * beside those that a method names, any may fail with `overloaded`, `timeout`, `outcome_unknown`
 * (writes), `read_only` (writes), `unavailable`, `corrupt`, and, once the store is closed, `closed`.
 * An option that is `undefined` is left out; one that there is not is `invalid`. An answer with units ends with
 * the one that makes it longer than 4 Mi characters, also where more were asked for: pages are shorter then, and
 * only an empty one is the last.
 *
 * Source: the Store protocol of cq's reference server, in camelCase, and what needs one step or one
 * moment: `confirm`, `flag`, `decide`, `insertMany`, `reviewItem`, `reviewQueue`, `stats`, `reviewStats`,
 * what a server needs: `asText`, what the command line needs: `Administration`, and `units`.
 */
export interface Store
  extends KnowledgeUnits,
    Reviews,
    Statistics,
    Accounts,
    Administration,
    Iteration,
    Texts,
    AsyncDisposable {
  /**
   * Whether it can do its work now: reads, queries and writes. It never fails, may take as long as a call, and
   * once anything was found to be damaged, is not ready until the store is opened anew.
   */
  readiness(): Promise<Readiness>

  /** Takes nothing new, finishes what was accepted, then lets go of the database. Twice is once. */
  close(): Promise<void>
}
