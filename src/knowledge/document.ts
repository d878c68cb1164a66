import { isNumberText, isReadableNumber, parseExactly } from './exact-json.ts'
import { extensionKey, isUnitId, mostCounted, mostExtensions } from './knowledge-unit.ts'
import { type Flag, flagReasons, type KnowledgeUnit, tiers } from './records.ts'
import { isTimestamp, normalizeTimestamp } from './timestamps.ts'
import { quoted } from './validation.ts'

/** A unit's document as the reference server stores it: compact JSON without null fields. */
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

/** The columns that a unit is read from. Other programs may have written them. */
export interface StoredUnit {
  readonly id: string
  /** The document, JSON as text. */
  readonly data: string
  readonly created_at: string | null
}

/** Thrown if a stored document is not a unit that cq's clients could read. */
export class UnreadableDocument extends Error {
  override readonly name = 'UnreadableDocument'

  constructor({ id }: StoredUnit, why: string) {
    // An id that is malformed may hold anything.
    super(`the document of ${isUnitId(id) ? id : quoted(id)} ${why}`)
  }
}

/** Why a document cannot be read: `has no insight`. */
class Misfit extends Error {
  override readonly name = 'Misfit'
}

/**
 * For whom a unit is written.
 * - `whole`: a `KnowledgeUnit`, as a Store returns it.
 * - `review`: the same on the wire, where an absent name is the empty string.
 * - `legacy`: as `review`, without the detail of flags, which is for reviewers.
 * - `public`: as `legacy`, without `created_by`.
 * The last two, for agents, also omit what would make strict clients refuse the whole answer.
 */
export const unitViews = ['whole', 'review', 'legacy', 'public'] as const
export type UnitView = (typeof unitViews)[number]

const text =
  '"[^"\\\\\\x00-\\x1f]*(?:\\\\(?:["\\\\/bfnrt]|u(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}))[^"\\\\\\x00-\\x1f]*)*"'
const texts = `\\[(?:${text}(?:,${text})*)?\\]`
const time = '"(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z)"'

/**
 * A document as most are: every field in the usual order, without flags and extensions. It is sent on without
 * being parsed.
 */
const usual = new RegExp(
  [
    '^(\\{"id":"(ku_[0-9a-f]{32})","version":[1-9]\\d{0,8}',
    `"domains":\\[${text}(?:,${text})*\\]`,
    `"insight":\\{"summary":${text},"detail":${text},"action":${text}\\}`,
    `"context":\\{"languages":${texts},"frameworks":${texts},"pattern":${text}\\}`,
    '"evidence":\\{"confidence":(?:1(?:\\.0+)?|0(?:\\.\\d+)?|\\d(?:\\.\\d+)?e-0?[1-9]\\d?)',
    `"confirmations":(?:0|[1-9]\\d{0,8}),"first_observed":${time},"last_confirmed":${time}\\}`,
    `"tier":"(?:${tiers.join('|')})")(?:,"created_by":(null|${text}))?` +
      '(?:,"superseded_by":(null|"ku_[0-9a-f]{32}"))?(?:,"extensions":null)?',
    '"flags":\\[\\]\\}$',
  ].join(','),
)

/** Longer documents are not matched: millions of escapes overflow V8's stack. */
const longestUsual = 1_000_000

/** The parts of a document in the usual order; `undefined` for any other. */
function partsOf({ id, data }: StoredUnit): RegExpExecArray | undefined {
  const parts = data.length > longestUsual ? undefined : usual.exec(data)
  return parts?.[2] === id ? parts : undefined
}

/** The parts of a usual document; `undefined` for any other. */
function partsOfUsual(stored: StoredUnit): RegExpExecArray | undefined {
  const parts = partsOf(stored)
  if (!parts) return undefined
  return isTimestamp(parts[3] as string) && isTimestamp(parts[4] as string) ? parts : undefined
}

/**
 * A stored unit to be sent on as text, completed with what its document lacks. The document is parsed only if it
 * is unusual.
 */
export class UnitText {
  /** The parts of a usual document, */
  readonly #parts: RegExpExecArray | undefined
  /** or the unit of any other. */
  readonly #unit: KnowledgeUnit | undefined

