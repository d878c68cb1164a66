import { type Corpus, randomNumbers } from '../corpus.ts'

/** Every route that reads, and what it is asked. */
export interface Route {
  /** Path and parameters, as the tables name it. */
  readonly name: string
  /** What is asked for in turns. */
  paths(corpus: Corpus): readonly string[]
  /** Whether it asks for a login. */
  readonly login?: true
  /** @default 200 */
  readonly expectedStatus?: number
}

/** How many of a route's paths differ. */
const distinct = 1_000
/** Queries are made of this many of the most frequent domains. */
const popular = 20
const mostDomains = 3

const only = (path: string) => () => [path]

export const health: Route = { name: 'GET /health', paths: only('/health') }
export const knowledge: Route = {
  name: 'GET /api/v1/knowledge',
  paths: (corpus) => queries(corpus).map((query) => `/api/v1/knowledge?${query}&limit=5`),
}
export const reviewStats: Route = {
  name: 'GET /api/v1/review/stats',
  paths: only('/api/v1/review/stats'),
  login: true,
}

/** To add a route that reads, name it here. */
export const readRoutes: readonly Route[] = [
  health,
  { name: 'GET /ready', paths: only('/ready') },
  { name: 'GET /metrics', paths: only('/metrics') },
  knowledge,
  {
    name: 'GET /api/v1/knowledge, with context',
    paths: (corpus) => {
      const contexts = contextQueries(corpus)
      return queries(corpus).map(
        (query, place) => `/api/v1/knowledge?${query}&${contexts[place % contexts.length]}&limit=5`,
      )
    },
  },
  {
    name: 'GET /api/v1/knowledge, limit 50',
    paths: (corpus) => queries(corpus).map((query) => `/api/v1/knowledge?${query}&limit=50`),
  },
  {
    name: 'GET /api/v1/knowledge/search',
    paths: (corpus) =>
      corpus
        .words(distinct)
        .map((words) => `/api/v1/knowledge/search?q=${encodeURIComponent(words)}`),
  },
  { name: 'GET /api/v1/knowledge/stats', paths: only('/api/v1/knowledge/stats') },
  reviewStats,
  { name: 'GET /api/v1/review/queue', paths: only('/api/v1/review/queue'), login: true },
  {
    name: 'GET /api/v1/review/queue, limit 0',
    paths: only('/api/v1/review/queue?limit=0&offset=0'),
    login: true,
  },
  { name: 'GET /api/v1/review/units', paths: only('/api/v1/review/units'), login: true },
  {
    name: 'GET /api/v1/review/units, by confidence',
    paths: () => confidenceRanges().map((range) => `/api/v1/review/units?${range}`),
    login: true,
  },
  {
    name: 'GET /api/v1/review/units, by domain, status and confidence',
    paths: (corpus) => {
      const ranges = confidenceRanges()
      return corpus
        .popularDomains(popular)
        .map(
          (domain, place) =>
            `/api/v1/review/units?domain=${domain}&status=approved&${ranges[place % ranges.length]}`,
        )
    },
    login: true,
  },
  {
    name: 'GET /api/v1/review/:unit_id',
    paths: (corpus) => corpus.storedIds(distinct).map((id) => `/api/v1/review/${id}`),
    login: true,
  },
  {
    name: 'GET /api/v1/review/:unit_id/history',
    paths: (corpus) => corpus.storedIds(distinct).map((id) => `/api/v1/review/${id}/history`),
    login: true,
  },
  {
    name: 'GET /api/v1/review/:unit_id/similar',
    paths: (corpus) => corpus.storedIds(distinct).map((id) => `/api/v1/review/${id}/similar`),
    login: true,
  },
  {
    name: 'GET /api/v1/review/browse',
    paths: only('/api/v1/review/browse?status=pending&order=oldest'),
    login: true,
  },
  {
    name: 'GET /api/v1/review/count',
    paths: only('/api/v1/review/count?status=pending'),
    login: true,
  },
  { name: 'GET /api/v1/review/decisions', paths: only('/api/v1/review/decisions'), login: true },
  { name: 'GET /api/v1/review/insights', paths: only('/api/v1/review/insights'), login: true },
  { name: 'GET /api/v1/users/me', paths: only('/api/v1/users/me'), login: true },
  { name: 'GET /api/v1/users/me/api-keys', paths: only('/api/v1/users/me/api-keys'), login: true },
  { name: 'GET /api/v1/oauth/providers', paths: only('/api/v1/oauth/providers') },
  {
    // Of no request: what it says instead is as long.
    name: 'GET /api/v1/oauth/native/authorize',
    paths: only('/api/v1/oauth/native/authorize?request=none'),
    expectedStatus: 400,
  },
  {
    name: 'GET /query',
    paths: (corpus) => queries(corpus).map((query) => `/query?${query}&limit=5`),
  },
  { name: 'GET /stats', paths: only('/stats') },
  { name: 'GET /auth/me', paths: only('/auth/me'), login: true },
  { name: 'GET /auth/api-keys', paths: only('/auth/api-keys'), login: true },
]

/** Distinct sets of one to three popular domains. */
function queries(corpus: Corpus): string[] {
  const domains = corpus.popularDomains(popular)
  const random = randomNumbers(distinct)
  const found = new Set<string>()
  while (found.size < distinct) {
    const chosen = new Set<string>()
    const count = 1 + Math.floor(random() * mostDomains)
    while (chosen.size < count) chosen.add(domains[Math.floor(random() * domains.length)] ?? '')
    found.add(domainsQuery([...chosen]))
  }
  return [...found]
}

function domainsQuery(domains: readonly string[]): string {
  return domains.map((domain) => `domains=${encodeURIComponent(domain)}`).join('&')
}

function contextQueries(corpus: Corpus): string[] {
  return corpus.queries('context', distinct).map(({ languages, frameworks, pattern }) => {
    const parameters = new URLSearchParams({ pattern })
    for (const language of languages) parameters.append('languages', language)
    for (const framework of frameworks) parameters.append('frameworks', framework)
    return parameters.toString()
  })
}

/** From all but a few to a few only. */
function confidenceRanges(): string[] {
  return Array.from({ length: 7 }, (_, place) => {
    const [least, most] = [3 + place, 4 + place].map((tenths) => (tenths / 10).toFixed(1))
    return `confidence_min=${least}&confidence_max=${most}`
  })
}
