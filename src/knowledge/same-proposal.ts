import { createHash } from 'node:crypto'
import { normalizeDomains } from './domains.ts'
import type { KnowledgeUnit } from './records.ts'

/** For how long a proposal that is made again is recognised, in milliseconds. */
export const recognisedFor = 24 * 60 * 60 * 1_000

/** By what a proposal is recognised. Hashes: nothing of its text can be read from them. */
export interface ProposalMark {
  /** The proposer's idempotency key, or what is proposed where there is none. */
  readonly key: string
  /** What is proposed under an idempotency key; `null` without one, where the key says it. */
  readonly fingerprint: string | null
}

/** @param idempotencyKey `undefined` for none */
export function proposalMark(
  unit: Pick<KnowledgeUnit, 'domains' | 'insight' | 'created_by'>,
  idempotencyKey: string | undefined,
): ProposalMark {
  const { summary, detail, action } = unit.insight
  const texts = [summary, detail, action].map(normalized)
  const fingerprint = hashOf(normalizeDomains(unit.domains).map(normalized).sort(), texts)
  const proposer = unit.created_by ?? ''
  return idempotencyKey === undefined
    ? { key: hashOf('proposal', proposer, fingerprint), fingerprint: null }
    : { key: hashOf('key', proposer, idempotencyKey), fingerprint }
}

/** A text as it is compared: letter case, white space and how characters are composed do not matter. */
function normalized(text: string): string {
  return text.normalize('NFC').toLowerCase().replaceAll(/\s+/gu, ' ').trim()
}

/** Of 144 bits, which no two proposals share. */
function hashOf(...parts: unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest()
  return hash.subarray(0, 18).toString('base64url')
}
