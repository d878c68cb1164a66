export { type CqServerOptions, cqServer, createServer, type ServerOptions } from './server.ts'
