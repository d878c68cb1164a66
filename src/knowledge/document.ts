import { StoreError } from '../errors.ts'
import type { Flag, KnowledgeUnit } from './knowledge-unit.ts'

/** A unit as the reference server stores it: compact JSON, null fields left out. */
export function toStoredText(unit: KnowledgeUnit): string {
  const { created_by, superseded_by, extensions, flags, ...always } = unit
  return JSON.stringify({
    ...always,
    ...(created_by !== null && { created_by }),
    ...(superseded_by !== null && { superseded_by }),
    ...(extensions !== null && { extensions }),
    flags: flags.map(({ detail, duplicate_of, ...rest }) => ({
      ...rest,
      ...(detail !== null && { detail }),
      ...(duplicate_of !== null && { duplicate_of }),
    })),
  })
}

/**
 * For whom a unit is written. `whole`: a `KnowledgeUnit`, as a Store gives it. `review`: the same for the
 * wire, where nobody is the empty text. `legacy`: so, too, and without the detail of flags, which is for
 * reviewers. `public`: without that detail, and without `created_by` at all.
 */
export type UnitView = 'whole' | 'review' | 'legacy' | 'public'

/** How most documents end: without flags and extensions, which hold what a view leaves out or completes. */
const usualEnd =
  /^("tier":"\w+")(?:,"created_by":(null|"(?:[^"\\]|\\.)*"))?(?:,"superseded_by":(null|"(?:[^"\\]|\\.)*"))?(?:,"extensions":null)?,"flags":\[\]}$/

/**
 * A stored document as the text of a unit, seen as one of the views. Releases of the reference server left
 * null fields out or wrote them, so what is missing is added. Most documents need no parsing for it:
 * inside a text each quote is escaped, so what is quoted at the end of a document are its fields.
 * @throws {StoreError} `corrupt` where it is no unit, as far as that is looked at
 */
export function unitText(stored: string, view: UnitView): string {
  const end = stored.lastIndexOf('"tier":"')
  const [, tier, createdBy = 'null', supersededBy = 'null'] = usualEnd.exec(stored.slice(end)) ?? []
  const beginning = stored.slice(0, end)
  if (tier === undefined || mayNameThem(beginning))
    return JSON.stringify(seenAs(view, fromStoredText(stored)))
  return `${beginning}${tier}${proposer(view, createdBy)},"superseded_by":${supersededBy},"extensions":null,"flags":[]}`
}

/** Whether a field of the end may be named earlier, too; a name can be spelled with escapes. */
function mayNameThem(beginning: string): boolean {
  return ['_by"', '"extensions"', '\\u00'].some((part) => beginning.includes(part))
}

function proposer(view: UnitView, createdBy: string): string {
  if (view === 'public') return ''
  return `,"created_by":${createdBy === 'null' && view !== 'whole' ? '""' : createdBy}`
}

function seenAs(view: UnitView, unit: KnowledgeUnit): Partial<KnowledgeUnit> {
  if (view === 'whole') return unit
  const { created_by, flags, ...others } = unit
  return {
    ...others,
    ...(view !== 'public' && { created_by: created_by ?? '' }),
    flags: view === 'review' ? flags : flags.map((flag) => ({ ...flag, detail: null })),
  }
}

/**
 * A stored document as a whole `KnowledgeUnit`.
 * @throws {StoreError} `corrupt` where it is none, which only another program can have stored
 */
export function fromStoredText(stored: string): KnowledgeUnit {
  const unit = readDocument(stored)
  return {
    ...unit,
    created_by: unit.created_by ?? null,
    superseded_by: unit.superseded_by ?? null,
    extensions: unit.extensions ?? null,
    flags: (unit.flags ?? []).map(
      (flag: Partial<Flag> & Pick<Flag, 'reason' | 'timestamp'>): Flag => ({
        ...flag,
        detail: flag.detail ?? null,
        duplicate_of: flag.duplicate_of ?? null,
      }),
    ),
  }
}

function readDocument(stored: string): KnowledgeUnit {
  let document: Partial<KnowledgeUnit> | null
  try {
    document = JSON.parse(stored)
  } catch (error) {
    throw notAUnit(stored, 'is no JSON', error)
  }
  for (const part of ['insight', 'context', 'evidence'] as const)
    if (typeof document?.[part] !== 'object' || document[part] === null)
      throw notAUnit(stored, `has no ${part}`)
  if (!Array.isArray(document?.domains)) throw notAUnit(stored, 'has no domains')
  return document as KnowledgeUnit
}

function notAUnit(stored: string, why: string, cause?: unknown): StoreError {
  const begins = JSON.stringify(stored.slice(0, 64))
  const message = `a stored document is no knowledge unit: it ${why}; it begins with ${begins}`
  return new StoreError('corrupt', message, { cause })
}
