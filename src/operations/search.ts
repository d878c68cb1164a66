import { StoreError } from '../errors.ts'
import { readUnit, type StoredUnit, UnitText } from '../knowledge/document.ts'
import { normalizeDomains } from '../knowledge/domains.ts'
import { mostQueried } from '../knowledge/knowledge-unit.ts'
import type { KnowledgeUnit, UnitStatus } from '../knowledge/records.ts'
import { type RankingQuery, relevance } from '../knowledge/scoring.ts'
import { checker, storableText } from '../knowledge/validation.ts'
import {
  commonWords,
  type SearchedWords,
  searchedWords,
  snippetOf,
  stemmedText,
  tellingStems,
} from '../knowledge/words.ts'
import { nearDomains } from '../ranking/near-domains.ts'
import { listed } from '../sql/listed.ts'
import { descending } from '../sql/order.ts'
import { sql, statement } from '../sql/statement.ts'
import { allWithin, ask, change, first, mostAnswered, type Steps } from '../sql/steps.ts'
import type { Search, SimilarUnit } from '../store.ts'
import { checkInteger, checkOptions, checkText, checkTexts } from './arguments.ts'
import { type EmbeddedUnit, unitOf } from './json-text.ts'
import { longRank, type Operation, type OperationsFor, scan, write } from './operation.ts'
import { unlessUnreadable } from './readable.ts'

/** Characters of a text that is searched for. */
const longestSearched = 10_000
/** The best matches by words, of which confidence and context then choose. */
const mostMatches = 100
/** Units whose words are indexed in one transaction. */
const indexedAtOnce = 100
/** What a search reads through that is still to be indexed: about 300 ms of work. */
const mostReadThrough = 2_000
const mostTextReadThrough = 33_554_432
/** Pending units that a proposal is compared with. */
const mostPending = 200
/** From how much of their words in common two units are told to be similar. */
const leastSimilar = 0.35

/** A search in the form of each engine: its text, in which every word is a quoted letter or digit string. */
export interface WordQuery extends SearchedWords {
  readonly everyWord: MatchTexts
  readonly anyWord: MatchTexts
}

interface MatchTexts {
  readonly fts5: string
  readonly tsquery: string
}

// Words consist of letters and digits, so that nothing in them is an operator. A word in the detail counts once, in the
// action one and a half times, in the summary three times and in the domains four times; on PostgreSQL these are the
// letters D to A, and ranks are its own, since it has no BM25.
const selectMatches = statement(
  'select approved units by words',
  (db, p: MatchTexts & { limit: number }, dialect) => {
    const matches =
      dialect === 'sqlite'
        ? sql<{ unit_id: string; score: number }>`(
            select unit_id, -rank as score from cq_store_words cross join cq_store_texts
            where cq_store_words match ${p.fts5} and rank match 'bm25(3, 1, 1.5, 4)'
              and text = cq_store_words.rowid
            order by rank limit ${p.limit})`
        : sql<{ unit_id: string; score: number }>`(
            select unit_id, ts_rank('{0.25, 0.375, 0.75, 1}', words, query, 1)::float8 as score
            from cq_store_texts, cast(${p.tsquery} as tsquery) as query
            where words @@ query order by score desc, unit_id limit ${p.limit})`
    return db
      .selectFrom(matches.as('matching'))
      .innerJoin('knowledge_units', 'knowledge_units.id', 'matching.unit_id')
      .select(['knowledge_units.id', 'data', 'created_at', 'matching.score'])
      .where('status', '=', sql.lit('approved'))
  },
)

/** Other servers may be at it. What they index is theirs until they commit. */
const takeTurn = statement('take the turn to index texts', (db, _: object, dialect) =>
  db.selectNoFrom(
    (dialect === 'sqlite'
      ? sql<number>`1`
      : sql<number>`pg_try_advisory_xact_lock(hashtext('cq-store texts'), hashtext(current_schema()))::int`
    ).as('is_taken'),
  ),
)

