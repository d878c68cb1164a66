import type { Generated } from 'kysely'

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
   * The last changes of units that queries may find, or might before, each with a number higher than all
   * before it. Triggers note them, see `migrations/changes-and-counts.ts`.
   */
  cq_store_changes: { change: number; unit_id: string | null }
  /** How many units there are of each kind and name, kept likewise. */
  cq_store_counts: { kind: string; name: string; count: number }
  /** Who may do what, of those whom an operator has named. */
  cq_store_roles: { username: string; role: string }
  /** What reviewers did to units beside their first decision. Nothing of a unit's text is in it. */
  cq_store_history: {
    entry: Generated<number>
    unit_id: string
    at: string
    actor: string
    action: string
    detail: string
  }
  /** Units whose words are to be indexed, or taken out of the index. */
  cq_store_unindexed: { entry: Generated<number>; unit_id: string }
  /** Units whose words are indexed. PostgreSQL has the words here, too. */
  cq_store_texts: { unit_id: string }
  /** By what proposals of the last day are recognised, see `knowledge/same-proposal.ts`. */
  cq_store_proposals: {
    entry: Generated<number>
    key: string
    fingerprint: string | null
    unit_id: string
    /** In milliseconds since 1970. */
    at: number
  }
  /** Codes that a login made, for a program to fetch a token with, once. Only their hashes are stored. */
  cq_store_login_codes: {
    code_hash: string
    username: string
    /** That of the sessions which the code may begin. */
    generation: number
    /** Of PKCE, by S256. */
    code_challenge: string
    expires_at: string
  }
  /** Sessions that ended, until their tokens expire. */
  cq_store_ended_sessions: { session: string; expires_at: string }
  /** How often all of a user's sessions were ended, and when last. */
  cq_store_session_generations: { username: string; generation: number; ended_at: string }
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
