import { randomUUID } from 'node:crypto'
import type { JSONSchema } from 'json-schema-to-ts'
import { StoreError } from '../errors.ts'
import { normalizeDomains } from './domains.ts'
import { isNumberText, isReadableNumber } from './exact-json.ts'
import {
  type Flag,
  type FlagInput,
  flagReasons,
  type KnowledgeUnit,
  type KnowledgeUnitInput,
  type NewKnowledgeUnit,
  tiers,
} from './records.ts'
import { normalizeTimestamp } from './timestamps.ts'
import { checker, type Issue, quoted, storableText } from './validation.ts'

const text = (maxLength: number) => ({ type: 'string', maxLength, pattern: storableText }) as const
const nullableText = (maxLength: number) =>
  ({ type: ['string', 'null'], maxLength, pattern: storableText }) as const
// Bounds are typed as `number`: literals would make the derived type a union of tuples.
const tags = { type: 'array', maxItems: 16 as number, items: text(64) } as const

/** The largest integer that every client can read: cq's Go SDK uses 32 bits. */
export const mostCounted = 2_147_483_647

/**
 * The most domains, languages and frameworks of a query. cq's own schema allows 16 each, and its reference server
 * any number.
 */
export const mostQueried = 64

export const insightSchema = {
  type: 'object',
  required: ['summary', 'detail', 'action'],
  properties: { summary: text(500), detail: text(8000), action: text(2000) },
} as const satisfies JSONSchema

export const contextSchema = {
  type: 'object',
  properties: { languages: tags, frameworks: tags, pattern: text(200) },
} as const satisfies JSONSchema

export const domainsSchema = { ...tags, minItems: 1 as number } as const satisfies JSONSchema

const unitIdPattern = '^ku_[0-9a-f]{32}$'
const unitIdExpression = new RegExp(unitIdPattern)

/** Whether a value is a unit's id. */
export function isUnitId(value: unknown): value is string {
  return typeof value === 'string' && unitIdExpression.test(value)
}

const unitId = { type: 'string', pattern: unitIdPattern } as const
const nullableUnitId = { type: ['string', 'null'], pattern: unitIdPattern } as const

/** The longest name of who proposed a unit, in characters. */
const longestName = 256
export const mostExtensions = 20
/** Keys are namespaced, `vendor:key`, without what JavaScript or Python takes for whitespace. */
const extensionKeyPattern = '^[a-z0-9][a-z0-9_-]*:[^\\s\\x1c-\\x1f\\x85]+$'
export const extensionKey = new RegExp(extensionKeyPattern)

export const extensionsSchema = {
  type: ['object', 'null'],
  maxProperties: mostExtensions,
  propertyNames: { pattern: extensionKeyPattern },
  additionalProperties: true,
} as const satisfies JSONSchema

/** A duplicate must name the unit that stays: clients refuse a whole answer if one does not. */
const duplicatesNameAnother = {
  if: { required: ['reason'], properties: { reason: { const: 'duplicate' } } },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word
  then: { required: ['duplicate_of'], properties: { duplicate_of: { type: 'string' } } },
} as const

/** The schema of a `FlagInput`. */
export const flagSchema = {
  type: 'object',
  required: ['reason'],
  properties: {
    reason: { enum: flagReasons },
    detail: nullableText(1000),
    duplicate_of: nullableUnitId,
  },
  ...duplicatesNameAnother,
} as const satisfies JSONSchema

const timestamp = { type: 'string', format: 'timestamp' } as const
const nullableTimestamp = { type: ['string', 'null'], format: 'timestamp' } as const
const confidence = { type: 'number', minimum: 0, maximum: 1 } as const
const confirmations = { type: 'integer', minimum: 0, maximum: mostCounted } as const
const version = { type: 'integer', minimum: 1, maximum: mostCounted } as const

