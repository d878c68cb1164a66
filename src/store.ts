import type { UnitView } from './knowledge/document.ts'
import type {
  BrowseOrder,
  Decision,
  FlagInput,
  KnowledgeUnit,
  KnowledgeUnitInput,
  Role,
  Tier,
  UnitStatus,
} from './knowledge/records.ts'
import type { Snippet } from './knowledge/words.ts'

export type { BrowseOrder, Decision, Role, UnitStatus } from './knowledge/records.ts'
export type { Snippet } from './knowledge/words.ts'

/** A unit's review state. `reviewed_at` is a column timestamp: `2026-11-22T00:27:30.476797+00:00`. */
export interface ReviewStatus {
  readonly status: UnitStatus
  readonly reviewed_by: string | null
  readonly reviewed_at: string | null
}

/** A unit as reviewers see it. */
export interface ReviewItem extends ReviewStatus {
  readonly knowledge_unit: KnowledgeUnit
}

/** A page of the review queue and the length of the whole queue, from one snapshot. */
export interface ReviewQueuePage {
  readonly items: ReviewItem[]
  readonly total: number
}

/** The last event of a unit. Timestamps are column timestamps. */
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
 * Statistics for agents, from one snapshot. `total_count` counts units of every status; the others count approved
 * units that queries may find, and so none that cannot be read.
 */
export interface KnowledgeStats {
  readonly total_count: number
  readonly tier_counts: Partial<Record<Tier, number>>
  /** Most frequent first, then by name; but see `Statistics.domainCounts`. */
  readonly domain_counts: Record<string, number>
  readonly confidence_distribution: Record<'0.0-0.3' | '0.3-0.5' | '0.5-0.7' | '0.7-1.0', number>
}

/** Statistics for reviewers, from one snapshot. */
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
  /** The first eight characters of the secret, by which owners recognise a key. */
  readonly key_prefix: string
  readonly key_hash: string
  /** The lifetime that was requested: `30d`. */
  readonly ttl: string
  readonly expires_at: string
  readonly created_at: string
  readonly last_used_at: string | null
  readonly revoked_at: string | null
}

/** A user, and how often their sessions were ended. */
export interface SessionUser extends User {
  /** How often all of the user's sessions were ended: sessions that begin now are of this generation. */
  readonly generation: number
  /** When they were ended last, a column timestamp; `null` if never. */
  readonly sessions_ended_at: string | null
}

/** A code with which a program fetches the token of a login, once. */
export interface NewLoginCode {
  /** A hash of the code, which itself is not stored. */
  readonly codeHash: string
  readonly username: string
  /** The user's when the password was checked: the code is void once their sessions are ended. */
  readonly generation: number
  /** What the program must know the preimage of: PKCE's `code_challenge`, by S256. */
  readonly codeChallenge: string
  /** Any RFC 3339 timestamp. */
  readonly expiresAt: string
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
  /** The most active keys that the user may have, including this one. @default unlimited */
  readonly activeLimit?: number | undefined
}

export interface QueryOptions {
  /** Units that name any of these rank higher. Compared exactly; at most 64. */
  readonly languages?: readonly string[] | undefined
  /** Units that name any of these rank higher. Compared exactly; at most 64. */
  readonly frameworks?: readonly string[] | undefined
  /** Units with this pattern rank higher. Letter case does not matter. */
  readonly pattern?: string | undefined
  /** @default 5 */
  readonly limit?: number | undefined
  /**
   * Words, at most 10,000 characters: units that match them are found, too, whatever their domains. See `search`.
   */
  readonly text?: string | undefined
}

/** How a search orders what words find. */
export interface SearchOptions {
  /** Units that share some of these rank higher. At most 64. */
  readonly domains?: readonly string[] | undefined
  /** As in `QueryOptions`. */
  readonly languages?: readonly string[] | undefined
  readonly frameworks?: readonly string[] | undefined
  readonly pattern?: string | undefined
  /** From 1 to 50. @default 10 */
  readonly limit?: number | undefined
}

/** A unit that words found. */
export interface SearchHit {
  readonly knowledge_unit: KnowledgeUnit
  /** By what hits are ordered, descending: comparable within one answer. */
  readonly rank: number
  readonly snippet: Snippet
}

