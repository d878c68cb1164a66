import { StoreError } from '../errors.ts'
import { readUnit, toStoredText, UnitText } from '../knowledge/document.ts'
import { normalizeDomains } from '../knowledge/domains.ts'
import {
  mostCounted,
  mostQueried,
  parseFlag,
  parseKnowledgeUnit,
} from '../knowledge/knowledge-unit.ts'
import type { KnowledgeUnit } from '../knowledge/records.ts'
import { confirmedConfidence, flaggedConfidence, type RankingQuery } from '../knowledge/scoring.ts'
import { documentTimestamp, documentToColumn } from '../knowledge/timestamps.ts'
import { isKey } from '../sql/keyed.ts'
import { listed } from '../sql/listed.ts'
import { sql, statement } from '../sql/statement.ts'
import { allWithin, ask, change, create, first, mostAnswered, type Steps } from '../sql/steps.ts'
import type { KnowledgeUnits } from '../store.ts'
import { checkInteger, checkOptions, checkText, checkTexts } from './arguments.ts'
import { type EmbeddedUnit, unitOf } from './json-text.ts'
import { type OperationsFor, read, write } from './operation.ts'
import { readable, readableUnit, unlessUnreadable } from './readable.ts'
import { bestOf, embedded, matchesOf, type WordQuery, wordQuery } from './word-matches.ts'

/** The columns that a unit is read from. */
export const storedColumns = ['knowledge_units.id', 'data', 'created_at'] as const

