import { StoreError } from '../errors.ts'
import { readUnit, type StoredUnit } from '../knowledge/document.ts'
import { normalizeDomains } from '../knowledge/domains.ts'
import { mostQueried } from '../knowledge/knowledge-unit.ts'
import type { KnowledgeUnit, UnitStatus } from '../knowledge/records.ts'
import { overlap, type RankingQuery } from '../knowledge/scoring.ts'
import { checker, storableText } from '../knowledge/validation.ts'
import { snippetOf, tellingStems } from '../knowledge/words.ts'
import { nearDomains } from '../ranking/near-domains.ts'
import { descending } from '../sql/order.ts'
import { sql, statement } from '../sql/statement.ts'
import { allWithin, ask, mostAnswered, type Steps } from '../sql/steps.ts'
import type { Search, SimilarUnit } from '../store.ts'
import { checkInteger, checkOptions, checkText } from './arguments.ts'
import { longRank, type Operation, type OperationsFor, read, scan, write } from './operation.ts'
import { unlessUnreadable } from './readable.ts'
import { indexSome, unindexed, unindexedCount } from './text-index.ts'
import { checkDomains, toRankingQuery } from './units.ts'
import {
  bestOf,
  embedded,
  type MatchTexts,
  matchesOf,
  selectMatches,
  toWordQuery,
  type WordQuery,
  wordQuery,
} from './word-matches.ts'

/** Words by which units are looked for that resemble one. */
const mostCompared = 16
/** Pending units that a proposal is compared with. */
const mostPending = 200
/** From how much of their words in common two units are told to be similar. */
const leastSimilar = 0.35

const selectPending = statement('select the newest pending units', (db, _: object, dialect) =>
  db
    .selectFrom('knowledge_units')
    .select(['knowledge_units.id', 'data', 'created_at'])
    // Compared twice: SQLite uses a partial index only if the query states its condition.
    .where('status', '=', sql.lit('pending'))
    .where('status', '<>', sql.lit('approved'))
    .orderBy(descending('created_at', dialect))
    .orderBy(descending('id', dialect))
    .limit(sql.lit(mostPending)),
)

const defaultSearch = { domains: [], languages: [], frameworks: [], pattern: '', limit: 10 }

/** What a proposal is compared by. */
interface Compared {
  readonly domains: ReadonlySet<string>
  readonly telling: ReadonlySet<string>
  /** The id of a unit that is not compared. */
  readonly except: string
}

function similarityOf(one: Compared, { domains, insight }: KnowledgeUnit): number {
  const { summary, action } = insight
  const words = overlap(one.telling, tellingStems(`${summary} ${action}`))
  const shared = overlap(one.domains, new Set(domains))
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

/** As `matchesOf`; nothing while too much is to be indexed. A suggestion is no reason to fail. */
function* matchesIfIndexed(words: WordQuery) {
  try {
    return yield* matchesOf(words)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'unavailable') return []
    throw error
  }
}

export const search = {
  search: scan(
    (_now, text, options) => {
      const { limit, domains, ...context } = checkOptions(options, defaultSearch)
      const query = toRankingQuery(domains, context)
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
  ) as Operation<Parameters<Search['search']>, never>,

  similarUnits: scan(
    (_now, proposal, options) => {
      const { limit, except } = checkOptions(options, { limit: 5, except: '' })
      const { domains, insight } = checkProposal(proposal)
      const telling = tellingStems(`${insight.summary} ${insight.action}`)
      const words = toWordQuery({ stems: [...telling].slice(0, mostCompared), beginning: '' })
      const compared: Compared = {
        domains: new Set(domains),
        telling,
        except: checkText('except', except),
      }
      return [words, compared, checkInteger('limit', limit, 1, 20)]
    },
    function* (words: WordQuery | undefined, compared: Compared, limit: number) {
      if (!words) return []
      const anyWord = words.attempts.at(-1) as MatchTexts
      const { rows: approved } = yield* allWithin(mostAnswered, selectMatches, anyWord)
      const { rows: pending } = yield* allWithin(mostAnswered, selectPending, {})
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
  ) as Operation<Parameters<Search['similarUnits']>, SimilarUnit[]>,

  suggestDomains: longRank(
    (_now, domains, limit = 5) => {
      const asked = normalizeDomains(checkDomains(domains))
      const stems = [...tellingStems(asked.join(' '))].slice(0, mostCompared)
      const words = toWordQuery({ stems, beginning: '' })
      return [asked, words ?? null, checkInteger('limit', limit, 1, 20)]
    },
    function* (asked: string[], words: WordQuery | null, limit: number) {
      const near = yield* ask((index) => nearDomains(index.domainCounts(), asked, limit))
      if (near.length >= limit || !words) return near
      const suggested = new Set(near)
      for (const { unit } of yield* matchesIfIndexed(words))
        for (const domain of unit.domains) if (!asked.includes(domain)) suggested.add(domain)
      return [...suggested].slice(0, limit)
    },
  ),

  indexTexts: write(() => [], indexSome),

  unindexedTexts: read(() => [], unindexedCount),
} satisfies OperationsFor<keyof Search>