/** An approved or pending unit that resembles another one, or a proposal. */
export interface SimilarUnit {
  readonly unit_id: string
  readonly status: UnitStatus
  readonly summary: string
  readonly domains: readonly string[]
  /** How much domains and words have in common, from 0 to 1. */
  readonly similarity: number
}

export interface PageOptions {
  /** @default 20 */
  readonly limit?: number | undefined
  /** @default 0 */
  readonly offset?: number | undefined
}

export interface ListOptions {
  /** Only units with this domain; blank for all. */
  readonly domain?: string | undefined
  /** Only units with at least this confidence. @default 0 */
  readonly confidenceMin?: number | undefined
  /** Only units below this confidence; 1 includes all. @default 1 */
  readonly confidenceMax?: number | undefined
  /** Only units with this status; blank for all, none for an unknown one. */
  readonly status?: string | undefined
  /** The most units returned. @default 100 */
  readonly limit?: number | undefined
}

/** Which units are browsed. */
export interface BrowseFilters {
  readonly status?: UnitStatus | undefined
  /** Only units with this domain; blank for all. */
  readonly domain?: string | undefined
  readonly tier?: Tier | undefined
  /** Only units that this user proposed, exactly as the unit names them; `''` for all. */
  readonly proposer?: string | undefined
  /**
   * Only units that have every one of these words in their id, domains, summary, detail or action, anywhere in a
   * word and in any letter case. At most 200 characters; blank for all.
   */
  readonly text?: string | undefined
  /** Only units with at least this confidence. @default 0 */
  readonly confidenceMin?: number | undefined
  /** Only units below this confidence; 1 includes all. @default 1 */
  readonly confidenceMax?: number | undefined
  /** Only units that have flags, or that have none. */
  readonly flagged?: boolean | undefined
  /** Only units that were created at this time or later; any RFC 3339 timestamp. */
  readonly proposedAfter?: string | undefined
  /** Only units that were created before this time; any RFC 3339 timestamp. */
  readonly proposedBefore?: string | undefined
}

export interface BrowseOptions extends BrowseFilters {
  /**
   * `newest` and `oldest` by when units were created, those without a time last; `decided` lists the units that were
   * decided, the last decision first. @default 'newest'
   */
  readonly order?: BrowseOrder | undefined
  /** The `next_cursor` of the page before. Filters and order must be the same. */
  readonly cursor?: string | undefined
  /** From 1 to 500. @default 50 */
  readonly limit?: number | undefined
}

/** A page of units. It may be shorter than the limit, or empty, and is the last only if there is no cursor. */
export interface BrowsePage {
  readonly items: ReviewItem[]
  readonly next_cursor: string | null
  /** How many units were looked at for this page. */
  readonly examined: number
}

/** How many units pass filters; if `is_exact` is false, at least so many. */
export interface BrowseCount {
  readonly count: number
  readonly is_exact: boolean
}

/** How a reviewer decides several units. */
export interface DecisionInput {
  /** `pending` opens a decided unit again. */
  readonly decision: UnitStatus
  /** The status that the reviewer saw: a unit that has another one is left as it is. @default 'pending' */
  readonly from?: UnitStatus | undefined
  readonly reviewedBy: string
  /** Whether units that the reviewer proposed may be decided. @default true */
  readonly ownProposals?: boolean | undefined
}

/**
 * What became of a unit in `decideMany`, and its review state afterwards: `conflict` if its status was not the one
 * expected, `forbidden` if the reviewer proposed it.
 */
export interface DecisionOutcome {
  readonly unit_id: string
  readonly outcome: 'decided' | 'conflict' | 'not_found' | 'forbidden'
  readonly status: UnitStatus | null
  readonly reviewed_by: string | null
  readonly reviewed_at: string | null
}

/** Somebody's decision. */
export interface ReviewDecision extends ReviewStatus {
  readonly unit_id: string
}

/** What a reviewer changes of a unit; what is absent stays. */
export interface UnitEdit {
  readonly domains?: readonly string[] | undefined
  readonly insight?: Readonly<Partial<KnowledgeUnit['insight']>> | undefined
}

