import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BenchOptions, runBench } from './bench.ts'
import { compactFigures } from './compact.ts'
import { compile } from './compile.ts'
import { plots } from './plots/plots.ts'
import { benchProgram } from './program.ts'
import { summaryPage } from './report.ts'

await benchProgram(measure).parseAsync()

async function measure(options: BenchOptions, directory: string): Promise<void> {
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interruption.abort(new Error(`ended by ${name}`)))
  try {
    await measureAndWrite(options, directory, interruption.signal)
  } catch (error) {
    if (!interruption.signal.aborted) throw error
    console.error(`\n${(interruption.signal.reason as Error).message}; nothing was written`)
    process.exitCode = 130
  }
}

async function measureAndWrite(
  options: BenchOptions,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const start = performance.now()
  const onProgress = (text: string) => {
    // On standard error, so that the tables alone can be kept.
    console.error(`${Math.round((performance.now() - start) / 1_000)} s: ${text}`)
  }
  onProgress('compiling')
  await using compiled = await compile(signal)
  const bench = await runBench(options, { entry: compiled.entry, signal, onProgress })
  await mkdir(directory, { recursive: true })
  const write = (name: string, text: string) => writeFile(join(directory, name), text)
  const summary = summaryPage(bench)
  console.log(summary)
  await write('summary.md', summary)
  await write('figures.json', compactFigures(bench))
  for (const { name, svg } of plots(bench)) await write(`${name}.svg`, svg)
}
