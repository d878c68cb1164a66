export type { PostgresStoreFigures, ReplicaFigures } from './figures.ts'
export type { PostgresStoreOptions } from './options.ts'
export { PostgresStore } from './store.ts'