export interface EditOptions {
  readonly editedBy: string
  /** What the reviewer saw: if the unit is no longer so, it is left as it is. */
  readonly seen?: Pick<KnowledgeUnit, 'domains' | 'insight'> | undefined
  /** As in `DecisionInput`. @default true */
  readonly ownProposals?: boolean | undefined
}

/** What somebody did to a unit beside its first decision. `at` is a column timestamp. */
export interface HistoryEntry {
  readonly at: string
  readonly actor: string
  readonly action: 'reopened' | 'revised' | 'edited'
  /** In words: the decision before, or which fields were edited. */
  readonly detail: string
}

/** An approved unit in a list that is to be looked at. */
export interface NotableUnit {
  readonly unit_id: string
  readonly summary: string
  readonly domains: string[]
  readonly confidence: number
  readonly confirmations: number
  readonly flags: number
  readonly last_confirmed: string
}

/** Approved units that somebody should look at. */
export interface Insights {
  /** Those with flags, most flags first, then least confidence. */
  readonly flagged: NotableUnit[]
  /** Most confirmations first. */
  readonly most_confirmed: NotableUnit[]
  /** Those that nobody has confirmed for longest. */
  readonly stale: NotableUnit[]
}

/** Knowledge units: what agents propose, query, confirm and flag. */
export interface KnowledgeUnits {
  /**
   * Adds a unit to the review queue. Its domains are normalised: lower case, stripped, without repetitions.
   * @throws {StoreError} `conflict` if the id exists; `invalid` if the unit exceeds a limit, which for all of it
   * except its flags is 2 Mi characters of JSON, or has only blank domains
   */
  insert(unit: KnowledgeUnitInput): Promise<void>

  /**
   * Adds all of the units, or none if one of them fails.
   * @throws {StoreError} as `insert` does
   */
  insertMany(units: readonly KnowledgeUnitInput[]): Promise<void>

  /** The approved unit with this id; `null` if there is none. */
  get(id: string): Promise<KnowledgeUnit | null>

  /** The unit with this id, whatever its review status; `null` if there is none. */
  getAny(id: string): Promise<KnowledgeUnit | null>

  /**
   * Replaces a unit's document, tier and domains. Its review status and `created_at` do not change. To confirm or
   * flag a unit use `confirm` and `flag`: reading and then updating it would lose concurrent changes.
   * @throws {StoreError} `not_found`; `invalid` as `insert` does
   */
  update(unit: KnowledgeUnitInput): Promise<void>

  /**
   * Approved units that share at least one of the domains, best first: by relevance times confidence,
   * then by id descending. Languages, frameworks and pattern affect only the order. Blank domains are ignored; if
   * none is left, the result is empty. Right after the store is opened, it waits for the index to load.
   * @throws {StoreError} `invalid` if the limit is not a positive integer, or there are more than 64 domains,
   * languages or frameworks
   */
  query(domains: readonly string[], options?: QueryOptions): Promise<KnowledgeUnit[]>

  /**
   * Confirms an approved unit, atomically: its confidence rises by 0.1, up to 1, and `last_confirmed` becomes now.
   * Resolves to the changed unit.
   * @throws {StoreError} `not_found` if the unit does not exist or is not approved
   */
  confirm(id: string): Promise<KnowledgeUnit>

  /**
   * Flags an approved unit, atomically: its confidence falls by 0.15, down to 0. Resolves to the changed unit. A
   * flag as a duplicate names the other unit.
   * @throws {StoreError} `not_found` if the unit does not exist or is not approved; `limit_reached` if it has 100
   * flags; `invalid`
   */
  flag(id: string, flag: FlagInput): Promise<KnowledgeUnit>
}

/** Proposals that are made again, as by a client that got no answer. */
export interface Proposals {
  /**
   * Adds a unit to the review queue, unless it was proposed within the last 24 hours: by the same `created_by` with
   * the same idempotency key or, without a key, with the same domains and text. White space, letter case and the
   * order of domains do not matter. Resolves to `null` if it was added, otherwise to the unit that is there, as it is
   * now, whatever its status. A unit that was removed may be proposed again.
   * @param options `idempotencyKey` has at most 255 characters; `''` is none
   * @throws {StoreError} as `insert` does; `conflict` also if the key was used for another proposal
   */
  propose(
    unit: KnowledgeUnitInput,
    options?: { readonly idempotencyKey?: string | undefined },
  ): Promise<KnowledgeUnit | null>
}

