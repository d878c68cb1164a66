import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // A net for a test that hangs, far above what any takes; no assertion depends on it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
