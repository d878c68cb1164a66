import type { FastifyInstance } from 'fastify'
import { knowledgeUnitSchema } from '../knowledge/knowledge-unit.ts'
import { decisions, roles, unitStatuses } from '../knowledge/records.ts'
import { storableText } from '../knowledge/validation.ts'

/** A JSON Schema from which no type is derived: the store types what answers contain. */
type Schema = Readonly<Record<string, unknown>>

export const text = { type: 'string', pattern: storableText } as const

const string = { type: 'string' } as const
const nullableString = { type: ['string', 'null'] } as const
const count = { type: 'integer', minimum: 0 } as const
const counts = { type: 'object', additionalProperties: count } as const
const { created_by: _, ...publicProperties } = knowledgeUnitSchema.properties
const reviewStatus = {
  status: { enum: unitStatuses },
  reviewed_by: nullableString,
  reviewed_at: nullableString,
} as const

function record(properties: Record<string, Schema>, optional: readonly string[] = []): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    properties,
  }
}

const distribution = (...buckets: string[]) =>
  record(Object.fromEntries(buckets.map((name) => [name, count])))

const key = {
  id: string,
  name: string,
  labels: { type: 'array', items: string },
  prefix: string,
  key_prefix: { ...string, description: 'The same as prefix.' },
  ttl: string,
  expires_at: string,
  created_at: string,
  last_used_at: nullableString,
  revoked_at: nullableString,
  is_expired: { type: 'boolean' },
  is_active: { type: 'boolean' },
} as const

const notable = {
  type: 'array',
  items: record({
    unit_id: string,
    summary: string,
    domains: { type: 'array', items: string },
    confidence: { type: 'number' },
    confirmations: count,
    flags: count,
    last_confirmed: string,
  }),
}

const similarUnits = {
  type: 'array',
  items: record({
    unit_id: string,
    status: { enum: unitStatuses },
    summary: string,
    domains: { type: 'array', items: string },
    similarity: { type: 'number', description: 'From 0 to 1.' },
  }),
}

export const statsSchema = record({
  total_count: count,
  tier_counts: counts,
  domain_counts: counts,
  confidence_distribution: distribution('0.0-0.3', '0.3-0.5', '0.5-0.7', '0.7-1.0'),
})

const jsonRpc = { type: 'object', required: ['jsonrpc'], additionalProperties: true } as const

/** What clients send to MCP's route, and what they get. */
export const mcpMessageSchema: Schema = {
  description: 'A JSON-RPC message of MCP, or up to ten of them in a list.',
  anyOf: [jsonRpc, { type: 'array', items: jsonRpc }],
}

/** No type is derived from these, and so none is declared at length. */
const named = <Name extends string>(schemas: Record<Name, Schema>) => schemas

/** The schemas of answers, by their names in the OpenAPI document. */
const answers = named({
  KnowledgeUnit: { ...knowledgeUnitSchema, description: 'A unit, and who proposed it.' },
  ProposedUnit: {
    ...knowledgeUnitSchema,
    description: 'A unit, who proposed it, and units that resemble it where they were asked for.',
    properties: { ...knowledgeUnitSchema.properties, similar: similarUnits },
  },
  PublicKnowledgeUnit: {
    ...knowledgeUnitSchema,
    description: 'A unit as anyone may read it: without who proposed it.',
    required: Object.keys(publicProperties),
    properties: publicProperties,
  },
  UnitsFound: record(
    {
      data: { type: 'array', items: { $ref: 'PublicKnowledgeUnit#' } },
      suggestions: {
        type: 'array',
        items: string,
        description: 'Where nothing was found: domains of units that resemble those of the query.',
      },
    },
    ['suggestions'],
  ),
  SearchHits: record({
    data: {
      type: 'array',
      items: record({
        knowledge_unit: { $ref: 'PublicKnowledgeUnit#' },
        rank: { type: 'number', description: 'Comparable within one answer.' },
        snippet: record({
          field: { enum: ['summary', 'detail', 'action'] },
          text: { ...string, description: 'A part of the field, at most 240 characters.' },
          matches: {
            type: 'array',
            description: 'Where the words begin and end in it, in UTF-16 code units.',
            items: { type: 'array', minItems: 2, maxItems: 2, items: count },
          },
        }),
      }),
    },
  }),
  SimilarUnits: record({
    similar: similarUnits,
  }),
  KnowledgeStats: statsSchema,
  LegacyStats: record({ total_units: count, tiers: counts, domains: counts }),
  ReviewItem: record({ knowledge_unit: { $ref: 'KnowledgeUnit#' }, ...reviewStatus }),
  ReviewDecision: record({ unit_id: string, ...reviewStatus }),
  BrowsePage: record({
    items: { type: 'array', items: { $ref: 'ReviewItem#' } },
    next_cursor: nullableString,
    examined: { ...count, description: 'How many units were looked at for this page.' },
  }),
  BrowseCount: record({ count, is_exact: { type: 'boolean' } }),
  Decisions: record({ decisions: { type: 'array', items: { $ref: 'ReviewDecision#' } } }),
  DecisionOutcomes: record({
    outcomes: {
      type: 'array',
      items: record({
        unit_id: string,
        outcome: { enum: ['decided', 'conflict', 'not_found', 'forbidden'] },
        status: { enum: [...unitStatuses, null] },
        reviewed_by: nullableString,
        reviewed_at: nullableString,
      }),
    },
  }),
  UnitHistory: record({
    history: {
      type: 'array',
      items: record({
        at: string,
        actor: string,
        action: { enum: ['reopened', 'revised', 'edited'] },
        detail: string,
      }),
    },
  }),
  Insights: record({ flagged: notable, most_confirmed: notable, stale: notable }),
  ReviewQueue: record({
    items: { type: 'array', items: { $ref: 'ReviewItem#' } },
    total: count,
    offset: count,
    limit: count,
  }),
  ReviewStats: record({
    counts: record(Object.fromEntries(unitStatuses.map((status) => [status, count]))),
    domains: counts,
    confidence_distribution: distribution('0.0-0.3', '0.3-0.6', '0.6-0.8', '0.8-1.0'),
    recent_activity: {
      type: 'array',
      items: record(
        {
          type: { enum: ['proposed', ...decisions] },
          unit_id: string,
          summary: string,
          reviewed_by: nullableString,
          timestamp: string,
        },
        ['reviewed_by'],
      ),
    },
    trends: record({
      daily: {
        type: 'array',
        items: record({ date: string, proposed: count, approved: count, rejected: count }),
      },
    }),
  }),
  ApiKey: record(key),
  NewApiKey: record({
    ...key,
    token: { ...string, description: 'The key itself, which is shown only once.' },
    api_key: { ...string, description: 'The same as token.' },
  }),
  Login: record({ token: string, username: string }),
  User: record({ username: string, created_at: string }),
  CurrentUser: record({
    username: string,
    created_at: string,
    role: { enum: roles, description: 'What the user may do.' },
  }),
  Providers: record({
    providers: {
      type: 'array',
      items: record({ name: string, display_name: string, enabled: { type: 'boolean' } }),
    },
  }),
  SignInPage: record({ authorization_url: string }),
  AccessToken: record({ access_token: string }),
  Message: record({ message: string }),
  McpMessage: mcpMessageSchema,
  McpRefusal: record({
    jsonrpc: string,
    error: record({ code: { type: 'integer' }, message: string }),
    id: { type: 'null' },
  }),
  Status: record({ status: string }),
  Refusal: record({ detail: string }),
  ValidationRefusal: record({
    detail: {
      anyOf: [
        string,
        {
          type: 'array',
          items: record(
            {
              type: string,
              loc: { type: 'array', items: { type: ['string', 'integer'] } },
              msg: string,
              input: {},
              ctx: { type: 'object', additionalProperties: true },
            },
            ['ctx'],
          ),
        },
      ],
    },
  }),
})

