import { describe, expect, test } from 'vitest'
import { runMixedLoad } from '../../bench/mixed-load/mixed-load.ts'
import { memoryGrowth, mixedLoadSection, mixedLoadTargets } from '../../bench/mixed-load/report.ts'
import { makeTemplate } from '../../bench/template.ts'
import { inventedMixedLoad } from './invented-bench.ts'
import { leavesNothing } from './leaves-nothing.ts'

const entry = new URL('../../bench/contender-process.ts', import.meta.url)

describe('the mixed load', () => {
  const own = leavesNothing()

  test('reads nine times of ten, and watches sizes meanwhile', async () => {
    const { signal } = new AbortController()
    const [path, units, seed] = [own.file('a.db'), 200, 7]
    await makeTemplate({ path, units, seed })
    const result = await runMixedLoad(
      {
        inFlight: 8,
        seconds: 600,
        operations: 600,
        settleSeconds: 0,
        sampleSeconds: 600,
        path,
        units,
        seed,
      },
      { entry, signal, onProgress: () => {} },
    )
    const { get, query, insert, confirm } = result.calls
    expect(get + query + insert + confirm).toBe(600)
    expect(Math.min(query, insert, confirm)).toBeGreaterThan(0)
    expect((get + query) / 600).toBeCloseTo(0.9, 1)
    expect(result.samples).toHaveLength(1)
    for (const { wal, database, rss, perSecond } of result.samples)
      expect(Math.min(wal, database, rss, perSecond)).toBeGreaterThan(0)
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
  })
})

describe('the targets of the mixed load', () => {
  const verdicts = (result: Parameters<typeof mixedLoadTargets>[0]) =>
    mixedLoadTargets(result).map(({ verdict }) => verdict)

  test('miss where the write-ahead log was ever larger than it may be', () => {
    const once = (wal: number) => inventedMixedLoad((seconds) => (seconds === 30 ? { wal } : {}))
    expect(verdicts(once(64e6))).toEqual(['reached', 'reached'])
    expect(verdicts(once(64e6 + 1))).toEqual(['missed', 'reached'])
  })

  test('miss where memory grows once it has settled, not where it breathes', () => {
    const rising = (bytesPerSecond: number) =>
      inventedMixedLoad((seconds) => ({ rss: 3e8 + bytesPerSecond * seconds }))
    expect(memoryGrowth(rising(1e6))).toBeCloseTo(50e6, 0)
    expect(verdicts(rising(1e6))).toEqual(['reached', 'missed'])
    expect(verdicts(rising(0.5e6))).toEqual(['reached', 'reached'])
    const breathing = inventedMixedLoad((seconds) => ({ rss: 3e8 + 1e8 * (seconds % 5) }))
    expect(verdicts(breathing)).toEqual(['reached', 'reached'])
    const settling = inventedMixedLoad((seconds) => ({ rss: seconds < 10 ? 3e7 * seconds : 3e8 }))
    expect(verdicts(settling)).toEqual(['reached', 'reached'])
  })

  test('say that what was too short was not measured', () => {
    const { samples, ...others } = inventedMixedLoad()
    expect(verdicts({ ...others, samples: samples.slice(0, 20) })).toEqual([
      'reached',
      'not measured',
    ])
  })

  test('stand beside a section that tells how flat is meant', () => {
    const section = mixedLoadSection(inventedMixedLoad())
    expect(section).toContain('80 % `get` (80)')
    expect(section).not.toMatch(/NaN|undefined|Infinity/)
  })
})
