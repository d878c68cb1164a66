import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Hundreds of processes and threads load the same files: what was compiled once is read from here.
process.env.NODE_COMPILE_CACHE ??= new URL(
  '../node_modules/.cache/cq-store',
  import.meta.url,
).pathname

/** What `npm run test:quick` runs: units, the engine and the contract of Store. */
const quick = [
  'test/*.test.ts',
  'test/{knowledge,offload,operations,postgres,ranking,store,threads}/**/*.test.ts',
]
/** What of the server is about files, pages or protocols, or about what this project's own threads do. */
const onFilesOnly = [
  'authentication',
  'bodies',
  'connections',
  'dashboard',
  'documentation',
  'embedding',
  'login',
  'login-limit',
  'mcp-mounts',
  'mcp-protocol',
  'metrics',
  'mounts',
  'odd-rows',
  'operations',
  'pass-through',
  'prefix',
  'random-requests',
  'read-only',
  'readme',
  'reference-file',
].map((name) => `test/server/${name}.test.ts`)
/** Benchmarks, and faults by the hundred: what `npm run test:long` runs. */
const long = 'test/{bench,faults}/**/*.test.ts'
/** Needs the build, and an installation. */
const packed = 'test/package.test.ts'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    globalSetup: 'test/postgres/global-setup.ts',
    // One process more than there are cores, since tests wait for processes, disks and deadlines; each runs many
    // files, as starting one for each would take a fifth of the time. Tests leave nothing behind in the process.
    maxWorkers: availableParallelism() + 1,
    isolate: false,
    projects: [
      { extends: true, test: { name: 'quick', include: quick, exclude: [packed] } },
      {
        extends: true,
        test: { name: 'slow', include: ['test/**/*.test.ts'], exclude: [...quick, long] },
      },
      { extends: true, test: { name: 'long', include: [long] } },
      {
        extends: true,
        test: {
          name: 'served from PostgreSQL',
          include: ['test/server/*.test.ts'],
          exclude: onFilesOnly,
          provide: { engine: 'postgres' },
        },
      },
      { extends: true, test: { name: 'package', include: [packed] } },
    ],
    // Node reads TypeScript by WebAssembly. Where threads come and go, as they do here by the hundred,
    // V8 on rare occasions frees what another thread has just compiled for its calls of JavaScript, and
    // "Check failed: jit_page.has_value()" ends the process. With this budget nothing is compiled for them.
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    // A net for a test that hangs, far above what any takes; no assertion depends on it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
