import type { FastifyInstance } from 'fastify'
import type { JSONSchema } from 'json-schema-to-ts'
import type { Decision, DecisionOutcome, ReviewDecision, Store } from '../../store.ts'
import { type Authentication, callerOf } from '../authentication.ts'
import { HttpError } from '../errors.ts'
import { jsonAnswer } from '../json-answer.ts'
import { requireAdmin, requireReviewer } from '../permissions.ts'
import { answer, listOf, responses, text } from '../schemas.ts'
import type { SchemaTypes } from '../validation.ts'
import { unitParams } from './knowledge.ts'

const limit = { type: 'integer', minimum: 0, maximum: 500 } as const
const offset = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const

const pageSchema = {
  type: 'object',
  properties: { limit: { ...limit, default: 20 }, offset: { ...offset, default: 0 } },
} as const satisfies JSONSchema

const listSchema = {
  type: 'object',
  properties: {
    domain: { ...text, description: 'Blank: all.' },
    confidence_min: { type: 'number' },
    confidence_max: { type: 'number' },
    status: { ...text, description: 'pending, approved or rejected. Blank: all.' },
    limit: { ...limit, default: 100 },
  },
} as const satisfies JSONSchema

/** What reviewers see and decide. */
export function reviewRoutes(
  instance: FastifyInstance,
  store: Store,
  { user }: Authentication,
): void {
  const server = instance.withTypeProvider<SchemaTypes>()
  const review = { tags: ['review'], security: [{ login: [] }] }

  server.get(
    '/review/queue',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'Pending units, oldest first, and their number',
        operationId: 'listPendingUnits',
        querystring: pageSchema,
        response: responses(200, answer('ReviewQueue'), 401, 422),
      } as const,
    },
    async ({ query }, reply) => {
      const page = await store.asText('review', 'reviewQueue', query)
      const { offset, limit } = query
      return jsonAnswer(reply, `${page.slice(0, -1)},"offset":${offset},"limit":${limit}}`)
    },
  )

  const decide = (path: string, decision: Decision, summary: string) =>
    server.post(
      path,
      {
        onRequest: user,
        schema: {
          ...review,
          summary,
          operationId: decision === 'approved' ? 'approveUnit' : 'rejectUnit',
          params: unitParams,
          response: responses(200, answer('ReviewDecision'), 401, 403, 404, 409, 413, 422),
        } as const,
      },
      async (request) => {
        const { unit_id } = request.params
        const reviewer = await requireReviewer(store, request)
        const [outcome] = await store.decideMany([unit_id], { decision, ...reviewer })
        return decided(outcome)
      },
    )
  decide('/review/:unit_id/approve', 'approved', 'Approve a pending unit')
  decide('/review/:unit_id/reject', 'rejected', 'Reject a pending unit')

  server.get(
    '/review/stats',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'Statistics for reviewers',
        operationId: 'getReviewStats',
        response: responses(200, answer('ReviewStats'), 401),
      },
    },
    async (_request, reply) => jsonAnswer(reply, await store.asText('review', 'reviewStats')),
  )

  server.get(
    '/review/units',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'Units that match every filter, newest first',
        operationId: 'listUnits',
        querystring: listSchema,
        response: responses(200, listOf('ReviewItem'), 401, 422),
      } as const,
    },
    async ({ query: { confidence_min, confidence_max, ...others } }, reply) => {
      const items = await store.asText('review', 'listUnits', {
        ...others,
        ...(confidence_min !== undefined && { confidenceMin: confidence_min }),
        ...(confidence_max !== undefined && { confidenceMax: confidence_max }),
      })
      return jsonAnswer(reply, items)
    },
  )

  server.get(
    '/review/:unit_id',
    {
      onRequest: user,
      schema: {
        ...review,
        summary: 'A unit and its review state, whatever its status',
        operationId: 'getUnit',
        params: unitParams,
        response: responses(200, answer('ReviewItem'), 401, 404, 422),
      } as const,
    },
    async ({ params: { unit_id } }, reply) => {
      const item = await store.asText('review', 'reviewItem', unit_id)
      if (item === 'null') throw new HttpError(404, 'Knowledge unit not found')
      return jsonAnswer(reply, item)
    },
  )
}

/** The answer to one decision. @throws {HttpError} */
function decided(one: DecisionOutcome | undefined): ReviewDecision {
  if (!one || one.status === null) throw new HttpError(404, 'Knowledge unit not found')
  const { outcome, status, ...rest } = one
  if (outcome === 'forbidden')
    throw new HttpError(403, 'You proposed this unit, so that another reviewer must decide')
  if (outcome === 'conflict') throw new HttpError(409, `Knowledge unit already ${status}`)
  return { ...rest, status }
}

/** Deletes a unit for good, which the reference server cannot do. */
export function removalRoute(
  instance: FastifyInstance,
  store: Store,
  { user }: Authentication,
): void {
  instance.withTypeProvider<SchemaTypes>().delete(
    '/review/:unit_id',
    {
      onRequest: user,
      schema: {
        tags: ['review'],
        operationId: 'removeUnit',
        security: [{ login: [] }],
        summary: 'Delete a unit for good, whatever its status',
        description: 'For example because it holds a secret. References of other units to it stay.',
        params: unitParams,
        response: responses(200, answer('Message'), 401, 403, 404, 413, 422),
      } as const,
    },
    async (request) => {
      const { unit_id } = request.params
      await requireAdmin(store, request)
      if (!(await store.removeUnit(unit_id))) throw new HttpError(404, 'Knowledge unit not found')
      const removed_by = callerOf(request).username
      request.log.info({ unit_id, removed_by }, 'knowledge unit removed')
      return { message: 'Knowledge unit removed.' }
    },
  )
}
