import fc from 'fast-check'
import type { StoredUnit } from '../../src/knowledge/document.ts'
import type { Flag, KnowledgeUnit } from '../../src/knowledge/records.ts'

/** Text that looks like a part of a document, also where it was escaped once already. */
const misleading = fc.constantFrom(
  '"superseded_by":',
  '"created_by":null',
  '"created_by":"mallory"',
  '"extensions":{}',
  '"tier":"',
  '"tier":"private","flags":[]}',
  '"flags":[]',
  ',"flags":[]}',
  '\\"flags\\":[]',
  '\\\\"extensions":',
  '}',
  '"',
  '\\',
  '\u2028',
  '\u0000',
  'İ😀',
)
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc
    .array(fc.oneof(misleading, fc.string({ maxLength: 3 })), { maxLength: 4 })
    .map((parts) => parts.join('')),
  fc.constantFrom('created_by', 'superseded_by', 'extensions', 'flags', 'tier'),
)
const texts = fc.array(text, { maxLength: 3 })
const timestamp = fc.constantFrom('2026-11-22T00:27:30.476797Z', '2020-02-29T23:59:59.000000Z')
const absent = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })

const unitId = fc.constantFrom(
  `ku_${'0'.repeat(32)}`,
  `ku_${'1'.repeat(32)}`,
  `ku_${'A'.repeat(32)}`,
)
const reference = absent(fc.oneof(text, unitId))

const flag: fc.Arbitrary<Flag> = fc.record({
  reason: fc.constantFrom('stale', 'incorrect', 'duplicate'),
  timestamp,
  detail: absent(text),
  duplicate_of: reference,
})

const misleadingExtension = fc.constantFrom(
  { created_by: 'x', flags: [] },
  { superseded_by: null, extensions: null },
  { tier: 'private', flags: [] },
  null,
  [],
  {},
)
/** What JSON can say. It has no negative zero. */
const jsonValue = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)))
const extensions = fc.dictionary(
  fc.constantFrom('a:b', 'acme:"flags":[]', 'acme:created_by', 'x:"extensions":', '"tier":"'),
  fc.oneof(jsonValue, misleadingExtension),
  { maxKeys: 3 },
)

/** In the order in which a Store has the fields. */
export const unit: fc.Arbitrary<KnowledgeUnit> = fc.record(
  {
    id: fc.constant(`ku_${'0'.repeat(32)}`),
    version: fc.integer({ min: 1, max: 3 }),
    domains: fc.array(text, { minLength: 1, maxLength: 3 }),
    insight: fc.record({ summary: text, detail: text, action: text }),
    context: fc.record({ languages: texts, frameworks: texts, pattern: text }),
    evidence: fc.record({
      confidence: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
      confirmations: fc.nat(),
      first_observed: timestamp,
      last_confirmed: timestamp,
    }),
    tier: fc.constantFrom('local', 'private', 'public'),
    created_by: absent(text),
    superseded_by: reference,
    extensions: absent(extensions),
    flags: fc.oneof(fc.constant<Flag[]>([]), fc.array(flag, { maxLength: 3 })),
  },
  { noNullPrototype: true },
)

/** A unit, and its text as some program may have stored it. */
export interface Stored {
  readonly meant: KnowledgeUnit
  readonly text: string
}

/** A document as a row has it. */
export function rowOf(data: string, id = `ku_${'0'.repeat(32)}`): StoredUnit {
  return { id, data, created_at: null }
}

const nullable = ['created_by', 'superseded_by', 'extensions'] as const
const nullableInFlags = ['detail', 'duplicate_of'] as const

/** Of the fields that are null, some are left out, as releases of the reference server did. */
export const stored: fc.Arbitrary<Stored> = fc
  .tuple(
    unit,
    fc.subarray([...nullable]),
    fc.subarray([...nullableInFlags]),
    fc.constantFrom(undefined, 1),
  )
  .map(([meant, omitted, omittedInFlags, indent]) => ({
    meant,
    text: JSON.stringify(withoutNulls(meant, omitted, omittedInFlags), null, indent),
  }))

const fields = [
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
] as const

/** Also in any order, its names spelled with escapes, and fields within others named as its own. */
export const oddlyStored: fc.Arbitrary<Stored> = fc
  .record({
    meant: unit,
    omitted: fc.subarray([...nullable]),
    order: fc.oneof(
      fc.shuffledSubarray([...fields], { minLength: fields.length }),
      // All but some of the fields where they usually are, so that documents end as most do.
      fc.subarray([...fields.slice(7)]).map((early) => [...new Set([...early, ...fields])]),
    ),
    spelled: fc.constantFrom('usually', 'with escapes', 'with spaces'),
    context: fc.oneof(fc.constant({}), misleadingExtension),
  })
  .map(({ meant: plain, omitted, order, spelled, context }) => {
    const meant = { ...plain, context: { ...plain.context, ...context } } as KnowledgeUnit
    const kept = new Map(Object.entries(withoutNulls(meant, omitted, [])))
    const ordered = order.flatMap((name) => (kept.has(name) ? [[name, kept.get(name)]] : []))
    const text = JSON.stringify(Object.fromEntries(ordered))
    return { meant, text: respelled(text, spelled) }
  })

function respelled(text: string, how: string): string {
  if (how === 'with spaces') return text.replaceAll('"created_by":', '"created_by" :')
  if (how === 'with escapes') return text.replaceAll('"created_by":', '"created\\u005fby":')
  return text
}

function withoutNulls(
  meant: KnowledgeUnit,
  omitted: readonly string[],
  omittedInFlags: readonly string[],
): object {
  const without = (record: object, names: readonly string[]) =>
    Object.fromEntries(
      Object.entries(record).filter(([name, value]) => value !== null || !names.includes(name)),
    )
  const flags = meant.flags.map((one) => without(one, omittedInFlags))
  return without({ ...meant, flags }, omitted)
}
