import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'

/**
 * A result that is JSON text already, an object's: units come from the store as text, and are passed on as such. It is
 * what the SDK takes for a result, and does not look into.
 */
export class JsonText {
  readonly json: string
  constructor(json: string) {
    this.json = json
  }
}

/** A message as JSON text. */
export function toJson(message: JSONRPCMessage): string {
  if (!('result' in message) || !(message.result instanceof JsonText))
    return JSON.stringify(message)
  return `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${message.result.json}}`
}