/** A unit that is no longer approved has no document here. */
const selectQueued = statement('select the next units to be indexed', (db, p: { limit: number }) =>
  db
    .selectFrom((eb) =>
      eb
        .selectFrom('cq_store_unindexed')
        .select(['entry', 'unit_id'])
        .orderBy('entry')
        .limit(p.limit)
        .as('queued'),
    )
    .leftJoin('knowledge_units', (join) =>
      join
        .onRef('knowledge_units.id', '=', 'queued.unit_id')
        .on('status', '=', sql.lit('approved')),
    )
    .select(['queued.entry', 'queued.unit_id', 'data', 'created_at'])
    .orderBy('queued.entry'),
)

const deleteQueued = statement(
  'delete units from the queue of those to be indexed',
  (db, p: { entries: string }, dialect) =>
    db
      .deleteFrom('cq_store_unindexed')
      .where('entry', 'in', (eb) =>
        eb
          .selectFrom(listed(p.entries, dialect).as('listed'))
          .select(sql<number>`cast(listed.value as bigint)`.as('entry')),
      ),
)

/** On SQLite a trigger deletes their words. */
const deleteTexts = statement(
  'delete units from the index of words',
  (db, p: { ids: string }, dialect) =>
    db
      .deleteFrom('cq_store_texts')
      .where('unit_id', 'in', (eb) =>
        eb.selectFrom(listed(p.ids, dialect).as('listed')).select('listed.value'),
      ),
)

const insertTexts = statement(
  'insert units into the index of words',
  (db, p: { ids: string }, dialect) =>
    db
      .insertInto('cq_store_texts')
      .columns(['unit_id'])
      .expression((eb) =>
        eb.selectFrom(listed(p.ids, dialect).as('listed')).select('listed.value'),
      ),
)

/** A unit's words by field, each a text of stems. */
interface IndexedText {
  readonly id: string
  readonly summary: string
  readonly detail: string
  readonly action: string
  readonly domains: string
}

const insertWords = statement(
  "insert units' words into the index",
  (db, p: { texts: string }, dialect) => ({
    compile: () =>
      (dialect === 'sqlite'
        ? sql`insert into cq_store_words (rowid, summary, detail, action, domains)
          select text, value ->> 'summary', value ->> 'detail', value ->> 'action', value ->> 'domains'
          from json_each(${p.texts}) join cq_store_texts on unit_id = value ->> 'id'`
        : sql`update cq_store_texts set words =
            setweight(cq_store_vector(given.domains), 'A') || setweight(cq_store_vector(given.summary), 'B')
            || setweight(cq_store_vector(given.action), 'C') || setweight(cq_store_vector(given.detail), 'D')
          from jsonb_to_recordset(cast(${p.texts} as jsonb))
            as given (id text, summary text, detail text, action text, domains text)
          where cq_store_texts.unit_id = given.id`
      ).compile(db),
  }),
)

