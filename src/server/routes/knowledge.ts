import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import type { UnitView } from '../../knowledge/document.ts'
import { flagSchema, mostQueried } from '../../knowledge/knowledge-unit.ts'
import type { Store } from '../../store.ts'
import { type Authentication, callerOf } from '../authentication.ts'
import { largestBody } from '../body.ts'
import { notFoundAs } from '../errors.ts'
import { jsonAnswer } from '../json-answer.ts'
import { answer, listOf, responses, text } from '../schemas.ts'
import type { SchemaTypes } from '../validation.ts'
import { type ProposalRequest, propose, proposing } from './proposals.ts'

const texts = { type: 'array', maxItems: mostQueried as number, items: text } as const

/** Characters of a text that is searched for. */
const mostSearched = 10_000

/** The most units that one query returns, whatever limit is requested. */
export const mostUnits = 50

export const querySchema = {
  type: 'object',
  required: ['domains'],
  properties: {
    domains: { ...texts, minItems: 1 as number, examples: [['sqlite', 'nodejs']] },
    languages: texts,
    frameworks: texts,
    pattern: text,
    limit: { type: 'integer', exclusiveMinimum: 0, default: 5 },
    text: {
      ...text,
      maxLength: mostSearched,
      description: 'Words: units that match them are found, too, whatever their domains.',
    },
  },
} as const satisfies JSONSchema

const searchSchema = {
  type: 'object',
  required: ['q'],
  properties: {
    q: {
      ...text,
      maxLength: mostSearched,
      description: 'Words in the summary, detail, action or domains; any text is allowed.',
      examples: ['write-ahead log grows'],
    },
    domains: { ...texts, description: 'Units that share some of these rank higher.' },
    languages: texts,
    frameworks: texts,
    pattern: text,
    limit: { type: 'integer', exclusiveMinimum: 0, default: 10 },
  },
} as const satisfies JSONSchema

export const unitParams = {
  type: 'object',
  required: ['unit_id'],
  properties: { unit_id: { ...text, examples: ['ku_0123456789abcdef0123456789abcdef'] } },
} as const satisfies JSONSchema

export const unitNotFound = notFoundAs('Knowledge unit not found')

/** What agents query, propose, confirm and flag, in the current API. */
export function knowledgeRoutes(
  instance: FastifyInstance,
  store: Store,
  { apiKey }: Authentication,
  now: () => Date,
): void {
  const server = instance.withTypeProvider<SchemaTypes>()

  server.get('/knowledge', { schema: querying(answer('UnitsFound')) }, async ({ query }, reply) => {
    const { units, suggestions } = await findUnits(store, query)
    return jsonAnswer(reply, `{"data":${units}${suggestions}}`)
  })

  server.get(
    '/knowledge/search',
    {
      schema: {
        tags: ['knowledge'],
        summary: 'Approved units that match words, best first',
        description:
          'Units that have all of the words or, if there is none, any of them. Words are compared by their stems, ' +
          'without accents and in any letter case, and where that finds nothing, the last one by its beginning.',
        operationId: 'searchUnits',
        querystring: searchSchema,
        response: responses(200, answer('SearchHits'), 422),
      },
    },
    async ({ query: { q, limit, ...options } }, reply) => {
      const hits = await store.asText('public', 'search', q, {
        ...options,
        limit: Math.min(limit, mostUnits),
      })
      return jsonAnswer(reply, `{"data":${hits}}`)
    },
  )

  server.post(
    '/knowledge',
    { onRequest: apiKey, schema: proposing, bodyLimit: largestBody },
    (request, reply) => answerProposal(store, now(), request, reply),
  )

  server.post(
    '/knowledge/:unit_id/confirmations',
    {
      onRequest: apiKey,
      schema: confirming(responses(201, answer('PublicKnowledgeUnit'), 401, 403, 404, 413, 422)),
    },
    async ({ params: { unit_id } }, reply) => {
      const unit = await unitNotFound(store.asText('public', 'confirm', unit_id))
      reply.code(201)
      return jsonAnswer(reply, unit)
    },
  )

  server.post(
    '/knowledge/:unit_id/flags',
    {
      onRequest: apiKey,
      schema: flagging(responses(201, answer('PublicKnowledgeUnit'), 401, 403, 404, 409, 413, 422)),
    },
    async ({ params: { unit_id }, body }, reply) => {
      const unit = await unitNotFound(store.asText('public', 'flag', unit_id, body))
      reply.code(201)
      return jsonAnswer(reply, unit)
    },
  )

  server.get(
    '/knowledge/stats',
    {
      schema: {
        tags: ['knowledge'],
        summary: 'Statistics about the units',
        operationId: 'getStats',
        response: responses(200, answer('KnowledgeStats')),
      },
    },
    async (_request, reply) => jsonAnswer(reply, await store.asText('public', 'stats')),
  )
}

