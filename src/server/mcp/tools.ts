import type { Tool } from '@modelcontextprotocol/sdk/types.js'
import type { FastifyRequest } from 'fastify'
import type { FromSchema } from 'json-schema-to-ts'
import { flagSchema, knowledgeUnitSchema } from '../../knowledge/knowledge-unit.ts'
import { type FlagInput, flagReasons } from '../../knowledge/records.ts'
import type { Store } from '../../store.ts'
import { keyOwnerOf } from '../authentication.ts'
import { refusalOf } from '../errors.ts'
import { JsonResult } from '../json-answer.ts'
import { findUnits, mostUnits, querySchema, unitNotFound, unitParams } from '../routes/knowledge.ts'
import { proposalSchema, propose } from '../routes/proposals.ts'
import { statsSchema } from '../schemas.ts'
import { type Arguments, checkerOf, given, reasonIn, ToolError } from './arguments.ts'
import { keyNeeded } from './instructions.ts'
import { inputOf, type ObjectSchema, shapeOf } from './schemas.ts'

export interface ToolContext {
  readonly store: Store
  readonly now: () => Date
  readonly request: FastifyRequest
  /** Is called when something was written with the request's key. */
  readonly noteWrite: () => void
}

interface ToolAnswer {
  /** JSON. */
  readonly text: string
  /** The structured result, where that is not the text: it must be an object. */
  readonly structured?: string
}

interface ToolDefinition extends Tool {
  readonly call: (input: Arguments, context: ToolContext) => Promise<ToolAnswer>
}

const { domains, languages, frameworks, pattern, text } = querySchema.properties
const { insight, context, extensions } = proposalSchema.properties
const { detail, duplicate_of } = flagSchema.properties

const wholeUnit = shapeOf(knowledgeUnitSchema) as ObjectSchema
const { created_by: _, ...publicProperties } = wholeUnit.properties
const publicUnit = {
  ...wholeUnit,
  required: Object.keys(publicProperties),
  properties: publicProperties,
} satisfies ObjectSchema

const checkQuery = checkerOf<FromSchema<typeof querySchema>>(querySchema)
const checkProposal = checkerOf<FromSchema<typeof proposalSchema>>(proposalSchema)
const checkUnitId = checkerOf<FromSchema<typeof unitParams>>(unitParams)
const checkFlag = checkerOf<FlagInput>(flagSchema)

const unitIdInput = inputOf(
  unitParams.properties.unit_id,
  'Id of the unit, as query returned it: ku_...',
)
const open = { readOnlyHint: true, openWorldHint: false } as const
/** Each call adds something; nothing is taken away that a reviewer could not give back. */
const adding = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
} as const

const query: ToolDefinition = {
  name: 'query',
  title: 'Query knowledge units',
  description:
    'Find approved knowledge units that share a domain with the query, best first. Call it before you start on a task, and when an error surprises you.',
  inputSchema: {
    type: 'object',
    required: ['domains'],
    properties: {
      domains: inputOf(domains, 'Tags of the technologies involved, such as "sqlite".'),
      languages: inputOf(languages, 'Programming languages; they affect only the order.'),
      frameworks: inputOf(frameworks, 'Frameworks; they affect only the order.'),
      pattern: inputOf(pattern, 'Name of a pattern; it affects only the order.'),
      text: inputOf(
        text,
        'Words, such as those of an error message: units that match them are found, too, whatever their domains.',
      ),
      limit: {
        type: 'integer',
        description: `The most units to return, up to ${mostUnits}.`,
        default: querySchema.properties.limit.default,
      },
    },
  } as Tool['inputSchema'],
  outputSchema: {
    type: 'object',
    required: ['units'],
    properties: {
      units: { type: 'array', items: publicUnit },
      suggestions: {
        type: 'array',
        items: { type: 'string' },
        description: 'Where nothing was found: domains that resemble those of the query.',
      },
    },
  },
  annotations: open,
  async call({ limit, ...input }, { store }) {
    const asDefault = typeof limit === 'number' && limit <= 0
    const asked = checkQuery({ ...input, ...(limit !== undefined && !asDefault && { limit }) })
    const { units, suggestions } = await findUnits(store, asked)
    return { text: units, structured: `{"units":${units}${suggestions}}` }
  },
}