const selectPending = statement(
  'select the newest pending units',
  (db, p: { limit: number }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(['knowledge_units.id', 'data', 'created_at'])
      // Compared twice: SQLite uses a partial index only if the query states its condition.
      .where('status', '=', sql.lit('pending'))
      .where('status', '<>', sql.lit('approved'))
      .orderBy(descending('created_at', dialect))
      .orderBy(descending('id', dialect))
      .limit(p.limit),
)

/** What words are searched for; `undefined` if the text has none. @throws {StoreError} `invalid` */
export function wordQuery(name: string, text: unknown): WordQuery | undefined {
  const checked = checkText(name, text)
  if (checked.length > longestSearched) {
    const why = `${name} must be at most ${longestSearched} characters, got ${checked.length}`
    throw new StoreError('invalid', why)
  }
  return toWordQuery(searchedWords(checked))
}

function toWordQuery(words: SearchedWords): WordQuery | undefined {
  if (words.stems.length === 0) return undefined
  const last = words.stems.at(-1)
  const joined = (of: 'and' | 'or'): MatchTexts => {
    const fts5 = words.stems.map((stem) =>
      stem === last && words.beginning !== ''
        ? `("${stem}" OR "${words.beginning}"*)`
        : `"${stem}"`,
    )
    const tsquery = words.stems.map((stem) =>
      stem === last && words.beginning !== ''
        ? `('${stem}' | '${words.beginning}':*)`
        : `'${stem}'`,
    )
    return of === 'and'
      ? { fts5: fts5.join(' AND '), tsquery: tsquery.join(' & ') }
      : { fts5: fts5.join(' OR '), tsquery: tsquery.join(' | ') }
  }
  return { ...words, everyWord: joined('and'), anyWord: joined('or') }
}

interface Queued extends StoredUnit {
  readonly unit: KnowledgeUnit
}

/** What is queued to be indexed, as it is now: it is read through in place of being looked up. */
interface Unindexed {
  readonly ids: ReadonlySet<string>
  readonly units: readonly Queued[]
}

/** @throws {StoreError} `unavailable` if too much is queued to read through */
function* unindexed(): Steps<Unindexed> {
  const limit = mostReadThrough + 1
  const { rows, isCut } = yield* allWithin(mostTextReadThrough, selectQueued, { limit })
  if (isCut || rows.length === limit) {
    const why = `more than ${mostReadThrough} units are still to be indexed by their words`
    throw new StoreError('unavailable', `${why}; try again in a moment`)
  }
  const units = new Map<string, Queued>()
  for (const { unit_id: id, data, created_at } of rows) {
    if (data === null || units.has(id)) continue
    const unit = yield* unlessUnreadable(() => readUnit({ id, data, created_at }))
    if (unit) units.set(id, { id, data, created_at, unit })
  }
  return { ids: new Set(rows.map(({ unit_id }) => unit_id)), units: [...units.values()] }
}

interface Match {
  readonly row: StoredUnit
  readonly unit: KnowledgeUnit
  /** How well its words fit, from 0 to 1, which the best match has. */
  readonly words: number
}

/** The units that words match best: those that have all of them, or if there is none, any of them. */
export function* matchesOf(query: WordQuery, limit = mostMatches): Steps<Match[]> {
  const queued = yield* unindexed()
  const strict = yield* matchesIn(queued, query, 'everyWord', limit)
  if (strict.length > 0 || query.stems.length === 1) return strict
  return yield* matchesIn(queued, query, 'anyWord', limit)
}

function* matchesIn(
  queued: Unindexed,
  query: WordQuery,
  which: 'everyWord' | 'anyWord',
  limit: number,
): Steps<Match[]> {
  const found = queued.units.flatMap(({ unit, ...row }): Match[] => {
    const weights = weightsIn(unit, query)
    const isMatch = which === 'everyWord' ? weights.every(Boolean) : weights.some(Boolean)
    return isMatch ? [{ row, unit, words: shareOfMost(weights) }] : []
  })
  // Their weights cannot be compared with the database's: then those of all are found by reading.
  const isByReading = found.length > 0
  const { rows } = yield* allWithin(mostAnswered, selectMatches, { ...query[which], limit })
  const best = Math.max(0, ...rows.map(({ score }) => score))
  for (const { score, ...row } of rows) {
    // The index knows an earlier text of it.
    if (queued.ids.has(row.id)) continue
    const unit = yield* unlessUnreadable(() => readUnit(row))
    if (!unit) continue
    const share = best > 0 ? score / best : 1
    found.push({ row, unit, words: isByReading ? shareOfMost(weightsIn(unit, query)) : share })
  }
  return found
}

function shareOfMost(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0) / (weights.length * mostWeight)
}

/** How much a word counts by where it stands, in the order in which a unit is read through. */
const fieldWeights = { domains: 4, summary: 3, action: 1.5, detail: 1 } as const
const mostWeight = fieldWeights.domains

/** For each word that is searched for, how much it counts in a unit: 0 if it is not there. */
function weightsIn(unit: KnowledgeUnit, { stems, beginning }: SearchedWords): number[] {
  const weights = stems.map(() => 0)
  const text = textOf(unit)
  for (const [field, weight] of Object.entries(fieldWeights)) {
    const words = text[field as keyof typeof fieldWeights].split(' ')
    for (const [at, stem] of stems.entries()) {
      const isLast = at === stems.length - 1 && beginning !== ''
      const isThere = words.some((word) => word === stem || (isLast && word.startsWith(beginning)))
      if (isThere) weights[at] = Math.max(weights[at] ?? 0, weight)
    }
  }
  return weights
}

/**
 * What units that are found by words are ordered by, descending: how well domains and context fit, plus how well
 * words do, times confidence.
 */