  /**
   * @param unit what the document holds, if that is known
   * @throws {UnreadableDocument}
   */
  constructor(stored: StoredUnit, unit?: KnowledgeUnit) {
    this.#parts = partsOfUsual(stored)
    if (!this.#parts) this.#unit = unit ?? readUnit(stored)
  }

  /** The unit in a view, as JSON text. */
  seenAs(view: UnitView): string {
    if (this.#unit) return JSON.stringify(seenAs(view, this.#unit))
    const [, beginning, , , , createdBy = 'null', supersededBy = 'null'] = this.#parts ?? []
    return `${beginning}${proposer(view, createdBy)},"superseded_by":${supersededBy},"extensions":null,"flags":[]}`
  }
}

function proposer(view: UnitView, createdBy: string): string {
  if (view === 'public') return ''
  return `,"created_by":${createdBy === 'null' && view !== 'whole' ? '""' : createdBy}`
}

function seenAs(view: UnitView, unit: KnowledgeUnit): Partial<KnowledgeUnit> {
  if (view === 'whole') return unit
  const created_by = unit.created_by ?? ''
  if (view === 'review') return { ...unit, created_by }
  return view === 'public' ? forAgents(unit) : { ...forAgents(unit), created_by }
}

/**
 * A unit as agents see it: without fields that cq does not know, and without anything that makes strict clients
 * refuse the whole answer, as a single wrong value may.
 */
export function forAgents(unit: KnowledgeUnit): Omit<KnowledgeUnit, 'created_by'> {
  const { superseded_by, flags } = withSoundReferences(unit)
  const { id, version, domains, insight, context, evidence, tier } = unit
  const { summary, detail, action } = insight
  const { languages, frameworks, pattern } = context
  const { confidence, confirmations, first_observed, last_confirmed } = evidence
  const extensions = Object.entries(unit.extensions ?? {}).filter(
    ([key, value]) => extensionKey.test(key) && isForAll([key, value]),
  )
  return {
    id,
    version,
    domains,
    insight: { summary, detail, action },
    context: { languages, frameworks, pattern },
    evidence: { confidence, confirmations, first_observed, last_confirmed },
    tier,
    superseded_by,
    extensions: unit.extensions && Object.fromEntries(extensions.slice(0, mostExtensions)),
    flags: flags.map(({ reason, timestamp, duplicate_of }) => ({
      reason,
      timestamp,
      detail: null,
      duplicate_of,
    })),
  }
}

/** Whether every JSON reader accepts a value: it has no lone surrogate and no number out of range. */
function isForAll(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  if (isNumberText(value)) return isReadableNumber(value)
  return Object.entries(value).flat().every(isForAll)
}

/**
 * A unit without references that cannot be ids, and without duplicate flags that name no other unit: earlier
 * versions, and the reference server, stored such.
 */
export function withSoundReferences(unit: KnowledgeUnit): KnowledgeUnit {
  const flags = unit.flags
    .map((flag) => ({ ...flag, duplicate_of: referenceIn(flag.duplicate_of) }))
    .filter(({ reason, duplicate_of }) => reason !== 'duplicate' || isOther(unit.id, duplicate_of))
  return { ...unit, superseded_by: referenceIn(unit.superseded_by), flags }
}

function referenceIn(id: string | null): string | null {
  return isUnitId(id) ? id : null
}

function isOther(id: string, reference: string | null): boolean {
  return reference !== null && reference !== id
}

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * A stored unit as a whole `KnowledgeUnit`. Absent fields and nulls get cq's defaults, since cq requires few
 * fields; fields that it does not know are kept.
 * @throws {UnreadableDocument}
 */
export function readUnit(stored: StoredUnit): KnowledgeUnit {
  if (partsOfUsual(stored)) return readUsual(stored.data)
  try {
    return readDocument(stored)
  } catch (error) {
    throw error instanceof Misfit ? new UnreadableDocument(stored, error.message) : error
  }
}

/** What a unit is ranked by. */
export interface RankedParts extends Pick<KnowledgeUnit, 'domains' | 'context' | 'tier'> {
  readonly evidence: Pick<
    KnowledgeUnit['evidence'],
    'confidence' | 'confirmations' | 'last_confirmed'
  >
  readonly flags: readonly unknown[]
}

/**
 * What a stored unit is ranked by, as in `readUnit`. Cut out of a usual document, since parsing takes twice as
 * long and an index is loaded from every document.
 * @throws {UnreadableDocument}
 */
export function readRankedParts(stored: StoredUnit): RankedParts {
  const [, beginning, , , lastConfirmed] = partsOf(stored) ?? []
  if (beginning === undefined || lastConfirmed === undefined) return readUnit(stored)
  let end = 0
  // None of these marks is inside a string, where its quotes would be escaped.
  const between = (before: string, after: string) => {
    const start = beginning.indexOf(before, end) + before.length
    end = beginning.indexOf(after, start)
    return beginning.slice(start, end)
  }
  return {
    domains: textsIn(between('"domains":', ',"insight":')),
    context: {
      languages: textsIn(between(',"context":{"languages":', ',"frameworks":')),
      frameworks: textsIn(between('"frameworks":', ',"pattern":')),
      pattern: textIn(between('"pattern":', '},"evidence":')),
    },
    evidence: {
      confidence: Number(between('"confidence":', ',"confirmations":')),
      confirmations: Number(between('"confirmations":', ',"first_observed":')),
      last_confirmed: lastConfirmed,
    },
    flags: [],
    tier: textIn(beginning.slice(beginning.lastIndexOf(':') + 1)) as KnowledgeUnit['tier'],
  }
}

function textsIn(json: string): string[] {
  if (json.includes('\\')) return JSON.parse(json)
  return json === '[]' ? [] : json.slice(2, -2).split('","')
}

function textIn(json: string): string {
  return json.includes('\\') ? JSON.parse(json) : json.slice(1, -1)
}

/** In a usual document, every value is valid and every number exact. */
function readUsual(data: string): KnowledgeUnit {
  const document = JSON.parse(data) as KnowledgeUnit
  const { created_by = null, superseded_by = null, extensions = null, flags, ...unit } = document
  return { ...unit, created_by, superseded_by, extensions, flags }
}

function readDocument({ id, data, created_at }: StoredUnit): KnowledgeUnit {
  const document = parseDocument(data)
  if (document.id !== id) throw new Misfit(`has the id ${quoted(document.id)}`)
  if (!isUnitId(id)) throw new Misfit(`has ${quoted(id)} as its id`)
  const insight = read(document, 'insight', isFields)
  const context = read(document, 'context', isFields, {})
  const evidence = read(document, 'evidence', isFields, {})
  const flags = read(document, 'flags', isArray, [])
  const observed = observedIn(evidence, created_at)
  return completed(document, {
    id,
    version: read(document, 'version', isCountFrom(1), 1),
    domains: read(document, 'domains', isFilledTexts),
    insight: completed(insight, {
      summary: read(insight, 'summary', isText),
      detail: read(insight, 'detail', isText),
      action: read(insight, 'action', isText),
    }),
    context: completed(context, {
      languages: read(context, 'languages', isTexts, []),
      frameworks: read(context, 'frameworks', isTexts, []),
      pattern: read(context, 'pattern', isText, ''),
    }),
    evidence: completed(evidence, {
      confidence: read(evidence, 'confidence', isConfidence, 0.5),
      confirmations: read(evidence, 'confirmations', isCountFrom(0), 1),
      ...observed,
    }),
    tier: read(document, 'tier', isOneOf(tiers), 'private'),
    created_by: read(document, 'created_by', isNullableText, null),
    superseded_by: read(document, 'superseded_by', isNullableText, null),
    extensions: read(document, 'extensions', isNullableFields, null) as KnowledgeUnit['extensions'],
    flags: flags.map((flag): Flag => {
      if (!isFields(flag)) throw new Misfit(`has ${quoted(flag)} as a flag`)
      return completed(flag, {
        reason: read(flag, 'reason', isOneOf(flagReasons)),
        timestamp: timeIn(flag.timestamp) ?? observed.last_confirmed,
        detail: read(flag, 'detail', isNullableText, null),
        duplicate_of: read(flag, 'duplicate_of', isNullableText, null),
      })
    }),
  })
}

function parseDocument(data: string): Fields {
  let document: unknown
  try {
    document = parseExactly(data)
  } catch {
    throw new Misfit(`is not JSON; it begins with ${quoted(data)}`)
  }
  if (nestsTooDeep(document)) throw new Misfit('nests too deep')
  if (isFields(document)) return document
  throw new Misfit(`is ${quoted(document)}, not a JSON object`)
}

/** Deeper than any accepted document, and less deep than `JSON.stringify` can go. */
const deepestNesting = 500

/** Whether a document nests too deep to be written again. */
export function nestsTooDeep(value: unknown, depth = deepestNesting): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((part) => nestsTooDeep(part, depth - 1))
}

/**
 * One of the two times stands in for the other; without both, the row's time or the epoch does. What is not a
 * time counts as absent: a unit is worth more than its age.
 */
function observedIn(evidence: Fields, createdAt: string | null) {
  const first = timeIn(evidence.first_observed)
  const last = timeIn(evidence.last_confirmed)
  const observed = first ?? last ?? timeIn(createdAt) ?? '1970-01-01T00:00:00.000000Z'
  return { first_observed: observed, last_confirmed: last ?? observed }
}

/** A time in a document's form; `undefined` if it is not a time. */
function timeIn(value: unknown): string | undefined {
  return typeof value === 'string' && isTimestamp(value) ? normalizeTimestamp(value) : undefined
}

/** A field of a document, or its default. @throws {Misfit} if it has another type */
function read<T>(
  fields: Fields,
  name: string,
  isRight: (value: unknown) => value is T,
  fallback?: NoInfer<T>,
): T {
  const value = fields[name] ?? fallback
  if (value === undefined) throw new Misfit(`has no ${name}`)
  if (!isRight(value)) throw new Misfit(`has ${quoted(value)} as its ${name}`)
  return value
}

/** The known fields in their order, then all others of the document. */
function completed<Known extends object>(fields: Fields, known: Known): Known {
  for (const name of Object.keys(fields))
    if (!Object.hasOwn(known, name)) return { ...known, ...fields, ...known }
  return known
}

/** Whether it is an object, and not a number that was kept as text. */
export function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !isNumberText(value)
  )
}

const isNullableFields = (value: unknown) => value === null || isFields(value)
const isArray = (value: unknown): value is unknown[] => Array.isArray(value)
/** A string without lone surrogates, which strict JSON readers refuse. */
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.isWellFormed()
const isNullableText = (value: unknown) => value === null || isText(value)
const isTexts = (value: unknown): value is string[] => isArray(value) && value.every(isText)
const isFilledTexts = (value: unknown): value is string[] => isTexts(value) && value.length > 0
const isConfidence = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 1
const isCountFrom =
  (least: number) =>
  (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= mostCounted
const isOneOf =
  <T extends string>(values: readonly T[]) =>
  (value: unknown): value is T =>
    values.includes(value as T)