const proposing: ToolDefinition = {
  name: 'propose',
  title: 'Propose a knowledge unit',
  description:
    'Propose what you learnt, for other agents to find once it is approved. Query first, so as not to repeat what is known, and leave out whatever is private to your project.',
  inputSchema: {
    type: 'object',
    required: ['summary', 'detail', 'action', 'domains'],
    properties: {
      summary: inputOf(insight.properties.summary, 'What happens, in a sentence.'),
      detail: inputOf(insight.properties.detail, 'Why, and how it was found out.'),
      action: inputOf(insight.properties.action, 'What to do about it.'),
      domains: inputOf(
        proposalSchema.properties.domains,
        'Tags that others will query, such as "sqlite".',
      ),
      languages: inputOf(context.properties.languages, 'Programming languages it is about.'),
      frameworks: inputOf(context.properties.frameworks, 'Frameworks it is about.'),
      pattern: inputOf(context.properties.pattern, 'Name of the pattern it is about.'),
      extensions: {
        ...inputOf(extensions, 'Further fields, whose keys have the form namespace:key.'),
        additionalProperties: true,
      },
      similar: {
        type: 'boolean',
        description:
          'Whether to answer, too, which units resemble it: flag yours as a duplicate if one says the same.',
        default: false,
      },
    },
  } as Tool['inputSchema'],
  outputSchema: wholeUnit as Tool['outputSchema'],
  annotations: adding,
  async call({ similar, ...input }, { store, now, request }) {
    const owner = requireKey(request)
    const part = (names: readonly string[]) =>
      Object.entries(input).filter(([name]) => names.includes(name))
    const inContext = part(['languages', 'frameworks', 'pattern'])
    const { text } = await propose(
      store,
      owner,
      checkProposal({
        ...Object.fromEntries(part(['domains', 'extensions'])),
        insight: Object.fromEntries(part(['summary', 'detail', 'action'])),
        ...(inContext.length > 0 && { context: Object.fromEntries(inContext) }),
      }),
      { now: now(), similar: similar === true },
    )
    return { text }
  },
}

const confirm: ToolDefinition = {
  name: 'confirm',
  title: 'Confirm a knowledge unit',
  description:
    'Say that a unit proved right, which raises its confidence. Call it after its advice helped, or after you saw for yourself that it is still true.',
  inputSchema: { type: 'object', required: ['unit_id'], properties: { unit_id: unitIdInput } },
  outputSchema: publicUnit,
  annotations: adding,
  async call(input, { store, request }) {
    requireKey(request)
    const unitId = unitIdIn(input)
    return { text: await unitNotFound(store.asText('public', 'confirm', unitId)) }
  },
}

const flag: ToolDefinition = {
  name: 'flag',
  title: 'Flag a knowledge unit',
  description:
    'Say that a unit is stale, incorrect or a duplicate, which lowers its confidence and shows it to reviewers.',
  inputSchema: {
    type: 'object',
    required: ['unit_id', 'reason'],
    properties: {
      unit_id: unitIdInput,
      reason: inputOf(flagSchema.properties.reason, 'What is wrong with it.'),
      detail: inputOf(detail, 'What you found, for reviewers.'),
      duplicate_of: inputOf(duplicate_of, 'For a duplicate: the id of the unit that stays.'),
    },
  } as Tool['inputSchema'],
  outputSchema: publicUnit,
  annotations: adding,
  async call(input, { store, request }) {
    requireKey(request)
    const unitId = unitIdIn(input)
    const { reason, detail, duplicate_of } = input
    const checked = checkFlag({
      reason: reasonIn(reason, flagReasons),
      ...(detail !== undefined && { detail }),
      ...(duplicate_of !== undefined && { duplicate_of }),
    })
    return { text: await unitNotFound(store.asText('public', 'flag', unitId, checked)) }
  },
}

const status: ToolDefinition = {
  name: 'status',
  title: 'Show statistics',
  description: 'Show how many units there are, by tier, domain and confidence. No task needs it.',
  inputSchema: { type: 'object', properties: {} },
  outputSchema: shapeOf(statsSchema) as Tool['outputSchema'],
  annotations: open,
  async call(_input, { store }) {
    return { text: await store.asText('public', 'stats') }
  },
}

const definitions = [query, proposing, confirm, flag, status]
const byName = new Map(definitions.map((tool) => [tool.name, tool]))

/** What clients are told of the tools. */
export const tools: Tool[] = definitions.map(({ call: _call, ...tool }) => tool)

/**
 * Calls a tool. Whatever fails is told in the result, for the model to read.
 * @returns `undefined` if there is no such tool
 */
export async function callTool(
  name: string,
  input: Arguments,
  toolContext: ToolContext,
): Promise<JsonResult | undefined> {
  const tool = byName.get(name)
  if (!tool) return undefined
  try {
    const known = given(input, tool.inputSchema.properties)
    const { text, structured = text } = await tool.call(known, toolContext)
    if (!tool.annotations?.readOnlyHint) toolContext.noteWrite()
    return new JsonResult(`{"content":${contentOf(text)},"structuredContent":${structured}}`)
  } catch (error) {
    const why = whyNot(error, toolContext.request)
    return new JsonResult(`{"content":${contentOf(why)},"isError":true}`)
  }
}

function contentOf(text: string): string {
  return JSON.stringify([{ type: 'text', text }])
}

function whyNot(error: unknown, request: FastifyRequest): string {
  if (error instanceof ToolError) return error.message
  const { message, headers } = refusalOf(error, request)
  // A model that reads "try again" does so at once.
  return headers['retry-after'] === undefined ? message : `${message} later`
}

/** The owner of the request's key. @throws {ToolError} if it has none */
function requireKey(request: FastifyRequest): string {
  const owner = keyOwnerOf(request)
  if (owner === undefined) throw new ToolError(keyNeeded)
  return owner
}

function unitIdIn({ unit_id }: Arguments): string {
  if (unit_id === undefined || unit_id === '') throw new ToolError('unit_id is required')
  return checkUnitId({ unit_id }).unit_id
}
