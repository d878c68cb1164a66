import { describe, expect, test } from 'vitest'
import { engineContenderNames } from '../../bench/engine/contenders.ts'
import {
  type EngineBenchOptions,
  type EngineResult,
  runEngineBench,
} from '../../bench/engine/engine-bench.ts'
import { engineSection, engineTargets } from '../../bench/engine/report.ts'
import { leavesNothing } from './leaves-nothing.ts'

const entry = new URL('../../bench/contender-process.ts', import.meta.url)

describe('the bench of the engine', () => {
  leavesNothing()

  test('measures every contender, and says so in tables', async () => {
    const { signal } = new AbortController()
    const options: EngineBenchOptions = {
      rows: 1_000,
      rounds: 1,
      seconds: 0.01,
      warmUpSeconds: 0.01,
      inFlight: [2],
      delaySeconds: 0.1,
    }
    const result = await runEngineBench(options, { entry, signal, onProgress() {} })
    for (const contender of engineContenderNames) {
      const cells = result.cells.filter((cell) => cell.contender === contender)
      expect(cells.map(({ workload, durability }) => `${workload} ${durability}`)).toEqual([
        'get normal',
        'insert normal',
        'insert full',
      ])
      for (const { figures } of cells) expect(figures.perSecond).toBeGreaterThan(0)
    }
    expect(result.delays).toHaveLength(engineContenderNames.length - 1)
    const section = engineSection(result)
    for (const name of engineContenderNames) expect(section).toContain(`| ${name} |`)
    expect(section).not.toMatch(/NaN|undefined|Infinity/)
    expect(engineTargets(result).map(({ verdict }) => verdict)).not.toContain('not measured')
  }, 180_000)

  test('takes each ratio within a round, and the median of them', () => {
    const figure = (contender: string, round: number, perSecond: number) =>
      (['get', 'insert'] as const).flatMap((workload) =>
        (['normal', 'full'] as const).map((durability) => ({
          ...{ contender, round, workload, durability, inFlight: 64 },
          figures: { perSecond, latency: { p50: 1, p99: 2 } },
        })),
      )
    const delay = (contender: string, round: number, p99: number) => ({
      ...{ contender, round, inFlight: 1 },
      figures: { p99, max: p99, queries: 1 },
    })
    const [own, ours] = ['Kysely, SqliteDialect', 'Kysely, OffloadDialect']
    const result = {
      options: {
        rows: 1,
        rounds: 3,
        seconds: 1,
        warmUpSeconds: 1,
        inFlight: [1, 64],
        delaySeconds: 1,
      },
      queryMilliseconds: 200,
      cells: [2, 8, 4].flatMap((ratio, round) => [
        ...figure(own, round, 100 * (round + 1)),
        ...figure(ours, round, 100 * (round + 1) * ratio),
      ]),
      delays: [200, 100, 400].flatMap((p99, round) => [
        delay(own, round, p99),
        delay(ours, round, p99 / 100),
      ]),
    } as unknown as EngineResult
    const [late, reads, inserts] = engineTargets(result)
    expect(late).toMatchObject({ value: 0.01, verdict: 'reached', target: 'at most 1/50' })
    expect(reads).toMatchObject({ value: 4, verdict: 'reached' })
    expect(inserts).toMatchObject({ value: 4, measured: '4.00 × (2.00 × to 8.00 ×)' })
  })
})
