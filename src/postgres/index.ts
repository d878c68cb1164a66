export type { PostgresStoreFigures } from './lanes.ts'
export type { PostgresStoreOptions } from './options.ts'
export { PostgresStore } from './store.ts'
