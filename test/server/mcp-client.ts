import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'

/** The SDK's own client, connected to a server. */
export class McpClient extends Client implements AsyncDisposable {
  static async connect(
    url: string,
    apiKey?: string,
    fetching: typeof fetch = fetch,
  ): Promise<McpClient> {
    const client = new McpClient({ name: 'test', version: '1' })
    const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers },
      fetch: fetching as never,
    })
    // The SDK's types are not exact about optional properties.
    await client.connect(transport as never)
    return client
  }

  /** Calls a tool. Once tools are listed, the client checks what it gets against their output schemas. */
  async call(name: string, input?: object): Promise<ToolOutcome> {
    const result = (await this.callTool({ name, arguments: { ...input } })) as CallToolResult
    const [first] = result.content
    if (result.content.length !== 1 || first?.type !== 'text') throw new Error('it is not one text')
    return {
      text: first.text,
      isError: result.isError === true,
      structured: result.structuredContent,
    }
  }

  /** The result of a call that succeeds. */
  async result<Value>(name: string, input?: object): Promise<Value> {
    const { text, isError } = await this.call(name, input)
    if (isError) throw new Error(text)
    return JSON.parse(text) as Value
  }

  /** What a call that fails says. */
  async refusal(name: string, input?: object): Promise<string> {
    const { text, isError, structured } = await this.call(name, input)
    if (!isError || structured !== undefined) throw new Error(`it is no refusal: ${text}`)
    return text
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

interface ToolOutcome {
  readonly text: string
  readonly isError: boolean
  readonly structured: Record<string, unknown> | undefined
}
