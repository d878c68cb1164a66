import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestParamsSchema,
  CompleteRequestParamsSchema,
  ErrorCode,
  type JSONRPCRequest,
  ReadResourceRequestParamsSchema,
  type ServerCapabilities,
  type ServerResult,
} from '@modelcontextprotocol/sdk/types.js'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv'
import { StoreError } from '../../errors.ts'
import { version } from '../../version.ts'
import { HttpError, refusalOf } from '../errors.ts'
import type { JsonResult } from '../json-answer.ts'
import { instructions } from './instructions.ts'
import {
  completeDomain,
  isDomainOf,
  readResource,
  resources,
  resourceTemplates,
} from './resources.ts'
import { callTool, type ToolContext, tools } from './tools.ts'

/** A refusal in the protocol's own form; the SDK sends its code and message. */
class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const resourceNotFound = -32_002

type Result = ServerResult | JsonResult

/** Answers to each method that clients may call besides those that the SDK answers. */
const methods: Readonly<
  Record<string, (params: unknown, context: ToolContext) => Result | Promise<Result>>
> = {
  'tools/list': () => ({ tools }),
  'resources/list': () => ({ resources }),
  'resources/templates/list': () => ({ resourceTemplates }),

  async 'tools/call'(params, context) {
    const call = read(
      CallToolRequestParamsSchema,
      withoutNull(params),
      'name must be a text, and arguments an object',
    )
    const result = await callTool(call.name, call.arguments ?? {}, context)
    if (result) return result
    const names = tools.map(({ name }) => name).join(', ')
    throw new ProtocolError(ErrorCode.InvalidParams, `there is no such tool; there are ${names}`)
  },

  async 'resources/read'(params, { store }) {
    const { uri } = read(ReadResourceRequestParamsSchema, params, 'uri must be a text')
    const result = await readResource(store, uri)
    if (result) return result
    throw new ProtocolError(resourceNotFound, 'there is no such resource')
  },

  async 'completion/complete'(params, { store }) {
    const { ref, argument } = read(
      CompleteRequestParamsSchema,
      params,
      'ref must name a resource template, and argument have a name and a value',
    )
    if (ref.type === 'ref/resource' && isDomainOf(ref.uri, argument.name))
      return completeDomain(store, argument.value)
    if (ref.type === 'ref/resource' && resourceTemplates.some((one) => one.uriTemplate === ref.uri))
      return { completion: { values: [] } }
    throw new ProtocolError(ErrorCode.InvalidParams, 'ref must name a resource template')
  },
}

const serverInfo = { name: 'cq', title: 'cq: what coding agents have learnt', version }
const capabilities: ServerCapabilities = { tools: {}, resources: {}, completions: {} }
/** Shared, since making one takes a hundred times as long as an answer does. */
const jsonSchemaValidator = new AjvJsonSchemaValidator()

/** The SDK's server for one HTTP request. */
export function protocolServer(context: ToolContext): Server {
  const server = new Server(serverInfo, { capabilities, instructions, jsonSchemaValidator })
  // One for all methods, as registering each for every HTTP request would cost as much as the rest.
  server.fallbackRequestHandler = (request) => answer(request, context)
  // It could only be about a request of the same batch, which would then stay without an answer for ever.
  server.removeNotificationHandler('notifications/cancelled')
  return server
}

async function answer(
  { method, params }: Pick<JSONRPCRequest, 'method' | 'params'>,
  context: ToolContext,
): Promise<ServerResult> {
  if (!Object.hasOwn(methods, method))
    throw new ProtocolError(ErrorCode.MethodNotFound, 'Method not found')
  try {
    return (await methods[method]?.(params, context)) as ServerResult
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    const { status, message } = refusalOf(error, context.request)
    const isWrong = status < 500 && (error instanceof StoreError || error instanceof HttpError)
    throw new ProtocolError(isWrong ? ErrorCode.InvalidParams : ErrorCode.InternalError, message)
  }
}

interface Schema<Value> {
  safeParse(value: unknown): { readonly data?: Value | undefined }
}

/** @throws {ProtocolError} that says what is expected */
function read<Value>(schema: Schema<Value>, params: unknown, expected: string): Value {
  const { data } = schema.safeParse(params)
  if (data === undefined) throw new ProtocolError(ErrorCode.InvalidParams, expected)
  return data
}

/** Some clients send null for no arguments. */
function withoutNull(params: unknown): unknown {
  const { arguments: given, ...rest } = (params ?? {}) as Record<string, unknown>
  return given === null ? rest : params
}