/** The schema of a `KnowledgeUnitInput`. */
export const knowledgeUnitInputSchema = {
  type: 'object',
  required: ['id', 'domains', 'insight'],
  properties: {
    id: unitId,
    version,
    domains: domainsSchema,
    insight: insightSchema,
    context: contextSchema,
    evidence: {
      type: 'object',
      properties: {
        confidence,
        confirmations,
        first_observed: nullableTimestamp,
        last_confirmed: nullableTimestamp,
      },
    },
    tier: { enum: tiers },
    created_by: nullableText(longestName),
    superseded_by: nullableUnitId,
    extensions: extensionsSchema,
    flags: {
      type: 'array',
      // As many as another program may have stored.
      maxItems: 10_000 as number,
      items: {
        ...flagSchema,
        required: ['reason', 'timestamp'],
        properties: { ...flagSchema.properties, timestamp },
      },
    },
  },
} as const satisfies JSONSchema

/** The schema of a `KnowledgeUnit`. */
export const knowledgeUnitSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'id',
    'version',
    'domains',
    'insight',
    'context',
    'evidence',
    'tier',
    'created_by',
    'superseded_by',
    'extensions',
    'flags',
  ],
  properties: {
    id: unitId,
    version,
    domains: domainsSchema,
    insight: { ...insightSchema, additionalProperties: false },
    context: {
      ...contextSchema,
      additionalProperties: false,
      required: ['languages', 'frameworks', 'pattern'],
    },
    evidence: {
      type: 'object',
      additionalProperties: false,
      required: ['confidence', 'confirmations', 'first_observed', 'last_confirmed'],
      properties: {
        confidence,
        confirmations,
        first_observed: timestamp,
        last_confirmed: timestamp,
      },
    },
    tier: { enum: tiers },
    created_by: nullableText(256),
    superseded_by: nullableText(256),
    extensions: extensionsSchema,
    flags: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['reason', 'timestamp', 'detail', 'duplicate_of'],
        properties: {
          ...flagSchema.properties,
          timestamp,
          duplicate_of: nullableText(256),
        },
      },
    },
  },
} as const satisfies JSONSchema

const checkUnit = checker<KnowledgeUnitInput>(
  'knowledge unit',
  knowledgeUnitInputSchema,
  findInExtensions,
)
const checkFlag = checker<FlagInput>('flag', flagSchema)

function checkDuplicate(id: string, duplicateOf: string | null | undefined): void {
  if (duplicateOf === id)
    throw new StoreError('invalid', 'invalid flag: duplicate_of must be the id of another unit')
}

/** A new id: `ku_` and the 32 hexadecimal digits of a random UUID. */
export function newUnitId(): string {
  return `ku_${randomUUID().replaceAll('-', '')}`
}

/**
 * Makes a unit as an agent proposes it: a new id, one confirmation, confidence 0.5, observed at `now`.
 * @throws {StoreError} `invalid`, naming every field that is wrong
 */
export function createKnowledgeUnit(proposal: NewKnowledgeUnit, now = new Date()): KnowledgeUnit {
  // Absent by type, but an object that came as JSON may have them.
  const decided = { version: undefined, evidence: undefined, flags: undefined }
  return parseKnowledgeUnit({ ...proposal, ...decided, id: newUnitId() }, now)
}

/** Units that are complete and checked, until they are taken. */
const checkedUnits = new WeakSet<object>()

/**
 * As `createKnowledgeUnit`, of a proposal whose fields were checked against the schemas above already. The unit is
 * not checked again when it is stored, and so must not be changed before.
 * @throws {StoreError} `invalid` for what the schemas cannot express
 */
export function completeProposal(proposal: NewKnowledgeUnit, now: Date): KnowledgeUnit {
  const [fault] = [...findInExtensions(proposal), ...findInName(proposal.created_by)]
  if (fault)
    throw new StoreError('invalid', `invalid knowledge unit: ${fault.path} ${fault.message}`)
  const unit = completeUnit({ ...proposal, id: newUnitId() }, now)
  checkedUnits.add(unit)
  return unit
}

/**
 * Checks a unit and completes it: domains normalised, timestamps in one form, defaults filled in. If only one of
 * first_observed and last_confirmed is given, it is used for both; without both, `now` is. Unknown fields are
 * dropped.
 * @throws {StoreError} `invalid`, naming every field that is wrong
 */
