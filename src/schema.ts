import type { Generated } from 'kysely'

/**
 * The most domains of a unit that is in a list for each two of them, and for each three: those are many
 * where domains are.
 */
export const mostPaired = 6
export const mostTripled = 4
/** The most pairs of a framework and a language of a unit that is in a list for each of these. */
export const mostCombined = 9

/** The tables as Kysely sees them. Timestamps are text, see `knowledge/timestamps.ts`. */
export interface Schema {
  knowledge_units: {
    id: string
    /** The unit's document, JSON as text. */
    data: string
    status: Generated<string>
    reviewed_by: string | null
    reviewed_at: string | null
    /** The document's first_observed. */
    created_at: string | null
    tier: Generated<string>
  }
  knowledge_unit_domains: { unit_id: string; domain: string }
  /**
   * Lists of approved units, each in the order in which queries read it. Kept true by triggers, see
   * `migrations/ranking-index.ts`.
   */
  cq_store_ranking: {
    domain: string
    /**
     * What the list's units have besides the domain: nothing, as `''`; another domain that sorts after
     * it, as `domain:wal`, or two in order, as `domains:3:walworker` with the length of the first, for
     * units of few domains; or something in their context, as `frameworks:3:gin`, `languages:2:go`,
     * `pattern:8:cli-tool` in lower case, or `pattern?` for a pattern that is not all ASCII, or two or
     * three of these, as `frameworks:3:ginlanguages:2:go`, each with its length in bytes. Units with many
     * frameworks and languages are in `frameworks+languages?`, and in no list for one of each.
     */
    also: string
    /** How many domains the unit has. */
    size: number
    confidence: number
    unit_id: string
  }
  /** How many units there are of each kind and name, kept by triggers, see `migrations/counters.ts`. */
  cq_store_counts: { kind: string; name: string; count: number }
  /** How many approved units there are of each confidence, kept likewise. */
  cq_store_confidence_counts: { confidence: number; count: number }
  /** The sums of these, see `migrations/confidence-buckets.ts`. */
  cq_store_confidence_buckets: { bucket: number; count: number }
  users: { id: Generated<number>; username: string; password_hash: string; created_at: string }
  api_keys: {
    id: string
    user_id: number
    name: string
    /** A JSON array of strings, as text. */
    labels: Generated<string>
    key_prefix: string
    key_hash: string
    ttl: string
    expires_at: string
    created_at: string
    last_used_at: string | null
    revoked_at: string | null
  }
}
