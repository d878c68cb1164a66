import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { full, quick, runPostgresBench } from './postgres-bench.ts'
import { postgresPage, postgresPlot } from './report.ts'

/** Measures the part `postgres`, and writes its page, figures and plot to a directory. */
export async function measurePostgres(
  { isQuick, seed }: { readonly isQuick: boolean; readonly seed: number },
  directory: string,
): Promise<void> {
  const start = performance.now()
  const bench = await runPostgresBench({ ...(isQuick ? quick : full), seed }, (text) =>
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