export function rankByWords({ unit, words }: Pick<Match, 'unit' | 'words'>, query: RankingQuery) {
  return (relevance(unit, query) + words) * unit.evidence.confidence
}

/** The best units of those that were found by words or by domains, best first; ties go to the higher id. */
export function* bestOf(
  query: RankingQuery,
  matches: readonly Match[],
  rowsByDomain: readonly StoredUnit[],
): Steps<(Match & { readonly rank: number })[]> {
  const found = new Map(matches.map((match) => [match.row.id, match]))
  for (const row of rowsByDomain) {
    if (found.has(row.id)) continue
    const unit = yield* unlessUnreadable(() => readUnit(row))
    if (unit) found.set(row.id, { row, unit, words: 0 })
  }
  return [...found.values()]
    .map((match) => ({ ...match, rank: rankByWords(match, query) }))
    .sort((one, other) => other.rank - one.rank || (one.row.id < other.row.id ? 1 : -1))
}

export function embedded({ row, unit }: Match): EmbeddedUnit {
  return unitOf(new UnitText(row, unit))
}

const defaultSearch = { domains: [], languages: [], frameworks: [], pattern: '', limit: 10 }
const checkDomains = checkTexts('domains', mostQueried)
const checkLanguages = checkTexts('languages', mostQueried)
const checkFrameworks = checkTexts('frameworks', mostQueried)

/** What a unit says, each field in stems. */
function textOf({ domains, insight }: Pick<KnowledgeUnit, 'domains' | 'insight'>) {
  return {
    summary: stemmedText(insight.summary),
    detail: stemmedText(insight.detail),
    action: stemmedText(insight.action),
    domains: stemmedText(domains.join(' ')),
  }
}

/** Takes a unit's words out of the index at once, since they may be secret. */
export function* forgetText(id: string): Steps<void> {
  yield* change(deleteTexts, { ids: JSON.stringify([id]) })
}

/** What a proposal is compared by. */
interface Compared {
  readonly domains: readonly string[]
  readonly telling: readonly string[]
  readonly words: WordQuery | undefined
  readonly except: string
}

function similarityOf(one: Compared, { domains, insight }: KnowledgeUnit): number {
  const { summary, action } = insight
  const words = commonWords(new Set(one.telling), tellingStems(`${summary} ${action}`))
  const shared = commonWords(new Set(one.domains), new Set(domains))
  return 0.8 * words + 0.2 * shared
}

const storable = { type: 'string', pattern: storableText } as const
const checkShape = checker<Pick<KnowledgeUnit, 'domains' | 'insight'>>('proposal', {
  type: 'object',
  required: ['domains', 'insight'],
  properties: {
    domains: { type: 'array', maxItems: mostQueried, items: storable },
    insight: {
      type: 'object',
      required: ['summary', 'detail', 'action'],
      properties: {
        summary: storable,
        detail: storable,
        action: storable,
      },
    },
  },
})

/** @throws {StoreError} `invalid` */
function checkProposal(proposal: unknown): Pick<KnowledgeUnit, 'domains' | 'insight'> {
  const { domains, insight } = checkShape(proposal)
  return { domains: normalizeDomains(domains), insight }
}