const selectApproved = statement(
  'select an approved unit',
  (db, p: { id: string }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(storedColumns)
      .where(isKey('id', p.id, dialect))
      .where('status', '=', sql.lit('approved')),
  { key: 'id' },
)

export const selectAny = statement(
  'select a unit',
  (db, p: { id: string }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(storedColumns)
      .where(isKey('id', p.id, dialect)),
  { key: 'id' },
)

// Joined in this order: with `in`, SQLite would first collect and sort the list.
const selectListed = statement('select some approved units', (db, p: { ids: string }, dialect) =>
  db
    .selectFrom(listed(p.ids, dialect).as('listed'))
    .crossJoin('knowledge_units')
    .select(storedColumns)
    .whereRef('knowledge_units.id', '=', 'listed.value')
    .where('status', '=', sql.lit('approved')),
)

/** The same unit to be changed: no other server changes it meanwhile. */
export const lockApproved = statement(
  'select an approved unit, to be changed',
  (db, p: { id: string }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(storedColumns)
      .where(isKey('id', p.id, dialect))
      .where('status', '=', sql.lit('approved'))
      // In one order everywhere, so that two servers never wait for each other.
      .$if(dialect === 'postgres', (query) => query.orderBy('id').forUpdate()),
  { key: 'id' },
)

const insertUnit = statement(
  'insert a unit',
  (db, p: { id: string; data: string; tier: string; createdAt: string }) =>
    db
      .insertInto('knowledge_units')
      .values({ id: p.id, data: p.data, tier: p.tier, created_at: p.createdAt }),
)

const insertDomains = statement(
  "insert a unit's domains",
  (db, p: { id: string; domains: string }, dialect) =>
    db
      .insertInto('knowledge_unit_domains')
      .columns(['unit_id', 'domain'])
      .expression((eb) =>
        eb
          .selectFrom(listed(p.domains, dialect).as('listed'))
          .select([sql<string>`${p.id}`.as('unit_id'), 'listed.value as domain']),
      ),
)

const deleteDomains = statement("delete a unit's domains", (db, p: { id: string }) =>
  db.deleteFrom('knowledge_unit_domains').where('unit_id', '=', p.id),
)

const updateUnit = statement(
  "update a unit's document and tier",
  (db, p: { id: string; data: string; tier: string }) =>
    db.updateTable('knowledge_units').set({ data: p.data, tier: p.tier }).where('id', '=', p.id),
)

export const updateDocument = statement(
  "update a unit's document",
  (db, p: { id: string; data: string }) =>
    db.updateTable('knowledge_units').set({ data: p.data }).where('id', '=', p.id),
)

/** A unit as the rows of its tables. */
export interface UnitRecord {
  readonly id: string
  readonly data: string
  readonly tier: string
  readonly createdAt: string
  /** A JSON array. */
  readonly domains: string
}

/** The longest document without its flags, in characters (2 Mi). Each change rewrites all of it. */
const longestDocument = 2_097_152
/** The longest flag in a document, with a detail of which every character is escaped. */
const longestFlag = 6_200

export function toRecord(input: unknown, now: Date): UnitRecord {
  return recordOf(parseKnowledgeUnit(input, now))
}

/** A unit as it is stored. @throws {StoreError} `invalid` if its document is too long */
export function recordOf(unit: KnowledgeUnit): UnitRecord {
  const data = toStoredText(unit)
  const longest = longestDocument + unit.flags.length * longestFlag
  if (data.length > longest)
    throw new StoreError(
      'invalid',
      `invalid knowledge unit: it must be at most ${longest} characters of JSON, got ${data.length}`,
    )
  return {
    id: unit.id,
    data,
    tier: unit.tier,
    createdAt: documentToColumn(unit.evidence.first_observed),
    domains: JSON.stringify(unit.domains),
  }
}

export function* insertRecord(record: UnitRecord): Steps<void> {
  yield* create(insertUnit, record, `Knowledge unit already exists: ${record.id}`)
  yield* insertDomainsOf(record)
}

export function* insertDomainsOf(record: UnitRecord): Steps<void> {
  yield* change(insertDomains, record)
}

/** Replaces a unit's document, tier and domains. @throws {StoreError} `not_found` */
function* replaceUnit(record: UnitRecord): Steps<void> {
  if ((yield* change(updateUnit, record)) === 0) throw unitNotFound(record.id)
  yield* replaceDomains(record)
}

export function* replaceDomains(record: UnitRecord): Steps<void> {
  yield* change(deleteDomains, record)
  yield* insertDomainsOf(record)
}

export function unitNotFound(id: string): StoreError {
  return new StoreError('not_found', `Knowledge unit not found: ${id}`)
}

/** Changes the document of an approved unit, and returns the changed unit. */
function* amendApproved(
  id: string,
  amend: (unit: KnowledgeUnit) => KnowledgeUnit,
): Steps<EmbeddedUnit> {
  const row = yield* first(lockApproved, { id })
  const unit = row && (yield* unlessUnreadable(() => readUnit(row)))
  if (!unit) throw unitNotFound(id)
  const amended = amend(unit)
  const data = toStoredText(amended)
  yield* change(updateDocument, { id, data })
  return unitOf(new UnitText({ ...row, data }, amended))
}

function* rankedRows(query: RankingQuery, limit: number) {
  return yield* approvedRows(yield* ask((index) => index.query(query, limit)))
}

/** Approved units in the order of their ids. */
export function* approvedRows(ids: readonly string[]) {
  const { rows } = yield* allWithin(mostAnswered, selectListed, { ids: JSON.stringify(ids) })
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.map((id) => byId.get(id)).filter((row) => row !== undefined)
}

/** Units that match words or share a domain, the best first. */
function* foundByWords(
  words: WordQuery,
  query: RankingQuery,
  limit: number,
): Steps<EmbeddedUnit[]> {
  const matches = yield* matchesOf(words)
  // Of those that match no word, none that ranks below these can be among the best.
  const others = query.domains.length > 0 ? yield* rankedRows(query, limit) : []
  return (yield* bestOf(query, matches, others)).slice(0, limit).map(embedded)
}

/** A query with more domains may take as long as many others, and runs alone. */
const usualDomains = 8

/** What a query asks for, checked. @throws {StoreError} `invalid` */
export function toRankingQuery(
  domains: unknown,
  {
    languages,
    frameworks,
    pattern,
  }: Readonly<Record<'languages' | 'frameworks' | 'pattern', unknown>>,
): RankingQuery {
  return {
    domains: normalizeDomains(checkDomains(domains)),
    languages: checkLanguages(languages),
    frameworks: checkFrameworks(frameworks),
    pattern: checkText('pattern', pattern),
  }
}

const defaultQuery = { languages: [], frameworks: [], pattern: '', limit: 5, text: '' }
export const checkDomains = checkTexts('domains', mostQueried)
const checkLanguages = checkTexts('languages', mostQueried)
const checkFrameworks = checkTexts('frameworks', mostQueried)

/** Each flag makes the next one slower, and after seven of them confidence is 0. */
const mostFlags = 100

function requireFewFlags({ id, flags }: KnowledgeUnit): void {
  if (flags.length < mostFlags) return
  const why = `${id} has ${flags.length} flags, and ${mostFlags} are the most; it waits for a reviewer`
  throw new StoreError('limit_reached', why)
}

export const units = {
  insert: write((now, unit) => [toRecord(unit, now)], insertRecord),

  insertMany: write(
    (now, units) => {
      if (!Array.isArray(units)) throw new StoreError('invalid', 'units must be an array')
      // Unlike `map`, it does not skip holes of a sparse array.
      return [Array.from(units, (unit) => toRecord(unit, now))]
    },
    function* (records) {
      for (const record of records) yield* insertRecord(record)
    },
  ),

  get: read(
    (_now, id) => [checkText('id', id)],
    function* (id) {
      return yield* readableUnit(yield* first(selectApproved, { id }))
    },
  ),

  getAny: read(
    (_now, id) => [checkText('id', id)],
    function* (id) {
      return yield* readableUnit(yield* first(selectAny, { id }))
    },
  ),

  update: write((now, unit) => [toRecord(unit, now)], replaceUnit),

  query: {
    kind: (words: WordQuery | undefined, { domains }: RankingQuery) =>
      words || domains.length > usualDomains ? 'long rank' : 'rank',
    prepare: (_now, domains, options) => {
      const { limit, text, ...context } = checkOptions(options, defaultQuery)
      const query = toRankingQuery(domains, context)
      return [wordQuery('text', text), query, checkInteger('limit', limit, 1)]
    },
    *run(words, query, limit) {
      if (words) return yield* foundByWords(words, query, limit)
      if (query.domains.length === 0) return []
      return yield* readable(yield* rankedRows(query, limit), (unit) => unit)
    },
  },

  confirm: write(
    (now, id) => [checkText('id', id), documentTimestamp(now)],
    (id, now) =>
      amendApproved(id, (unit) => ({
        ...unit,
        evidence: {
          ...unit.evidence,
          confidence: confirmedConfidence(unit.evidence.confidence),
          confirmations: Math.min(unit.evidence.confirmations + 1, mostCounted),
          last_confirmed: now,
        },
      })),
  ),

  flag: write(
    (now, id, flag) => [
      checkText('id', id),
      { ...parseFlag(id, flag), timestamp: documentTimestamp(now) },
    ],
    (id, { reason, timestamp, detail, duplicate_of }) =>
      amendApproved(id, (unit) => {
        requireFewFlags(unit)
        return {
          ...unit,
          evidence: {
            ...unit.evidence,
            confidence: flaggedConfidence(unit.evidence.confidence),
          },
          flags: [...unit.flags, { reason, timestamp, detail, duplicate_of }],
        }
      }),
  ),
} satisfies OperationsFor<keyof KnowledgeUnits>
