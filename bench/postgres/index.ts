import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { full, type PostgresBenchOptions, quick, runPostgresBench } from './postgres-bench.ts'
import { postgresPage, postgresPlot } from './report.ts'

/** Measures the part `postgres`, and writes its page, figures and plot to a directory; nothing if it is interrupted. */
export async function measurePostgres(
  { isQuick, seed }: { readonly isQuick: boolean; readonly seed: number },
  directory: string,
): Promise<void> {
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interruption.abort(new Error(`ended by ${name}`)))
  const options = { ...(isQuick ? quick : full), seed }
  try {
    await measureAndWrite(options, directory, interruption.signal)
  } catch (error) {
    if (!interruption.signal.aborted) throw error
    console.error(`\n${(interruption.signal.reason as Error).message}; nothing was written`)
    process.exitCode = 130
  }
}

async function measureAndWrite(
  options: PostgresBenchOptions,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const start = performance.now()
  const bench = await runPostgresBench(options, signal, (text) =>
    console.error(`${Math.round((performance.now() - start) / 1_000)} s: ${text}`),
  )
  await mkdir(directory, { recursive: true })
  const write = (name: string, text: string) => writeFile(join(directory, name), text)
  const page = postgresPage(bench)
  console.log(page)
  await write('summary.md', page)
  await write('figures.json', `${JSON.stringify(bench, undefined, 1)}\n`)
  await write('throughput.svg', postgresPlot(bench).svg)
}