/** Finding approved units by their words. */
export interface Search {
  /**
   * Approved units that match words in their summary, detail, action or domains, best first: those that have all of
   * the words or, if there is none, any of them. Words are compared by their stems, without accents and in any letter
   * case, and where that finds nothing, the last one by its beginning; at most 16 different ones count. Units are ordered by how well words,
   * domains and context fit, times confidence. Any text is allowed: what is no word is ignored.
   * @param text at most 10,000 characters
   * @throws {StoreError} `invalid`; `unavailable` while many units are still to be indexed
   */
  search(text: string, options?: SearchOptions): Promise<SearchHit[]>

  /**
   * Approved units, and the newest 200 pending ones, that resemble a proposal, the most similar first.
   * @param options `except` is the id of a unit that is not compared; `limit` is from 1 to 20, by default 5
   * @throws {StoreError} as `search`
   */
  similarUnits(
    proposal: Pick<KnowledgeUnit, 'domains' | 'insight'>,
    options?: { readonly except?: string | undefined; readonly limit?: number | undefined },
  ): Promise<SimilarUnit[]>

  /**
   * Domains of approved units that resemble the given ones, by spelling or by words, the nearest first.
   * @param limit from 1 to 20. @default 5
   * @throws {StoreError} `invalid`
   */
  suggestDomains(domains: readonly string[], limit?: number): Promise<string[]>

  /**
   * Indexes the words of up to 100 units that were approved or edited; resolves to how many changes it dealt with, 0
   * if there are none, or another server is at it. A store calls it by itself, and searches read through what is still
   * to be indexed, so that nobody need call it.
   */
  indexTexts(): Promise<number>

  /** How many changes of texts are still to be indexed, told up to 2,001. */
  unindexedTexts(): Promise<number>
}

/** Review: what people decide about units. */
export interface Reviews {
  /** A unit's review state; `null` if there is no such unit. */
  getReviewStatus(id: string): Promise<ReviewStatus | null>

  /**
   * Sets a unit's status, whatever it was. To decide a pending unit only once, use `decide`.
   * @throws {StoreError} `not_found`; `invalid` if the status is unknown
   */
  setReviewStatus(id: string, status: UnitStatus, reviewedBy: string): Promise<void>

  /**
   * Approves or rejects a pending unit, atomically: only one of several concurrent reviewers succeeds.
   * @throws {StoreError} `not_found`; `conflict`, naming the status, if the unit is no longer pending
   */
  decide(id: string, decision: Decision, reviewedBy: string): Promise<ReviewStatus>

  /** A unit and its review state, whatever its status; `null` if there is none. */
  reviewItem(id: string): Promise<ReviewItem | null>

  /**
   * Pending units, oldest first. With a limit of 0 the page is empty. The offset of the next page is this page's
   * plus the number of units in it.
   * @throws {StoreError} `invalid`
   */
  pendingQueue(options?: PageOptions): Promise<ReviewItem[]>

  /** How many units are pending. */
  pendingCount(): Promise<number>

  /** `pendingQueue` and `pendingCount` from one snapshot. @throws {StoreError} `invalid` */
  reviewQueue(options?: PageOptions): Promise<ReviewQueuePage>

  /** Units that match every filter, newest first. @throws {StoreError} `invalid` */
  listUnits(options?: ListOptions): Promise<ReviewItem[]>
}

/** All units as reviewers look for them, page by page. */
export interface Browsing {
  /**
   * Units that match every filter, page by page to the last one. A page is made of at most 10,000 units, and 32 Mi
   * characters of documents, so that no filter makes it take long. @throws {StoreError} `invalid`
   */
  browseUnits(options?: BrowseOptions): Promise<BrowsePage>

  /** How many units match every filter; exact as far as one page reaches, and by status alone. @throws {StoreError} `invalid` */
  countUnits(filters?: BrowseFilters): Promise<BrowseCount>

