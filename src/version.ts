import { createRequire } from 'node:module'

// By name, since the file lies elsewhere once it is built.
const manifest = createRequire(import.meta.url)('cq-store/package.json') as { version: string }

/** Of this package. */
export const { version } = manifest
