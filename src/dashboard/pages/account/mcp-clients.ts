/** Whether the server speaks MCP at <address>/mcp. */
export const hasMcp: boolean = true

/** How an MCP client is told of the server. */
export interface McpClient {
  readonly name: string
  /** The file that the text goes into, or that it is a command. */
  readonly where: string
  /** `key` is what stands for the API key. */
  readonly text: (address: string, key: string) => string
}

const json = (value: unknown) => JSON.stringify(value, null, 2)

export const mcpClients: readonly McpClient[] = [
  {
    name: 'Claude Code',
    where: 'A command',
    text: (address, key) =>
      `claude mcp add --transport http cq ${address}/mcp --header "Authorization: Bearer ${key}"`,
  },
  {
    name: 'Codex',
    where: '~/.codex/config.toml, which reads the key from the variable CQ_API_KEY',
    text: (address) =>
      `[mcp_servers.cq]\nurl = "${address}/mcp"\nbearer_token_env_var = "CQ_API_KEY"`,
  },
  {
    name: 'Cursor',
    where: '~/.cursor/mcp.json',
    text: (address, key) =>
      json({
        mcpServers: { cq: { url: `${address}/mcp`, headers: { Authorization: `Bearer ${key}` } } },
      }),
  },
  {
    name: 'VS Code',
    where: '.vscode/mcp.json, which asks for the key, since such a file is often shared',
    text: (address) =>
      json({
        inputs: [
          { type: 'promptString', id: 'cq-api-key', description: 'cq API key', password: true },
        ],
        servers: {
          cq: {
            type: 'http',
            url: `${address}/mcp`,
            headers: { Authorization: `Bearer \${input:cq-api-key}` },
          },
        },
      }),
  },
]
