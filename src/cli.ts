#!/usr/bin/env node
import { messageOf } from './cli/missing-packages.ts'
import { isOutputStuck, watchOutput } from './cli/output.ts'
import { requireRuntime } from './sqlite/runtime.ts'

watchOutput()
try {
  // First, and the rest imported after it: the SQLite driver crashes an older Node without a word.
  requireRuntime()
  const { run } = await import('./cli/program.ts')
  process.exitCode = await run(process.argv.slice(2), process.env)
} catch (error) {
  process.stderr.write(`cq-store: ${messageOf(error)}\n`)
  process.exitCode = 1
}
if (isOutputStuck()) process.exit()
