export type { PostgresStoreOptions } from './options.ts'
export { PostgresStore, type PostgresStoreFigures } from './store.ts'
