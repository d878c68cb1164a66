import { isDeepStrictEqual } from 'node:util'
import { StoreError } from '../errors.ts'
import {
  readUnit,
  type StoredUnit,
  toStoredText,
  UnreadableDocument,
  withSoundReferences,
} from '../knowledge/document.ts'
import { normalizeDomains } from '../knowledge/domains.ts'
import { parseKnowledgeUnit } from '../knowledge/knowledge-unit.ts'
import { unitStatuses } from '../knowledge/records.ts'
import { isTimestamp } from '../knowledge/timestamps.ts'
import type { UnitStatus } from '../store.ts'

/** What is checked, in this order. */
export const checks = [
  'integrity',
  'foreign keys',
  'schema',
  'derived tables',
  'documents',
  'domains',
] as const
export type Check = (typeof checks)[number]

/** One thing that is wrong with a database. */
export interface Finding {
  readonly check: Check
  readonly message: string
}

/** What was repaired. */
export interface Rebuilt {
  /** The derived tables that were rebuilt. */
  readonly tables: readonly string[]
  /** The ids of units whose documents were repaired. */
  readonly documents: readonly string[]
}

/** The most examples of one kind of fault. */
export const mostExamples = 20

/** The document with sound references; `undefined` if it has these. */
export function mendedDocument(stored: StoredUnit): string | undefined {
  try {
    const unit = readUnit(stored)
    const mended = withSoundReferences(unit)
    return isDeepStrictEqual(unit, mended) ? undefined : toStoredText(mended)
  } catch (error) {
    if (error instanceof UnreadableDocument) return undefined
    throw error
  }
}

/** A unit with its domains, as a JSON array. */
export interface UnitRow extends StoredUnit {
  readonly tier: string
  readonly status: string
  readonly reviewed_at: string | null
  readonly domains: string
}

/** Faults of units, of which it is shown one after the other. */
export class UnitFaults {
  readonly #now = new Date()
  readonly #documents = new Examples()
  readonly #domains = new Examples()

  get documents(): string[] {
    return this.#documents.told
  }

  get domains(): string[] {
    return this.#domains.told
  }

  /** Looks at a unit. */
  find(row: UnitRow): void {
    const { id, status, reviewed_at } = row
    if (!unitStatuses.includes(status as UnitStatus))
      this.#documents.add(`${id} has the status ${JSON.stringify(status)}`)
    if (row.created_at === null || !isTimestamp(row.created_at))
      this.#documents.add(`${id} has no valid creation time, but ${JSON.stringify(row.created_at)}`)
    if (reviewed_at !== null && !isTimestamp(reviewed_at))
      this.#documents.add(`${id} has no valid review time, but ${JSON.stringify(reviewed_at)}`)
    this.#findInDocument(row, this.#now)
  }

  #findInDocument(row: UnitRow, now: Date): void {
    const { id, tier, domains } = row
    try {
      const stored = readUnit(row)
      const sound = withSoundReferences(stored)
      if (!isDeepStrictEqual(stored, sound))
        this.#documents.add(
          `${id} has a duplicate flag, duplicate_of or superseded_by that names no other unit; ` +
            'agents are not shown it, and --rebuild removes it',
        )
      const unit = parseKnowledgeUnit(sound, now)
      if (unit.tier !== tier)
        this.#documents.add(`${id} has the tier ${tier}, and ${unit.tier} in its document`)
      const rows = (JSON.parse(domains) as string[]).toSorted()
      const named = normalizeDomains(unit.domains).toSorted()
      if (JSON.stringify(rows) !== JSON.stringify(named))
        this.#domains.add(
          `${id} is found by ${JSON.stringify(rows)}, and its document names ${JSON.stringify(named)}`,
        )
    } catch (error) {
      if (error instanceof UnreadableDocument)
        this.#documents.add(`${error.message}, and is left out of answers`)
      else if (error instanceof StoreError) this.#documents.add(`${id}: ${error.message}`)
      else throw error
    }
  }
}

/** The first of many similar examples, and how many more there are. */
class Examples {
  readonly #first: string[] = []
  #more = 0

  add(message: string): void {
    if (this.#first.length < mostExamples) this.#first.push(message)
    else this.#more++
  }

  get told(): string[] {
    return this.#more === 0 ? this.#first : [...this.#first, `and ${this.#more} more like these`]
  }
}
