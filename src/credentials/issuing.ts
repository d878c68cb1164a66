import { stripAndDeduplicate } from '../knowledge/domains.ts'
import { columnToDocument, documentTimestamp } from '../knowledge/timestamps.ts'
import type { Ttl } from '../knowledge/ttl.ts'
import type { ApiKey, Store } from '../store.ts'
import { hashSecret, newApiKey } from './api-key.ts'

/** The most active keys of a user. */
const mostActiveKeys = 20

/** What a user chooses of a new API key. */
export interface ApiKeyRequest {
  readonly name: string
  readonly labels: readonly string[]
  readonly ttl: Ttl
}

/**
 * Issues an API key: stores its record, with a hash of its secret. The token cannot be shown again.
 * @throws {StoreError} `not_found`, `limit_reached`, and as `createApiKey` does
 */
export async function issueApiKey(
  store: Store,
  { name, labels, ttl }: ApiKeyRequest,
  userId: number,
  pepper: string,
  now: Date,
  { id, secret, token } = newApiKey(),
): Promise<{ readonly key: ApiKey; readonly token: string }> {
  const key = await store.createApiKey({
    keyId: id,
    userId,
    name,
    labels: stripAndDeduplicate(labels),
    keyPrefix: secret.slice(0, 8),
    keyHash: hashSecret(secret, pepper),
    ttl: ttl.text,
    expiresAt: documentTimestamp(new Date(now.getTime() + ttl.seconds * 1000)),
    activeLimit: mostActiveKeys,
  })
  return { key, token }
}

/** An API key as its owner sees it, as cq's HTTP API spells it: without its hash. */
export function presentApiKey(key: Omit<ApiKey, 'key_hash' | 'user_id'>, now: Date) {
  const isExpired = columnToDocument(key.expires_at) <= documentTimestamp(now)
  return {
    id: key.id,
    name: key.name,
    labels: key.labels,
    prefix: key.key_prefix,
    key_prefix: key.key_prefix,
    ttl: key.ttl,
    expires_at: key.expires_at,
    created_at: key.created_at,
    last_used_at: key.last_used_at,
    revoked_at: key.revoked_at,
    is_expired: isExpired,
    is_active: !isExpired && key.revoked_at === null,
  }
}