export const search = {
  search: {
    ...scan(
      (_now, text, options) => {
        const { limit, ...given } = checkOptions(options, defaultSearch)
        const query: RankingQuery = {
          domains: normalizeDomains(checkDomains(given.domains)),
          languages: checkLanguages(given.languages),
          frameworks: checkFrameworks(given.frameworks),
          pattern: checkText('pattern', given.pattern),
        }
        return [wordQuery('text', text), query, checkInteger('limit', limit, 1, 50)]
      },
      function* (words: WordQuery | undefined, query: RankingQuery, limit: number) {
        if (!words) return []
        const best = yield* bestOf(query, yield* matchesOf(words), [])
        return best.slice(0, limit).map((match) => ({
          knowledge_unit: embedded(match),
          rank: match.rank,
          snippet: snippetOf(match.unit.insight, words),
        }))
      },
    ),
  } as Operation<Parameters<Search['search']>, never>,

  similarUnits: {
    ...scan(
      (_now, proposal, options) => {
        const { limit, except } = checkOptions(options, { limit: 5, except: '' })
        const { domains, insight } = checkProposal(proposal)
        const telling = tellingStems(`${insight.summary} ${insight.action}`)
        const words = toWordQuery({ stems: [...telling].slice(0, 16), beginning: '' })
        const compared: Compared = {
          domains,
          telling: [...telling],
          words,
          except: checkText('except', except),
        }
        return [words, compared, checkInteger('limit', limit, 1, 20)]
      },
      function* (words: WordQuery | undefined, compared: Compared, limit: number) {
        if (!words) return []
        const { rows: approved } = yield* allWithin(mostAnswered, selectMatches, {
          ...words.anyWord,
          limit: 50,
        })
        const { rows: pending } = yield* allWithin(mostAnswered, selectPending, {
          limit: mostPending,
        })
        const similar: SimilarUnit[] = []
        const compare = (status: UnitStatus) =>
          function* (rows: readonly StoredUnit[]): Steps<void> {
            for (const row of rows) {
              if (row.id === compared.except) continue
              const unit = yield* unlessUnreadable(() => readUnit(row))
              const similarity = unit ? similarityOf(compared, unit) : 0
              if (!unit || similarity < leastSimilar) continue
              const { summary } = unit.insight
              const { domains } = unit
              similar.push({ unit_id: row.id, status, summary, domains, similarity })
            }
          }
        const queued = yield* unindexed()
        yield* compare('approved')([
          ...approved.filter(({ id }) => !queued.ids.has(id)),
          ...queued.units,
        ])
        yield* compare('pending')(pending)
        return similar
          .sort(
            (one, other) =>
              other.similarity - one.similarity || (one.unit_id < other.unit_id ? 1 : -1),
          )
          .slice(0, limit)
      },
    ),
  } as Operation<Parameters<Search['similarUnits']>, SimilarUnit[]>,

  suggestDomains: longRank(
    (_now, domains, limit = 5) => {
      const asked = normalizeDomains(checkDomains(domains))
      const words = toWordQuery(searchedWords(asked.join(' ').slice(0, longestSearched)))
      return [asked, words ?? null, checkInteger('limit', limit, 1, 20)]
    },
    function* (asked: string[], words: WordQuery | null, limit: number) {
      const near = yield* ask((index) => nearDomains(index.domainCounts(), asked, limit))
      if (near.length >= limit || !words) return near
      const suggested = new Set(near)
      for (const { unit } of yield* matchesOf(words, limit))
        for (const domain of unit.domains) if (!asked.includes(domain)) suggested.add(domain)
      return [...suggested].slice(0, limit)
    },
  ),

  indexTexts: write(
    () => [],
    function* () {
      const isMine = Number((yield* first(takeTurn, {}))?.is_taken ?? 0) === 1
      return isMine ? yield* indexSome() : 0
    },
  ),
} satisfies OperationsFor<keyof Search>

/** Indexes the units that are next in the queue. Returns how many entries it has dealt with. */
function* indexSome(): Steps<number> {
  const { rows } = yield* allWithin(mostAnswered, selectQueued, { limit: indexedAtOnce })
  if (rows.length === 0) return 0
  const texts = new Map<string, IndexedText>()
  for (const { unit_id: id, data, created_at } of rows) {
    if (data === null) continue
    const unit = yield* unlessUnreadable(() => readUnit({ id, data, created_at }))
    if (unit) texts.set(id, { id, ...textOf(unit) })
  }
  const ids = JSON.stringify([...new Set(rows.map(({ unit_id }) => unit_id))])
  yield* change(deleteTexts, { ids })
  // Those that cannot be read, too, without words: so it can be told which are missing.
  const approved = new Set(rows.flatMap(({ unit_id, data }) => (data === null ? [] : [unit_id])))
  if (approved.size > 0) yield* change(insertTexts, { ids: JSON.stringify([...approved]) })
  if (texts.size > 0) yield* change(insertWords, { texts: JSON.stringify([...texts.values()]) })
  const entries = JSON.stringify(rows.map(({ entry }) => String(entry)))
  yield* change(deleteQueued, { entries })
  return rows.length
}