export type AnswerName = keyof typeof answers

export function declareAnswers(server: FastifyInstance): void {
  for (const [$id, schema] of Object.entries(answers)) server.addSchema({ ...schema, $id })
}

export const answer = (name: AnswerName) => ({ $ref: `${name}#` }) as const
export const listOf = (name: AnswerName) => ({ type: 'array', items: answer(name) }) as const
export const dataOf = (name: AnswerName) => record({ data: listOf(name) })

const reasons: Readonly<Record<number, string>> = {
  400: 'What was sent is no message, or a code, verifier or address that is not valid, or no longer',
  401: 'The credential is missing, or is not valid',
  403: 'The user may not do it, or the server is read only',
  404: 'There is no such thing',
  406: 'The client does not accept both application/json and text/event-stream',
  409: 'It is not in the state, or within the limit, that the request needs',
  413: 'The body is too large',
  415: 'The body is not declared to be JSON',
  422: 'The request breaks a rule that the detail names',
  429: 'Too many attempts; Retry-After says when to try again',
  500: 'A fault of the server',
  503: 'Not now; Retry-After says when to try again',
}

const retryAfter = { type: 'integer', description: 'Seconds until it may be tried again' } as const
const headers: Readonly<Record<number, Readonly<Record<string, Schema>>>> = {
  429: { 'Retry-After': retryAfter },
  503: { 'Retry-After': retryAfter },
}

/** Refusals, by status. */
export function refusals(...statuses: number[]): Record<number, Schema> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: reasons[status] ?? '',
        ...(headers[status] && { headers: headers[status] }),
        ...answer(status === 422 ? 'ValidationRefusal' : 'Refusal'),
      },
    ]),
  )
}

/** The answers of MCP's route, whose refusals are JSON-RPC's. */
export function mcpResponses(...refused: number[]): Record<number, Schema> {
  const refusal = ([status, { description, headers }]: [string, Schema]) => [
    status,
    { description, ...(headers !== undefined && { headers }), ...answer('McpRefusal') },
  ]
  return {
    200: answer('McpMessage'),
    202: { type: 'null', description: 'There was nothing to answer: notifications only' },
    ...Object.fromEntries(
      (Object.entries(refusals(...refused)) as [string, Schema][]).map(refusal),
    ),
  }
}

/** A page for a browser. */
const htmlPage = { content: { 'text/html': { schema: string } } }

/** The answers of a route that browsers open: the successful one, and pages that say why not. */
export function pages(good: Record<number, Schema>, ...refused: number[]): Record<number, Schema> {
  const others = [...refused, 500, 503].map((status) => [
    status,
    {
      description: reasons[status] ?? '',
      ...(headers[status] && { headers: headers[status] }),
      ...htmlPage,
    },
  ])
  return { ...good, ...Object.fromEntries(others) }
}

/** The answers of a route: the successful one, and the refusals that it has besides those of every route. */
export function responses(status: number, good: Schema, ...refused: number[]) {
  return { [status]: good, ...refusals(...refused, 500, 503) } as Record<number, Schema>
}
