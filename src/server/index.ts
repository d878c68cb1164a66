export type { MetricsAddress } from './metrics-address.ts'
export { type CqServerOptions, cqServer, createServer, type ServerOptions } from './server.ts'