  /**
   * The last decisions that stand, newest first.
   * @param options `since` is any RFC 3339 timestamp, inclusive; `limit` is from 1 to 500, by default 100
   * @throws {StoreError} `invalid`
   */
  listDecisions(options?: {
    readonly since?: string | undefined
    readonly limit?: number | undefined
  }): Promise<ReviewDecision[]>
}

/** What reviewers do beside a first decision. */
export interface Curation {
  /**
   * Decides several units, or opens them again; each for itself, all in one transaction. Resolves to what became of
   * each, in the given order.
   * @param ids at most 500
   * @throws {StoreError} `invalid`
   */
  decideMany(ids: readonly string[], input: DecisionInput): Promise<DecisionOutcome[]>

  /**
   * Changes domains and text of a unit, whatever its status, which stays. Resolves to the changed unit.
   * @throws {StoreError} `not_found`; `conflict` if the unit is no longer as it was seen, or the reviewer may not edit
   * own proposals; `invalid` as `insert` does
   */
  editUnit(id: string, edit: UnitEdit, options: EditOptions): Promise<ReviewItem>

  /** What was done to a unit beside its first decision, newest first, at most 100 entries. */
  unitHistory(id: string): Promise<HistoryEntry[]>
}

/** Statistics, each from one snapshot. */
export interface Statistics {
  /** The number of units of every status. */
  count(): Promise<number>

  /**
   * The number of approved units by domain, most frequent first, then by name. In a JavaScript object, names that
   * look like integers come first; the text of `asText` keeps the order.
   */
  domainCounts(): Promise<Record<string, number>>

  /** The number of units by status; a status without units is absent. */
  countsByStatus(): Promise<Record<string, number>>

  /** The number of approved units by tier; a tier without units is absent. */
  countsByTier(): Promise<Record<string, number>>

  /**
   * The number of approved units by confidence. Buckets are named `lower-upper`; they include their lower bound and
   * exclude the upper one, except the last, which includes 1.
   * @param innerBounds at most 100, ascending, between 0 and 1. @default [0.3, 0.6, 0.8]
   * @throws {StoreError} `invalid`
   */
  confidenceDistribution(innerBounds?: readonly number[]): Promise<Record<string, number>>

  /** The last events, newest first, one for each unit. @throws {StoreError} `invalid` */
  recentActivity(limit?: number): Promise<Activity[]>

  /**
   * One entry for each UTC day, from the first active day within the last `days` to today, without gaps; `[]` if
   * there was no activity.
   * @throws {StoreError} `invalid` if `days` is not an integer from 1 to 100,000
   */
  dailyCounts(options?: { readonly days?: number | undefined }): Promise<DailyCount[]>

  /** Approved units to look at, up to `limit` of each kind, from 1 to 100. @default 10 @throws {StoreError} `invalid` */
  insights(limit?: number): Promise<Insights>

  /** What `GET /knowledge/stats` answers. */
  stats(): Promise<KnowledgeStats>

  /** What `GET /review/stats` answers. */
  reviewStats(): Promise<ReviewStats>
}

/** Users and their API keys. */
export interface Accounts {
  /** @throws {StoreError} `conflict` if the name exists; `invalid` if it is blank */
  createUser(username: string, passwordHash: string): Promise<void>

  /** The user with this name; `null` if there is none. Letter case matters. */
  getUser(username: string): Promise<User | null>

  /**
   * What a user may do: the role that an operator named; without one `member`, or `admin` as long as no user has a
   * role. The name need not exist.
   */
  roleOf(username: string): Promise<Role>

  /**
   * Stores a key. The check of `activeLimit` is atomic with it.
   * @throws {StoreError} `conflict` if the id or the hash exists; `not_found` if there is no such user;
   * `limit_reached`; `invalid`
   */
  createApiKey(key: NewApiKey): Promise<ApiKey>

  /** A user's key in any state; `null` if there is none, or it is another user's. */
  getApiKeyForUser(key: {
    readonly userId: number
    readonly keyId: string
  }): Promise<Omit<ApiKey, 'key_hash'> | null>

