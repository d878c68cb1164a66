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

/** How most documents end: without flags, which lack fields of their own. */
const usualEnd =
  /^"tier":"\w+"(,"created_by":"(?:[^"\\]|\\.)*")?(,"superseded_by":"(?:[^"\\]|\\.)*")?,"flags":\[\]}$/

/**
 * A stored document as the text of a whole `KnowledgeUnit`. Releases of the reference server left
 * null fields out or wrote them, so what is missing is appended. Most documents need no parsing for
 * it: inside a text each quote is escaped, so a quoted name is a name, unless it is one of extensions.
 */
export function completeText(stored: string): string {
  const end = stored.slice(stored.lastIndexOf('"tier":"'))
  const [usual, createdBy, supersededBy] = usualEnd.exec(end) ?? []
  if (usual === undefined || stored.includes('"extensions":'))
    return JSON.stringify(fromStoredText(stored))
  let missing = ',"extensions":null'
  if (createdBy === undefined) missing += ',"created_by":null'
  if (supersededBy === undefined) missing += ',"superseded_by":null'
  return `${stored.slice(0, -1)}${missing}}`
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
