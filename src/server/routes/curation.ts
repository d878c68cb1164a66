import type { FastifyInstance } from 'fastify'
import type { JSONSchema } from 'json-schema-to-ts'
import { browseOrders, tiers, unitStatuses } from '../../knowledge/records.ts'
import { isTimestamp } from '../../knowledge/timestamps.ts'
import type { BrowseFilters, Store } from '../../store.ts'
import type { Authentication } from '../authentication.ts'
import { largestBody } from '../body.ts'
import { HttpError } from '../errors.ts'
import { jsonAnswer } from '../json-answer.ts'
import { requireReviewer } from '../permissions.ts'
import { answer, responses, text } from '../schemas.ts'
import type { SchemaTypes } from '../validation.ts'
import { unitNotFound, unitParams } from './knowledge.ts'

const mostAtOnce = 500
const time = { ...text, description: 'RFC 3339.' } as const

const filters = {
  status: { enum: unitStatuses },
  domain: { ...text, description: 'Blank: all.' },
  tier: { enum: tiers },
  proposer: { ...text, description: 'As the units name who proposed them.' },
  text: {
    ...text,
    maxLength: 200,
    description: 'Words that must all be in the id, the domains or the text, in any letter case.',
  },
  confidence_min: { type: 'number' },
  confidence_max: { type: 'number', description: 'Exclusive below 1.' },
  flagged: { type: 'boolean', description: 'Only units with flags, or only those without.' },
  proposed_after: { ...time, description: 'Inclusive. RFC 3339.' },
  proposed_before: { ...time, description: 'Exclusive. RFC 3339.' },
} as const

const filterSchema = { type: 'object', properties: filters } as const satisfies JSONSchema
const browseSchema = {
  type: 'object',
  properties: {
    ...filters,
    order: {
      enum: browseOrders,
      default: 'newest',
      description: 'By when units were created; or those that were decided, the last one first.',
    },
    cursor: { ...text, description: 'The next_cursor of the page before.' },
    limit: { type: 'integer', minimum: 1, maximum: mostAtOnce, default: 50 },
  },
} as const satisfies JSONSchema

const decisionsSchema = {
  type: 'object',
  properties: {
    since: { ...time, description: 'Inclusive. RFC 3339.' },
    limit: { type: 'integer', minimum: 1, maximum: mostAtOnce, default: 100 },
  },
} as const satisfies JSONSchema

const decideSchema = {
  type: 'object',
  required: ['unit_ids', 'decision'],
  properties: {
    unit_ids: { type: 'array', minItems: 1 as number, maxItems: mostAtOnce as number, items: text },
    decision: { enum: unitStatuses, description: 'pending: open them again.' },
    from: {
      enum: unitStatuses,
      default: 'pending',
      description: 'The status that the reviewer saw: a unit with another one is left as it is.',
    },
  },
  examples: [{ unit_ids: ['ku_0123456789abcdef0123456789abcdef'], decision: 'approved' }],
} as const satisfies JSONSchema

const texts = { summary: text, detail: text, action: text } as const
const domains = { type: 'array', items: text } as const
const editSchema = {
  type: 'object',
  properties: {
    domains,
    insight: { type: 'object', properties: texts },
    seen: {
      type: 'object',
      description: 'What the reviewer saw: if the unit is no longer so, it is left as it is.',
      required: ['domains', 'insight'],
      properties: {
        domains,
        insight: { type: 'object', required: ['summary', 'detail', 'action'], properties: texts },
      },
    },
  },
  examples: [{ domains: ['sqlite'], insight: { summary: 'Use WAL.' } }],
} as const satisfies JSONSchema

