import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // V8 tracks pages of compiled code where the processor has protection keys, and on rare occasions
    // loses track when threads come and go, as they do here by the hundred: "Check failed:
    // jit_page.has_value()" ends the process.
    execArgv: ['--no-memory-protection-keys'],
    // A net for a test that hangs, far above what any takes; no assertion depends on it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
