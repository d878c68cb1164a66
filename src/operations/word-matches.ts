import { StoreError } from '../errors.ts'
import { readUnit, type StoredUnit, UnitText } from '../knowledge/document.ts'
import type { KnowledgeUnit } from '../knowledge/records.ts'
import { type RankingQuery, relevance } from '../knowledge/scoring.ts'
import { type SearchedWords, searchedWords } from '../knowledge/words.ts'
import { sql, statement } from '../sql/statement.ts'
import { allWithin, mostAnswered, type Steps } from '../sql/steps.ts'
import { checkText } from './arguments.ts'
import { type EmbeddedUnit, unitOf } from './json-text.ts'
import { unlessUnreadable } from './readable.ts'
import { textOf, type UnitWords, unindexed } from './text-index.ts'

/** Characters of a text that is searched for. */
export const longestSearched = 10_000
/** The best matches by words, of which confidence and context then choose. */
const mostMatches = 50

/** A search in the form of each engine: its text, in which every word is a quoted letter or digit string. */
export interface WordQuery extends SearchedWords {
  /** What is searched for, in this order, until something is found. */
  readonly attempts: readonly Attempt[]
}

export interface MatchTexts {
  readonly fts5: string
  readonly tsquery: string
}

interface Attempt extends MatchTexts {
  readonly words: SearchedWords
  /** Whether a unit must have every word. */
  readonly isStrict: boolean
}

// Words consist of letters and digits, so that nothing in them is an operator. A word in the detail counts once, in the
// action one and a half times, in the summary three times and in the domains four times; on PostgreSQL these are the
// letters D to A, and ranks are its own, since it has no BM25. The limit is part of the text, or PostgreSQL would plan
// for a tenth of all units.
export const selectMatches = statement(
  'select approved units by words',
  (db, p: MatchTexts, dialect) => {
    const matches =
      dialect === 'sqlite'
        ? sql<{ unit_id: string; score: number }>`(
            select unit_id, -rank as score from cq_store_words cross join cq_store_texts
            where cq_store_words match ${p.fts5} and rank match 'bm25(3, 1, 1.5, 4)'
              and text = cq_store_words.rowid
            order by rank limit ${sql.lit(mostMatches)})`
        : sql<{ unit_id: string; score: number }>`(
            select unit_id, ts_rank('{0.25, 0.375, 0.75, 1}', words, query, 1)::float8 as score
            from cq_store_texts, cast(${p.tsquery} as tsquery) as query
            where words @@ query order by score desc, unit_id limit ${sql.lit(mostMatches)})`
    return db
      .selectFrom(matches.as('matching'))
      .innerJoin('knowledge_units', 'knowledge_units.id', 'matching.unit_id')
      .select(['knowledge_units.id', 'data', 'created_at', 'matching.score'])
      .where('status', '=', sql.lit('approved'))
  },
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

/** A search for stems; the last word's beginning is looked for only where no unit has all of the words. */
export function toWordQuery(words: SearchedWords): WordQuery | undefined {
  if (words.stems.length === 0) return undefined
  const whole = { ...words, beginning: '' }
  const attempts = [attempt(whole, true)]
  if (words.beginning !== '') attempts.push(attempt(words, true))
  if (words.stems.length > 1) attempts.push(attempt(words, false))
  return { ...words, attempts }
}

function attempt(words: SearchedWords, isStrict: boolean): Attempt {
  const { stems, beginning } = words
  const fts5 = stems.map((stem) => `"${stem}"`)
  const tsquery = stems.map((stem) => `'${stem}'`)
  if (beginning !== '') {
    fts5.push(`(${fts5.pop()} OR "${beginning}"*)`)
    tsquery.push(`(${tsquery.pop()} | '${beginning}':*)`)
  }
  return {
    words,
    isStrict,
    fts5: fts5.join(isStrict ? ' AND ' : ' OR '),
    tsquery: tsquery.join(isStrict ? ' & ' : ' | '),
  }
}

interface Match {
  readonly row: StoredUnit
  readonly unit: KnowledgeUnit
  /** How well its words fit, from 0 to 1, which the best match has. */
  readonly words: number
}

/** The units that words match best: those that have all of them, or if there is none, any of them. */
export function* matchesOf({ attempts }: WordQuery): Steps<Match[]> {
  const { ids, units } = yield* unindexed()
  const queued = units.map(({ unit, ...row }) => ({ row, unit, text: textOf(unit) }))
  for (const attempt of attempts) {
    const matches = yield* matchesIn(ids, queued, attempt)
    if (matches.length > 0) return matches
  }
  return []
}

/** A unit that is read through, and its words. */
interface ReadUnit extends Omit<Match, 'words'> {
  readonly text: UnitWords
}

/** @param stale the ids of units of which the index knows an earlier text, or none */
function* matchesIn(
  stale: ReadonlySet<string>,
  queued: readonly ReadUnit[],
  attempt: Attempt,
): Steps<Match[]> {
  const { words: searched, isStrict } = attempt
  const found = queued.flatMap(({ row, unit, text }): Match[] => {
    const weights = weightsIn(text, searched)
    const isMatch = isStrict ? weights.every(Boolean) : weights.some(Boolean)
    return isMatch ? [{ row, unit, words: shareOfMost(weights) }] : []
  })
  // Their weights cannot be compared with the database's: then those of all are found by reading.
  const isByReading = found.length > 0
  const { rows } = yield* allWithin(mostAnswered, selectMatches, attempt)
  const best = Math.max(0, ...rows.map(({ score }) => score))
  for (const { score, ...row } of rows) {
    if (stale.has(row.id)) continue
    const unit = yield* unlessUnreadable(() => readUnit(row))
    if (!unit) continue
    const share = best > 0 ? score / best : 1
    const words = isByReading ? shareOfMost(weightsIn(textOf(unit), searched)) : share
    found.push({ row, unit, words })
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
function weightsIn(text: UnitWords, { stems, beginning }: SearchedWords): number[] {
  const weights = stems.map(() => 0)
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
function rankByWords({ unit, words }: Pick<Match, 'unit' | 'words'>, query: RankingQuery) {
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