  /** The key and its owner's name; `null` if it does not exist, is revoked or has expired. */
  getActiveApiKeyById(keyId: string): Promise<(ApiKey & Pick<User, 'username'>) | null>

  /** A user's newest 1,000 keys, newest first, including revoked and expired ones. */
  listApiKeysForUser(userId: number): Promise<Omit<ApiKey, 'key_hash' | 'user_id'>[]>

  /** The number of a user's keys that are neither revoked nor expired. */
  countActiveApiKeysForUser(userId: number): Promise<number>

  /** Revokes a user's key. Resolves to `false` if it was revoked already or does not exist. */
  revokeApiKey(key: { readonly userId: number; readonly keyId: string }): Promise<boolean>

  /**
   * Records that a key was used now. Best effort: an unknown key is ignored, a failure is logged, and a read-only
   * store does nothing.
   */
  touchApiKeyLastUsed(keyId: string): Promise<void>
}

/**
 * Logins, and how they end before their tokens expire: one by one, or all of a user's, which a new password does, too.
 * Sessions themselves are not stored.
 */
export interface Sessions {
  /**
   * The user with this name, and whether the session has ended; `null` if there is no such user.
   * @param session any text that only this session has; without one, none has ended
   */
  getSessionUser(
    username: string,
    session?: string,
  ): Promise<(SessionUser & { readonly session_ended: boolean }) | null>

  /**
   * Ends a session. Ending it again does nothing.
   * @param expiresAt any RFC 3339 timestamp: from then on the session may be forgotten
   * @throws {StoreError} `invalid`
   */
  endSession(session: string, expiresAt: string): Promise<void>

  /** Ends all of a user's sessions, and voids their login codes. @throws {StoreError} `not_found` */
  endSessions(username: string): Promise<void>

  /** Stores a login code. @throws {StoreError} `conflict` if the hash exists; `invalid` */
  createLoginCode(code: NewLoginCode): Promise<void>

  /**
   * Takes a login code, so that nobody can take it again: its challenge and its user. `null` if there is none, it has
   * expired or is void, or was taken.
   */
  takeLoginCode(
    codeHash: string,
  ): Promise<{ readonly code_challenge: string; readonly user: SessionUser } | null>
}

/**
 * A unit and its review state, as `importUnits` takes it. Without a status it is pending. A decided one without
 * `reviewed_at` was decided now; with `null`, the time is unknown.
 */
export interface ReviewItemInput {
  readonly knowledge_unit: KnowledgeUnitInput
  readonly status?: UnitStatus | undefined
  readonly reviewed_by?: string | null | undefined
  readonly reviewed_at?: string | null | undefined
}

/** What operators do: manage accounts, and import and export units. */
export interface Administration {
  /**
   * A page of users by name, starting after the name `after`, with the role that was named for each.
   * @param options `limit` defaults to 100
   * @throws {StoreError} `invalid`
   */
  listUsers(options?: {
    readonly after?: string | undefined
    readonly limit?: number | undefined
  }): Promise<(Omit<User, 'password_hash'> & { readonly role: Role | null })[]>

  /**
   * Names what a user may do; `null` takes the name away. @throws {StoreError} `not_found`; `invalid`
   */
  setRole(username: string, role: Role | null): Promise<void>

  /** Replaces a user's password, and ends all of their sessions. @throws {StoreError} `not_found`; `invalid` if it is blank */
  setPassword(username: string, passwordHash: string): Promise<void>

  /**
   * Removes a user and their API keys. Units that they proposed stay. Resolves to whether the user existed.
   */
  removeUser(username: string): Promise<boolean>

  /**
   * Deletes a unit for good, whatever its status, with everything that is derived from it; for example because it
   * holds a secret. Resolves to whether it existed. References of other units to its id stay: `superseded_by`, and
   * a flag's `duplicate_of`.
   *
   * Its content is overwritten in the database, and removed from the write-ahead log as soon as no reader needs
   * that, mostly before this resolves. Copies that SQLite left in unused space when it moved rows are rare, and
   * are cleared by `cq-store unit remove`. Earlier backups and exports keep the unit.
   */
  removeUnit(id: string): Promise<boolean>

