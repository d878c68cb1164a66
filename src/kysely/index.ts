export { OffloadDialect, type OffloadDialectOptions } from './dialect.ts'
export type { DialectDatabase } from './operations.ts'
