import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import {
  ErrorCode,
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCResponse,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Store } from '../../store.ts'
import { forgetKey, type KeyAuthentication } from '../authentication.ts'
import { largestBody } from '../body.ts'
import { HttpError, refusalOf } from '../errors.ts'
import { jsonAnswer, messageText } from '../json-answer.ts'
import { mcpMessageSchema, mcpResponses } from '../schemas.ts'
import { protocolServer } from './messages.ts'
import { refuseForeign } from './origins.ts'
import type { ToolContext } from './tools.ts'

export interface McpOptions {
  /**
   * Origins of web pages that may use `/mcp` besides pages of the server's own, such as `https://cq.example`. Also
   * needed where a proxy changes `Host` and is not trusted to say so. @default none
   */
  readonly allowedOrigins?: readonly string[] | undefined
}

/** The most messages of a batch: an answer to each may be megabytes long. */
const mostMessages = 10
/** The code of errors that are HTTP's and not the protocol's. */
const outsideProtocol = -32_000

const schema = {
  tags: ['mcp'],
  summary: 'MCP over Streamable HTTP',
  description:
    'A message of the Model Context Protocol, or several, answered by JSON. Tools: query, propose, confirm, flag, status. The API key is needed by propose, confirm and flag.',
  operationId: 'callMcp',
  security: [{}, { apiKey: [] }],
  body: {
    ...mcpMessageSchema,
    examples: [
      {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'query', arguments: { domains: ['sqlite'] } },
      },
    ],
  },
  response: mcpResponses(400, 401, 403, 406, 413, 415, 500, 503),
} as const

/**
 * Serves MCP at `/mcp`. Every request stands alone: nothing is kept from one to the next, and so any server of a
 * database can answer any of them.
 */
export async function mcpRoute(
  server: FastifyInstance,
  store: Store,
  authentication: KeyAuthentication,
  now: () => Date,
  { allowedOrigins = [] }: McpOptions,
): Promise<void> {
  await server.register(async (mcp) => {
    mcp.setErrorHandler(answerInProtocol)
    // Its schema is for the documentation; the SDK checks the envelope, and tools their arguments.
    mcp.setValidatorCompiler(() => (value) => ({ value }))
    mcp.post(
      '/mcp',
      {
        onRequest: [refuseForeign(allowedOrigins), authentication.optionalApiKey],
        bodyLimit: largestBody,
        schema,
      },
      async (request, reply) => {
        let hasWritten = false
        const noteWrite = () => {
          hasWritten = true
        }
        const answer = await handle(request, { store, now, request, noteWrite })
        if (!hasWritten) forgetKey(request)
        if (typeof answer === 'string') return jsonAnswer(reply, answer)
        reply.code(answer.status)
        for (const [name, value] of answer.headers) reply.header(name, value)
        return answer.body === null ? reply.send() : answer.text()
      },
    )
  })
}

/** Answers as JSON, or refuses the request as a whole. */
async function handle(request: FastifyRequest, context: ToolContext): Promise<string | Response> {
  const { body } = request
  if (Array.isArray(body) && body.length > mostMessages)
    throw new HttpError(400, `A batch may hold at most ${mostMessages} messages`)
  const transport = new JsonTransport(body)
  await protocolServer(context).connect(transport)
  // Neither is closed: once it has answered, nothing refers to them, and closing makes errors for nobody to read.
  const handled = transport.handleRequest(toWebRequest(request), { parsedBody: body })
  return Promise.race([transport.answered, handled])
}

/**
 * The SDK's transport, but for the way of its answers: it would put them into a `Response`, which to encode, stream
 * and decode takes longer than everything else that it does. It says nothing then but what it refuses.
 */
class JsonTransport extends WebStandardStreamableHTTPServerTransport {
  readonly answered: Promise<string>
  override readonly send: (message: JSONRPCMessage) => Promise<void>

  constructor(body: unknown) {
    super({ enableJsonResponse: true })
    const { promise, resolve } = Promise.withResolvers<string>()
    this.answered = promise
    const requests = [body].flat().filter(isJSONRPCRequest)
    const answers = new Map<RequestId | undefined, string>()
    const ids = new Set(requests.map(({ id }) => id))
    this.send = async (message) => {
      answers.set((message as JSONRPCResponse).id, messageText(message))
      if (answers.size < ids.size) return
      const all = [...ids].map((id) => answers.get(id))
      resolve(all.length > 1 ? `[${all}]` : `${all}`)
    }
  }
}

/** The transport reads these headers only; the body has been read. */
const readHeaders = ['accept', 'content-type', 'mcp-protocol-version'] as const

function toWebRequest({ headers }: FastifyRequest): Request {
  const kept = new Headers()
  for (const name of readHeaders) {
    const value = headers[name]
    if (value !== undefined) kept.set(name, String(value))
  }
  return new Request('http://localhost/mcp', { method: 'POST', headers: kept })
}

/** Refusals of a request as a whole, in the form that MCP's clients read. */
function answerInProtocol(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, headers, message, detail } = refusalOf(error, request)
  const isBroken = typeof detail !== 'string' && detail[0]?.type === 'json_invalid'
  const code = isBroken ? ErrorCode.ParseError : outsideProtocol
  return reply
    .code(isBroken ? 400 : status)
    .headers(headers)
    .send({ jsonrpc: '2.0', error: { code, message }, id: null })
}
