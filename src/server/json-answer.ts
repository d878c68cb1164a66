import type { FastifyReply } from 'fastify'

/** The content type that Fastify sets for objects. */
const json = 'application/json; charset=utf-8'

/** Answers with JSON that is text already, which is sent as it is. */
export function jsonAnswer<Text extends string | Buffer>(reply: FastifyReply, text: Text): Text {
  reply.header('content-type', json)
  return text
}

/** The result of a JSON-RPC request that is JSON text already, an object's. */
export class JsonResult {
  readonly json: string
  constructor(json: string) {
    this.json = json
  }
}

/** A JSON-RPC message as JSON text. */
export function messageText(message: object): string {
  const { id, result } = message as { readonly id?: unknown; readonly result?: unknown }
  if (!(result instanceof JsonResult)) return JSON.stringify(message)
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result.json}}`
}
