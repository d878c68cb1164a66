import { defineConfig } from 'vitest/config'

// Hundreds of processes and threads load the same files: what was compiled once is read from here.
process.env.NODE_COMPILE_CACHE ??= new URL(
  '../node_modules/.cache/cq-store',
  import.meta.url,
).pathname

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // One core more than by default: much of the time tests wait for processes and disks.
    maxWorkers: '100%',
    // Node reads TypeScript by WebAssembly. Where threads come and go, as they do here by the hundred,
    // V8 on rare occasions frees what another thread has just compiled for its calls of JavaScript, and
    // "Check failed: jit_page.has_value()" ends the process. With this budget nothing is compiled for them.
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    // A net for a test that hangs, far above what any takes; no assertion depends on it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