  /**
   * Adds units with their review state, all or none. Resolves to the number of units added.
   * @param options `existing: 'skip'` skips units whose id exists
   * @throws {StoreError} `conflict` if an id exists; `invalid` as `insert` does
   */
  importUnits(
    items: readonly ReviewItemInput[],
    options?: { readonly existing?: 'conflict' | 'skip' | undefined },
  ): Promise<number>

  /**
   * A page of units of every status by id, starting after the id `after`. Others may write between pages; a unit
   * that exists all the time is returned exactly once.
   * @param options `limit` defaults to 100
   * @throws {StoreError} `invalid`
   */
  exportUnits(options?: {
    readonly after?: string | undefined
    readonly limit?: number | undefined
  }): Promise<ReviewItem[]>
}

/** All units, one after the other, in bounded memory. */
export interface Iteration {
  /**
   * Every unit of every status by id, starting after the id `after`: `for await (const item of store.units())`.
   * Units are read in pages of `exportUnits`, each when the one before is used up. Others may write between pages; a
   * unit that exists all the time is returned exactly once.
   * @param options `pageSize` is how many units are in memory at once; it defaults to 100
   * @throws {StoreError} as `exportUnits` does, during the iteration
   */
  units(options?: {
    readonly after?: string
    readonly pageSize?: number
  }): AsyncIterable<ReviewItem>
}

/** The methods that `asText` calls: those whose results HTTP clients get. */
export const textMethods = [
  'propose',
  'query',
  'search',
  'confirm',
  'flag',
  'reviewItem',
  'reviewQueue',
  'listUnits',
  'browseUnits',
  'editUnit',
  'exportUnits',
  'stats',
  'reviewStats',
] as const
export type TextMethod = (typeof textMethods)[number]

/** Results as JSON text, to be passed on without being parsed. */
export interface Texts {
  /**
   * Calls a method, and resolves to the JSON text of its result: `asText('public', 'query', ['sqlite'])`. Documents
   * are stored as text and stay text, so that passing them on costs the caller's thread nothing.
   * @param view for whom the units are written, see `UnitView`
   * @throws {StoreError} as the method does
   */
  asText<Method extends TextMethod>(
    view: UnitView,
    method: Method,
    ...args: Parameters<Store[Method]>
  ): Promise<string>
}

/** Whether a store works, and why not; the reason contains no path of the machine. */
export type Readiness =
  | { readonly isReady: true }
  | { readonly isReady: false; readonly reason: string }

/**
 * Stores knowledge units, their review state, users and API keys.
 *
 * - A write that has resolved is seen by every read that starts after it.
 * - Every failure is a `StoreError`. Besides those that a method names, any call may fail with `overloaded`,
 *   `timeout`, `unavailable` or `corrupt`; writes with `outcome_unknown` or `read_only`; and every call with
 *   `closed` once the store is closed.
 * - Records are spelled as they are stored and sent: snake_case, ISO 8601, absent values `null`.
 * - Documents that other programs stored are completed with cq's defaults. A unit whose document cq's clients could
 *   not read is treated as absent, and logged.
 * - An option that is `undefined` is ignored; an unknown one is `invalid`.
 * - A result with units ends with the one that makes it longer than 4 Mi characters. Pages may therefore be shorter
 *   than requested; only an empty page is the last.
 *
 * Source: the Store protocol of cq's reference server, in camelCase, with atomic operations (`confirm`, `flag`,
 * `decide`, `insertMany`), results of one snapshot (`reviewItem`, `reviewQueue`, `stats`, `reviewStats`), `asText`,
 * `units`, and `Administration`.
 */
export interface Store
  extends KnowledgeUnits,
    Proposals,
    Search,
    Reviews,
    Browsing,
    Curation,
    Statistics,
    Accounts,
    Sessions,
    Administration,
    Iteration,
    Texts,
    AsyncDisposable {
  /**
   * Whether reads, queries and writes work now. It never fails, and takes at most as long as a call may. Once damage
   * was found, a store is not ready until it is opened again.
   */
  readiness(): Promise<Readiness>

  /** Refuses new calls, finishes those that were accepted, then closes the database. Idempotent. */
  close(): Promise<void>
}