export function parseKnowledgeUnit(input: unknown, now: Date): KnowledgeUnit {
  if (checkedUnits.delete(input as object)) return input as KnowledgeUnit
  return completeUnit(checkUnit(input), now)
}

function completeUnit(unit: KnowledgeUnitInput, now: Date): KnowledgeUnit {
  const domains = normalizeDomains(unit.domains)
  if (domains.length === 0)
    throw new StoreError('invalid', 'At least one non-empty domain is required')
  // U+0130 becomes two characters in lower case.
  if (domains.some((domain) => [...domain].length > 64))
    throw new StoreError('invalid', 'invalid knowledge unit: domains must be at most 64 characters')
  for (const { duplicate_of } of unit.flags ?? []) checkDuplicate(unit.id, duplicate_of)
  const { first_observed: first, last_confirmed: last } = unit.evidence ?? {}
  const observed = first ?? last ?? now.toISOString()
  return {
    id: unit.id,
    version: unit.version ?? 1,
    domains,
    insight: {
      summary: unit.insight.summary,
      detail: unit.insight.detail,
      action: unit.insight.action,
    },
    context: {
      languages: [...(unit.context?.languages ?? [])],
      frameworks: [...(unit.context?.frameworks ?? [])],
      pattern: unit.context?.pattern ?? '',
    },
    evidence: {
      confidence: unit.evidence?.confidence ?? 0.5,
      confirmations: unit.evidence?.confirmations ?? 1,
      first_observed: normalizeTimestamp(observed),
      last_confirmed: normalizeTimestamp(last ?? observed),
    },
    tier: unit.tier ?? 'private',
    created_by: unit.created_by ?? null,
    superseded_by: unit.superseded_by ?? null,
    extensions: unit.extensions ?? null,
    flags: (unit.flags ?? []).map((flag) => ({
      reason: flag.reason,
      timestamp: normalizeTimestamp(flag.timestamp),
      detail: flag.detail ?? null,
      duplicate_of: flag.duplicate_of ?? null,
    })),
  }
}

/** Checks a flag of the unit with this id. @throws {StoreError} `invalid`, naming every field that is wrong */
export function parseFlag(id: string, input: unknown): Omit<Flag, 'timestamp'> {
  const flag = checkFlag(input)
  checkDuplicate(id, flag.duplicate_of)
  return {
    reason: flag.reason,
    detail: flag.detail ?? null,
    duplicate_of: flag.duplicate_of ?? null,
  }
}

/** The name of the account that proposes, which no schema of a request checks. */
function findInName(name: string | null | undefined): Issue[] {
  const length = [...(name ?? '')].length
  if (length <= longestName) return []
  return [
    { path: 'created_by', message: `must be at most ${longestName} characters, got ${length}` },
  ]
}

/** Extensions may be any JSON, which a schema cannot look into. */
function findInExtensions(unit: unknown): Issue[] {
  const { extensions } = (unit ?? {}) as { extensions?: unknown }
  const message = findUnstorable(extensions, 0)
  return message === undefined ? [] : [{ path: 'extensions', message }]
}

const storable = new RegExp(storableText, 'u')
/** How deep extensions may nest. Databases and serialisers have limits, the lowest at some hundreds. */
const deepestNesting = 100

/** Why the databases cannot store a value as JSON; `undefined` if they can. */
function findUnstorable(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string')
    return storable.test(value)
      ? undefined
      : `must hold no NUL and no lone surrogate, found in ${quoted(value)}`
  if (value === null || value === undefined || typeof value === 'boolean') return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return undefined
  if (isNumberText(value))
    return isReadableNumber(value)
      ? undefined
      : `must hold only numbers that a double can, found ${quoted(JSON.stringify(value))}`
  if (typeof value !== 'object')
    return `must hold only what JSON can, found a ${typeof value}: ${quoted(value)}`
  if (depth === deepestNesting) return `must nest at most ${deepestNesting} deep`
  const parts = Array.isArray(value) ? value : Object.entries(value).flat()
  for (const part of parts) {
    const found = findUnstorable(part, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}
