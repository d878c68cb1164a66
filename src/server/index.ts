export type { McpOptions } from './mcp/plugin.ts'
export type { MetricsAddress } from './metrics-address.ts'
export {
  type CqMcpOptions,
  type CqServerOptions,
  cqMcp,
  cqServer,
  createServer,
  type ServerOptions,
} from './server.ts'
