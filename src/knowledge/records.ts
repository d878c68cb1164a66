/** cq's names for how widely a unit is shared. */
export const tiers = ['local', 'private', 'public'] as const
export type Tier = (typeof tiers)[number]

/** Why a unit may be flagged. */
export const flagReasons = ['stale', 'incorrect', 'duplicate'] as const
export type FlagReason = (typeof flagReasons)[number]

/** What a reviewer may decide of a pending unit. */
export const decisions = ['approved', 'rejected'] as const
export type Decision = (typeof decisions)[number]

/** Where a unit may stand in review. */
export const unitStatuses = ['pending', ...decisions] as const
export type UnitStatus = (typeof unitStatuses)[number]

/** What an operator may let a user do. */
export const roles = ['member', 'reviewer', 'admin'] as const
export type Role = (typeof roles)[number]

/** In which order units are browsed. */
export const browseOrders = ['newest', 'oldest', 'decided'] as const
export type BrowseOrder = (typeof browseOrders)[number]

/** What was learnt. */
export interface Insight {
  /** What it is, in a sentence; at most 500 characters. */
  summary: string
  /** The explanation; at most 8,000 characters. */
  detail: string
  /** What to do; at most 2,000 characters. */
  action: string
}

/** Where an insight applies: units that fit a query's context rank higher. */
export interface Context {
  /** At most 16, each of at most 64 characters; compared exactly. */
  languages: string[]
  /** At most 16, each of at most 64 characters; compared exactly. */
  frameworks: string[]
  /** At most 200 characters; letter case does not matter. `''` if there is none. */
  pattern: string
}

/** How sure one may be of a unit. */
export interface Evidence {
  /** From 0 to 1. A confirmation adds 0.1, a flag subtracts 0.15. */
  confidence: number
  /** From 0 to 2,147,483,647. */
  confirmations: number
  /** RFC 3339, UTC, microseconds: `2026-11-22T00:27:30.476797Z`. */
  first_observed: string
  /** RFC 3339, UTC, microseconds. */
  last_confirmed: string
}

/** An agent's objection to a unit. */
export interface Flag {
  reason: FlagReason
  /** RFC 3339, UTC, microseconds. */
  timestamp: string
  /** For reviewers; at most 1,000 characters. */
  detail: string | null
  /** The id of the unit that stays, if the reason is `duplicate`. */
  duplicate_of: string | null
}

/** A piece of shared knowledge, spelled as cq sends it. Every field is present; absent values are `null`. */
export interface KnowledgeUnit {
  /** `ku_` and 32 hexadecimal digits. */
  id: string
  /** From 1 to 2,147,483,647. */
  version: number
  /** 1 to 16, each of at most 64 characters: lower case, stripped, without repetitions. */
  domains: string[]
  insight: Insight
  context: Context
  evidence: Evidence
  tier: Tier
  /** Who proposed it; at most 256 characters. */
  created_by: string | null
  /** The id of a unit that replaces it. */
  superseded_by: string | null
  /** Any JSON under at most 20 namespaced keys, `vendor:key`, nested at most 100 deep. */
  extensions: { [key: string]: unknown } | null
  /** At most 100 are added by `Store.flag`. */
  flags: Flag[]
}

/** A flag as `Store.flag` takes it. */
export interface FlagInput {
  readonly reason: FlagReason
  /** For reviewers; at most 1,000 characters. */
  readonly detail?: string | null | undefined
  /** The id of the unit that stays; required if the reason is `duplicate`. */
  readonly duplicate_of?: string | null | undefined
}

/** A unit as a Store takes it, with the limits of `KnowledgeUnit`. Absent fields get cq's defaults. */
export interface KnowledgeUnitInput {
  readonly id: string
  /** @default 1 */
  readonly version?: number | undefined
  /** Normalised by the Store. */
  readonly domains: readonly string[]
  readonly insight: Readonly<Insight>
  readonly context?:
    | {
        /** @default [] */
        readonly languages?: readonly string[] | undefined
        /** @default [] */
        readonly frameworks?: readonly string[] | undefined
        /** @default '' */
        readonly pattern?: string | undefined
      }
    | undefined
  readonly evidence?:
    | {
        /** @default 0.5 */
        readonly confidence?: number | undefined
        /** @default 1 */
        readonly confirmations?: number | undefined
        /** RFC 3339. @default `last_confirmed`, or now */
        readonly first_observed?: string | null | undefined
        /** RFC 3339. @default `first_observed`, or now */
        readonly last_confirmed?: string | null | undefined
      }
    | undefined
  /** @default 'private' */
  readonly tier?: Tier | undefined
  readonly created_by?: string | null | undefined
  readonly superseded_by?: string | null | undefined
  readonly extensions?: { readonly [key: string]: unknown } | null | undefined
  /** @default [] */
  readonly flags?: readonly (FlagInput & { readonly timestamp: string })[] | undefined
}

/** What `createKnowledgeUnit` takes: a unit without the fields that it sets. */
export type NewKnowledgeUnit = Omit<KnowledgeUnitInput, 'id' | 'version' | 'evidence' | 'flags'>
