import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import { StoreError } from '../../errors.ts'
import {
  completeProposal,
  contextSchema,
  domainsSchema,
  extensionsSchema,
  insightSchema,
} from '../../knowledge/knowledge-unit.ts'
import type { KnowledgeUnit } from '../../knowledge/records.ts'
import type { Store } from '../../store.ts'
import { HttpError } from '../errors.ts'
import { answer, responses } from '../schemas.ts'

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

const proposalHeaders = {
  type: 'object',
  properties: {
    'idempotency-key': {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      pattern: '^[!-~]*$',
      description:
        'A new random text for each proposal, the same whenever it is sent again: visible ASCII characters.',
      examples: ['0b5c8a3e-6f0e-4a57-9d0c-3c1b1f0e7a11'],
    },
  },
} as const satisfies JSONSchema

const proposalQuery = {
  type: 'object',
  properties: {
    similar: {
      type: 'boolean',
      default: false,
      description:
        'Whether the answer names approved and pending units that resemble the proposal.',
    },
  },
} as const satisfies JSONSchema

const proposalAnswers = responses(201, answer('ProposedUnit'), 401, 403, 413, 422)
const proposalResponses = {
  ...proposalAnswers,
  201: {
    ...proposalAnswers[201],
    description: 'The proposed unit',
    headers: {
      'Idempotency-Replayed': {
        type: 'string',
        description: '`true` if it was proposed before: the unit is the one that is there.',
      },
    },
  },
}

/** What the routes of proposals take and answer. */
export const proposing = {
  tags: ['knowledge'],
  summary: 'Propose a unit, which is then reviewed',
  operationId: 'proposeUnit',
  security: [{ apiKey: [] }],
  description:
    'The same proposal by the same user within 24 hours is answered with the unit that is there: it is recognised by ' +
    'its Idempotency-Key or, without one, by its domains and text.',
  headers: proposalHeaders,
  querystring: proposalQuery,
  body: proposalSchema,
  response: proposalResponses,
} as const

export interface ProposalRequest {
  readonly headers: FromSchema<typeof proposalHeaders>
  readonly query: FromSchema<typeof proposalQuery>
  readonly body: FromSchema<typeof proposalSchema>
}

interface ProposeOptions {
  readonly now: Date
  readonly idempotencyKey?: string | undefined
  /** Whether the answer names units that resemble the proposal. */
  readonly similar?: boolean
}

/** The unit's JSON, and whether it was there before. */
interface Proposed {
  readonly text: string
  readonly isReplayed: boolean
}

/** Adds a unit, or finds the one that is there if its proposal was made before. @throws {HttpError} 422 */
export async function propose(
  store: Store,
  username: string,
  { domains, insight, context, extensions }: FromSchema<typeof proposalSchema>,
  { now, idempotencyKey, similar = false }: ProposeOptions,
): Promise<Proposed> {
  const proposal = {
    domains,
    insight,
    tier: 'private' as const,
    created_by: username,
    ...(context && { context }),
    ...(extensions && { extensions }),
  }
  // A schema has checked it.
  const unit = completeProposal(proposal, now)
  const known = await keyIsTaken(store.asText('legacy', 'propose', unit, { idempotencyKey }))
  const isReplayed = known !== 'null'
  const text = isReplayed ? known : JSON.stringify(unit)
  if (!similar) return { text, isReplayed }
  const { id } = JSON.parse(text) as KnowledgeUnit
  const others = JSON.stringify(await store.similarUnits(unit, { except: id }))
  return { text: `${text.slice(0, -1)},"similar":${others}}`, isReplayed }
}

/** @throws {HttpError} 422 if the key stands for another proposal */
async function keyIsTaken<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'conflict') throw error
    throw new HttpError(422, error.message, {}, { cause: error })
  }
}