/** The same in the legacy API. */
export function legacyKnowledgeRoutes(
  instance: FastifyInstance,
  store: Store,
  { apiKey }: Authentication,
  now: () => Date,
): void {
  const server = instance.withTypeProvider<SchemaTypes>()

  server.get(
    '/query',
    { schema: deprecated(querying(listOf('KnowledgeUnit'))) },
    async ({ query }, reply) => jsonAnswer(reply, await queryUnits(store, 'legacy', query)),
  )

  server.post(
    '/propose',
    { onRequest: apiKey, schema: deprecated(proposing), bodyLimit: largestBody },
    (request, reply) => answerProposal(store, now(), request, reply),
  )

  server.post(
    '/confirm/:unit_id',
    {
      onRequest: apiKey,
      schema: deprecated(
        confirming(responses(200, answer('KnowledgeUnit'), 401, 403, 404, 413, 422)),
      ),
    },
    async ({ params: { unit_id } }, reply) =>
      jsonAnswer(reply, await unitNotFound(store.asText('legacy', 'confirm', unit_id))),
  )

  server.post(
    '/flag/:unit_id',
    {
      onRequest: apiKey,
      schema: deprecated(
        flagging(responses(200, answer('KnowledgeUnit'), 401, 403, 404, 409, 413, 422)),
      ),
    },
    async ({ params: { unit_id }, body }, reply) =>
      jsonAnswer(reply, await unitNotFound(store.asText('legacy', 'flag', unit_id, body))),
  )

  server.get(
    '/stats',
    {
      schema: deprecated({
        tags: ['knowledge'],
        summary: 'Statistics about the units',
        operationId: 'getStats',
        response: responses(200, answer('LegacyStats')),
      }),
    },
    async (_request, reply) => {
      const { total_count, tier_counts, domain_counts } = await store.stats()
      const domains = Object.entries(domain_counts).toSorted(mostFrequentFirst)
      const members = domains.map(([name, count]) => `${JSON.stringify(name)}:${count}`)
      return jsonAnswer(
        reply,
        `{"total_units":${total_count},"tiers":${JSON.stringify(tier_counts)},"domains":{${members}}}`,
      )
    },
  )
}

type NamedCount = readonly [name: string, count: number]

/** The order that an object loses if a name looks like an integer, such as `2026`. */
export function mostFrequentFirst([one, ones]: NamedCount, [other, others]: NamedCount): number {
  return others - ones || (one < other ? -1 : 1)
}

const apiKeySecurity = [{ apiKey: [] }]

const querying = (good: Parameters<typeof responses>[1]) =>
  ({
    tags: ['knowledge'],
    summary: 'Approved units that share a domain with the query, best first',
    operationId: 'queryUnits',
    querystring: querySchema,
    response: responses(200, good, 422),
  }) as const

const confirming = (response: ReturnType<typeof responses>) =>
  ({
    tags: ['knowledge'],
    summary: 'Confirm an approved unit, which raises its confidence',
    operationId: 'confirmUnit',
    security: apiKeySecurity,
    params: unitParams,
    response,
  }) as const

const flagging = (response: ReturnType<typeof responses>) =>
  ({
    tags: ['knowledge'],
    summary: 'Flag an approved unit, which lowers its confidence',
    operationId: 'flagUnit',
    security: apiKeySecurity,
    params: unitParams,
    body: { ...flagSchema, examples: [{ reason: 'stale', detail: 'Version 9 guesses the type.' }] },
    response,
  }) as const

/** Marks a route of the legacy API. */
export function deprecated<Schema extends FastifySchema>(schema: Schema) {
  return { ...schema, deprecated: true } as const
}

export function queryUnits(
  store: Store,
  view: UnitView,
  { domains, limit, ...context }: FromSchema<typeof querySchema>,
): Promise<string> {
  return store.asText(view, 'query', domains, { ...context, limit: Math.min(limit, mostUnits) })
}

/** The units that a query finds, as JSON; and where there are none, near domains as a further member, if there are any. */
export async function findUnits(store: Store, query: FromSchema<typeof querySchema>) {
  const units = await queryUnits(store, 'public', query)
  const near = units === '[]' ? await store.suggestDomains(query.domains) : []
  return { units, suggestions: near.length > 0 ? `,"suggestions":${JSON.stringify(near)}` : '' }
}

async function answerProposal(
  store: Store,
  now: Date,
  request: FastifyRequest & ProposalRequest,
  reply: FastifyReply,
): Promise<string> {
  const { text, isReplayed } = await propose(store, callerOf(request).username, request.body, {
    now,
    idempotencyKey: request.headers['idempotency-key'],
    similar: request.query.similar,
  })
  reply.code(201)
  if (isReplayed) reply.header('Idempotency-Replayed', 'true')
  return jsonAnswer(reply, text)
}