/** What reviewers do beyond what the reference server offers. */
export function curationRoutes(
  instance: FastifyInstance,
  store: Store,
  { user }: Authentication,
): void {
  const server = instance.withTypeProvider<SchemaTypes>()
  const review = { tags: ['review'], security: [{ login: [] }] }

  server.get(
    '/review/browse',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'Units that match every filter, page by page',
        description:
          'A page may be shorter than the limit, or empty, while next_cursor is not null: filters look at so many ' +
          'units at a time.',
        operationId: 'browseUnits',
        querystring: browseSchema,
        response: responses(200, answer('BrowsePage'), 401, 422),
      } as const,
    },
    async ({ query: { order, cursor, limit, ...given } }, reply) => {
      const options = { ...filtersOf(given), order, limit, ...(cursor && { cursor }) }
      return jsonAnswer(reply, await store.asText('review', 'browseUnits', options))
    },
  )

  server.get(
    '/review/count',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'How many units match every filter, or at least match',
        operationId: 'countUnits',
        querystring: filterSchema,
        response: responses(200, answer('BrowseCount'), 401, 422),
      } as const,
    },
    ({ query }) => store.countUnits(filtersOf(query)),
  )

  server.get(
    '/review/decisions',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'The last decisions that stand, newest first',
        operationId: 'listDecisions',
        querystring: decisionsSchema,
        response: responses(200, answer('Decisions'), 401, 422),
      } as const,
    },
    async ({ query }) => ({ decisions: await store.listDecisions(query) }),
  )

  server.post(
    '/review/decisions',
    {
      onRequest: user,
      // 500 ids, with room for white space.
      bodyLimit: 65_536,
      schema: {
        ...review,
        summary: 'Decide several units, or open them again; each for itself',
        operationId: 'decideUnits',
        body: decideSchema,
        response: responses(200, answer('DecisionOutcomes'), 401, 403, 413, 422),
      } as const,
    },
    async (request) => {
      const { unit_ids, decision, from } = request.body
      if (decision === from)
        throw new HttpError(422, `decision must differ from '${from}', the status before`)
      const reviewer = await requireReviewer(store, request)
      return { outcomes: await store.decideMany(unit_ids, { decision, from, ...reviewer }) }
    },
  )

  server.get(
    '/review/insights',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'Approved units to look at: flagged, most confirmed, and stale ones',
        operationId: 'getInsights',
        querystring: {
          type: 'object',
          properties: { limit: { type: 'integer', minimum: 1, maximum: 100, default: 10 } },
        },
        response: responses(200, answer('Insights'), 401, 422),
      } as const,
    },
    ({ query }) => store.insights(query.limit),
  )

  server.patch(
    '/review/:unit_id',
    {
      onRequest: user,
      bodyLimit: largestBody,
      schema: {
        ...review,
        summary: 'Change domains and text of a unit, whatever its status',
        operationId: 'editUnit',
        params: unitParams,
        body: editSchema,
        response: responses(200, answer('ReviewItem'), 401, 403, 404, 409, 413, 422),
      } as const,
    },
    async (request, reply) => {
      const { seen, ...edit } = request.body
      const { reviewedBy: editedBy, ownProposals } = await requireReviewer(store, request)
      const options = { editedBy, ownProposals, ...(seen && { seen }) }
      const { unit_id } = request.params
      const edited = store.asText('review', 'editUnit', unit_id, edit, options)
      return jsonAnswer(reply, await unitNotFound(edited))
    },
  )

  server.get(
    '/review/:unit_id/history',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'What was done to a unit beside its first decision, newest first',
        operationId: 'listHistory',
        params: unitParams,
        response: responses(200, answer('UnitHistory'), 401, 422),
      } as const,
    },
    async ({ params: { unit_id } }) => ({ history: await store.unitHistory(unit_id) }),
  )

  server.get(
    '/review/:unit_id/similar',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'Approved and pending units that resemble a unit, the most similar first',
        operationId: 'listSimilarUnits',
        params: unitParams,
        response: responses(200, answer('SimilarUnits'), 401, 404, 422),
      } as const,
    },
    async ({ params: { unit_id } }) => {
      const unit = await store.getAny(unit_id)
      if (!unit) throw new HttpError(404, 'Knowledge unit not found')
      return { similar: await store.similarUnits(unit, { except: unit_id }) }
    },
  )
}

interface GivenFilters extends Pick<BrowseFilters, 'status' | 'domain' | 'tier' | 'proposer'> {
  readonly text?: string
  readonly flagged?: boolean
  readonly confidence_min?: number
  readonly confidence_max?: number
  readonly proposed_after?: string
  readonly proposed_before?: string
}

/** @throws {HttpError} 422 */
function requireTime(name: string, value: string): void {
  if (!isTimestamp(value)) throw new HttpError(422, `${name} must be an RFC 3339 timestamp`)
}

function filtersOf(given: GivenFilters): BrowseFilters {
  const { confidence_min, confidence_max, proposed_after, proposed_before, ...others } = given
  for (const [name, value] of Object.entries({ proposed_after, proposed_before }))
    if (value !== undefined) requireTime(name, value)
  return {
    ...others,
    confidenceMin: confidence_min,
    confidenceMax: confidence_max,
    proposedAfter: proposed_after,
    proposedBefore: proposed_before,
  }
}
