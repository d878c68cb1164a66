import type { FastifyInstance, FastifySchema } from 'fastify'
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import type { UnitView } from '../../knowledge/document.ts'
import {
  completeProposal,
  contextSchema,
  domainsSchema,
  extensionsSchema,
  flagSchema,
  insightSchema,
  mostQueried,
} from '../../knowledge/knowledge-unit.ts'
import type { KnowledgeUnit } from '../../knowledge/records.ts'
import type { Store } from '../../store.ts'
import { type Authentication, callerOf } from '../authentication.ts'
import { largestBody } from '../body.ts'
import { notFoundAs } from '../errors.ts'
import { jsonAnswer } from '../json-answer.ts'
import { answer, dataOf, listOf, responses, text } from '../schemas.ts'
import type { SchemaTypes } from '../validation.ts'

const texts = { type: 'array', maxItems: mostQueried as number, items: text } as const

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
  },
} as const satisfies JSONSchema

export const proposalSchema = {
  type: 'object',
  required: ['domains', 'insight'],
  properties: {
    domains: domainsSchema,
    insight: insightSchema,
    context: contextSchema,
    extensions: extensionsSchema,
    // No type and no limit: clients drop a unit for good if its proposal is refused.
    created_by: { description: 'Ignored: the owner of the API key is the proposer.' },
  },
  examples: [
    {
      domains: ['sqlite'],
      insight: {
        summary: 'An upsert needs WHERE true after a SELECT.',
        detail: 'Without it, SQLite takes ON CONFLICT for the condition of a join.',
        action: 'Write INSERT INTO ... SELECT ... WHERE true ON CONFLICT ...',
      },
      context: { languages: ['sql'] },
    },
  ],
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

  server.get(
    '/knowledge',
    { schema: querying(dataOf('PublicKnowledgeUnit')) },
    async ({ query }, reply) =>
      jsonAnswer(reply, `{"data":${await queryUnits(store, 'public', query)}}`),
  )

  server.post(
    '/knowledge',
    { onRequest: apiKey, schema: proposing, bodyLimit: largestBody },
    async (request, reply) => {
      reply.code(201)
      return propose(store, callerOf(request).username, request.body, now())
    },
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
    async (request, reply) => {
      reply.code(201)
      return propose(store, callerOf(request).username, request.body, now())
    },
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

const proposing = {
  tags: ['knowledge'],
  summary: 'Propose a unit, which is then reviewed',
  operationId: 'proposeUnit',
  security: apiKeySecurity,
  body: proposalSchema,
  response: responses(201, answer('KnowledgeUnit'), 401, 403, 413, 422),
} as const

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

export async function propose(
  store: Store,
  username: string,
  { domains, insight, context, extensions }: FromSchema<typeof proposalSchema>,
  now: Date,
): Promise<KnowledgeUnit> {
  const proposal = {
    domains,
    insight,
    tier: 'private' as const,
    created_by: username,
    ...(context && { context }),
    ...(extensions && { extensions }),
  }
  // The route's schema has checked it.
  const unit = completeProposal(proposal, now)
  await store.insert(unit)
  return unit
}
