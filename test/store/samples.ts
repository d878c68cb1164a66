import type { KnowledgeUnit, NewApiKey } from '../../src/index.ts'

/** The id of the unit of this number. Ids sort as their numbers do. */
export function unitId(number: number): string {
  return `ku_${hexadecimal(number)}`
}

/** The id of the API key of this number. Ids sort as their numbers do. */
export function keyId(number: number): string {
  return hexadecimal(number)
}

function hexadecimal(number: number): string {
  return number.toString(16).padStart(32, '0')
}

/** An instant as a unit's document spells it. */
export function documentTime(instant: Date): string {
  return instant.toISOString().replace('Z', '000Z')
}

/** An instant as the columns spell it. */
export function columnTime(instant: Date): string {
  return instant.toISOString().replace('Z', '000+00:00')
}

/** A clock that stands still until a test moves it. */
export class TestClock {
  #time: number

  constructor(start: string) {
    this.#time = Date.parse(start)
  }

  /** Bound, so that it can be handed on as it is. */
  readonly now = (): Date => new Date(this.#time)

  set(instant: string): void {
    this.#time = Date.parse(instant)
  }

  advance(milliseconds: number): void {
    this.#time += milliseconds
  }
}

/** What a sample unit may be told to have; the rest is the same for every sample. */
export type SampleParts = Partial<
  Omit<KnowledgeUnit, 'id' | 'insight' | 'context' | 'evidence'> & {
    readonly insight: Partial<KnowledgeUnit['insight']>
    readonly context: Partial<KnowledgeUnit['context']>
    readonly evidence: Partial<KnowledgeUnit['evidence']>
  }
>

/** A whole unit, spelled as a Store gives it back: what was inserted can be compared with what is read. */
export function sampleUnit(id: string, observed: Date, parts: SampleParts = {}): KnowledgeUnit {
  const { insight, context, evidence, ...others } = parts
  return {
    id,
    version: 1,
    domains: ['sample'],
    insight: { summary: `Summary of ${id}`, detail: 'Detail', action: 'Action', ...insight },
    context: { languages: [], frameworks: [], pattern: '', ...context },
    evidence: {
      confidence: 0.5,
      confirmations: 1,
      first_observed: documentTime(observed),
      last_confirmed: documentTime(observed),
      ...evidence,
    },
    tier: 'private',
    created_by: null,
    superseded_by: null,
    extensions: null,
    flags: [],
    ...others,
  }
}

/** The name of the user of this number. */
export function username(number: number): string {
  return `user-${number}`
}

/** What stands for a password in tests that check none. */
export const passwordHash = '$2b$12$abcdefghijklmnopqrstuuFbHQxTzKcQyWmVUkF5gC1p6iEJpZJ3W'

/** A key to store. Its hash and its prefix follow from its id. */
export function sampleKey(
  id: string,
  userId: number,
  expires: Date,
  parts: Partial<NewApiKey> = {},
): NewApiKey {
  return {
    keyId: id,
    userId,
    name: `Key ${id.slice(-4)}`,
    labels: ['ci', 'laptop'],
    keyPrefix: id.slice(-8),
    keyHash: id.repeat(2),
    ttl: '30d',
    expiresAt: columnTime(expires),
    ...parts,
  }
}
