import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BenchOptions, runBench } from '../../bench/bench.ts'
import { type CellReply, type CellRequest, runCell } from '../../bench/cell.ts'
import { compactFigures } from '../../bench/compact.ts'
import { type ContenderName, contenderNames, contenders } from '../../bench/contenders.ts'
import { contendersHere } from '../../bench/contenders-here.ts'
import { measureInterference } from '../../bench/interference.ts'
import { inOrderOf, plan, targetInFlight } from '../../bench/plan.ts'
import { summaryPage } from '../../bench/report.ts'
import { makeTemplate } from '../../bench/template.ts'
import { type WorkloadName, workloadNames, workloads } from '../../bench/workload.ts'
import { inventedBench } from './invented-bench.ts'
import { leavesNothing } from './leaves-nothing.ts'

const entry = new URL('../../bench/contender-process.ts', import.meta.url)

/** As small as it can be; calls are counted, so that no time has a part in it. */
const tiny = { units: 240, seed: 7, seconds: 600, warmUpSeconds: 600, operations: 12 }

let directory: string
let template: string
let reference: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cq-store-test-bench-'))
  template = join(directory, 'store.db')
  reference = join(directory, 'reference.db')
  await makeTemplate({ ...tiny, path: template, referencePath: reference })
})
afterAll(() => rm(directory, { recursive: true }))

function cellRequest(contender: ContenderName, workload: WorkloadName): CellRequest {
  const isStore = contender === 'SqliteStore'
  return {
    ...tiny,
    contender,
    workload,
    readers: 1,
    durability: 'normal',
    inFlight: 4,
    template: isStore ? template : reference,
  }
}

describe('contenders', () => {
  const everyOne = workloadNames.filter((name) => name !== 'review-stats')

  test.each(everyOne)('answer alike under %s, and what they wrote is there', async (workload) => {
    const { present } = await contendersHere()
    let first: CellReply | undefined
    for (const contender of present) {
      const reply = await runCell(cellRequest(contender, workload))
      first ??= reply
      expect(reply.probe, contender).toEqual(first.probe)
      expect(reply.figures.operations, contender).toBe(tiny.operations)
      const { latency, eventLoopDelay, cpu, bytes, slowest: _, ...rest } = reply.figures
      const told = { ...latency, ...eventLoopDelay, ...rest, ...bytes, cpu: cpu.process }
      for (const [name, value] of Object.entries(told))
        expect(value, `${contender}: ${name}`).toBeGreaterThanOrEqual(0)
    }
    const left = (await readdir(directory)).filter((name) => name.includes('copy'))
    expect(left).toEqual([])
  })

  test('find something to answer with', async () => {
    for (const workload of everyOne.filter((name) => name.startsWith('query'))) {
      const { probe } = await runCell(cellRequest('better-sqlite3', workload))
      expect(probe[2], workload).not.toEqual([])
    }
  })

  test.each([
    [
      'insert',
      'AFTER INSERT ON knowledge_unit_domains BEGIN DELETE FROM knowledge_unit_domains WHERE rowid = new.rowid; END',
      /domains should be stored/,
    ],
    [
      'decide',
      "AFTER UPDATE ON knowledge_units BEGIN UPDATE knowledge_units SET status = 'pending' WHERE id = new.id; END",
      /approvals should be stored/,
    ],
  ] as const)(
    'have no figures where an acknowledged %s is not stored',
    async (workload, trigger, complaint) => {
      const losing = join(directory, `losing-${workload}.db`)
      await makeTemplate({ ...tiny, path: losing })
      const sqlite = new Sqlite(losing)
      sqlite.exec(`CREATE TRIGGER lose ${trigger}`)
      sqlite.close()
      const request = { ...cellRequest('better-sqlite3', workload), template: losing }
      await expect(runCell(request)).rejects.toThrow(complaint)
    },
  )

  test('are told of the slowest of the worst queries, and of no other calls', async () => {
    const worst = await runCell(cellRequest('SqliteStore', 'query-worst'))
    expect(worst.figures.slowest).toBeGreaterThanOrEqual(1e6 / worst.figures.perSecond)
    const { figures } = await runCell(cellRequest('SqliteStore', 'query-random'))
    expect(figures.slowest).toBeNull()
  })

  test('are the store alone where only the store has an answer', async () => {
    const { figures } = await runCell(cellRequest('SqliteStore', 'review-stats'))
    expect(figures.operations).toBe(tiny.operations)
    const entrants = plan({ ...options, workloads: workloadNames, contenders: contenderNames })
      .filter(({ workload }) => workload === 'review-stats')
      .flatMap((comparison) => comparison.entrants)
    expect(new Set(entrants.map(({ contender }) => contender))).toEqual(new Set(['SqliteStore']))
  })

  test('that npm ci does not install are told with what installs them', async () => {
    const { present, absent } = await contendersHere()
    expect([...present, ...absent.map(({ contender }) => contender)].sort()).toEqual(
      contenderNames.toSorted(),
    )
    const page = summaryPage({
      ...inventedBench(),
      absent: [{ contender: 'sqlite3', why: 'it is not installed', installation: 'npm i sqlite3' }],
    })
    expect(page).toContain('**Took no part: it is not installed.** `npm i sqlite3`')
  })
})

const options: BenchOptions = {
  ...tiny,
  workloads: ['query-top-two'],
  sizes: [tiny.units],
  inFlight: [1, 4],
  runs: 1,
  readers: 1,
}

describe('the bench', () => {
  leavesNothing()

  test('measures what is asked for in processes, and says so in tables and JSON', async () => {
    const { signal } = new AbortController()
    const asked: BenchOptions = {
      ...options,
      ranking: true,
      interference: { perSecond: 1_000, seconds: 0.02 },
    }
    const progress: string[] = []
    const onProgress = (text: string) => progress.push(text)
    const bench = await runBench(asked, { entry, signal, onProgress })
    const [comparison] = bench.comparisons
    expect(bench.comparisons).toHaveLength(1)
    expect(comparison?.measurements.map(({ entrant, inFlight }) => [inFlight, entrant])).toEqual([
      [1, 'better-sqlite3'],
      [1, 'SqliteStore, 1 reader'],
      [targetInFlight, 'SqliteStore, 1 reader'],
    ])
    expect(bench.templates.map(({ units }) => units)).toEqual([tiny.units])
    const [cost] = bench.ranking
    expect(bench.ranking).toHaveLength(1)
    for (const value of Object.values(cost ?? {})) expect(value).toBeGreaterThan(0)
    expect(bench.interference?.alone.operations).toBe(20)
    expect(Object.keys(bench.versions)).toEqual(
      expect.arrayContaining(['node', 'better-sqlite3', 'SQLite of node:sqlite', 'cq-store']),
    )
    expect(JSON.parse(JSON.stringify(bench))).toEqual(bench)
    expect(JSON.parse(compactFigures(bench))).toHaveProperty('comparisons.0.units', tiny.units)
    for (const page of [summaryPage(bench)]) expect(page).not.toMatch(/NaN|undefined|Infinity/)
    expect(progress[0]).toBe(`making a store of ${tiny.units} units`)
  })

  test('ends when it is interrupted, in the middle of a measurement that would go on', async () => {
    const interruption = new AbortController()
    const reason = new Error('enough')
    const endless: BenchOptions = { ...options, operations: Number.MAX_SAFE_INTEGER }
    const running = runBench(endless, {
      entry,
      signal: interruption.signal,
      onProgress: (text) => {
        if (text.includes('in flight')) setImmediate(() => interruption.abort(reason))
      },
    })
    await expect(running).rejects.toBe(reason)
  })

  test('goes backwards in every other run', () => {
    expect(inOrderOf(0, [1, 2, 3])).toEqual([1, 2, 3])
    expect(inOrderOf(1, [1, 2, 3])).toEqual([3, 2, 1])
    expect(inOrderOf(2, [1, 2, 3])).toEqual([1, 2, 3])
  })
})

describe('the figures that are kept', () => {
  const text = compactFigures(inventedBench(3))
  const kept = JSON.parse(text)

  test('are the median, the least and the most of the runs, to four digits', () => {
    const [get] = kept.comparisons
    expect(get).toMatchObject({ workload: 'get', units: 10_000, durability: 'normal' })
    expect(get['better-sqlite3'][1].p50).toEqual([31.14, 31, 31.29])
    expect(kept.options.seed).toBe(7)
  })

  test('take little room, whatever was measured', () => {
    expect(text.length).toBeLessThan(40_000)
    for (const part of ['ranking', 'httpRoutes', 'httpRounds', 'mixedLoad'])
      expect(kept).toHaveProperty(part)
  })
})

describe('the plan', () => {
  const sizes = [10_000, 20_000, 100_000, 1_000_000]
  const planned = plan({
    workloads: workloadNames,
    contenders: contenderNames,
    sizes,
    inFlight: [1, 16, 64, 256],
    readers: 1,
  })

  test('compares all contenders under every workload that all of them offer', () => {
    const all = ['get', 'query-random', 'query-rare', 'insert', 'confirm', 'decide', 'mix', 'stats']
    for (const workload of all) {
      const contest = planned.find(
        (one) => one.purpose === 'contenders' && one.workload === workload,
      )
      for (const contender of contenderNames)
        expect(
          contest?.entrants.some(
            (entrant) =>
              entrant.contender === contender && entrant.inFlight.includes(targetInFlight),
          ),
          `${contender}, ${workload}`,
        ).toBe(true)
    }
  })

  test('has inserts compared with durability full, too', () => {
    const durable = planned.filter(({ durability }) => durability === 'full')
    expect(durable.map(({ workload }) => workload)).toEqual(['insert'])
  })

  test('counts calls where each has its part in the mean', () => {
    const counted = planned.filter(({ calls }) => calls !== null)
    expect(new Set(counted.map(({ workload, calls }) => `${workload} ${calls}`))).toEqual(
      new Set(['query-random 2000', 'query-worst 120']),
    )
  })

  test('has the store grow to the end, and what scans only as far as one can wait', () => {
    const sizesOf = (contender: ContenderName) =>
      planned
        .filter(({ workload, purpose }) => purpose === 'growth' && workload === 'query-top-two')
        .filter(({ entrants }) => entrants.some((entrant) => entrant.contender === contender))
        .map(({ units }) => units)
    expect(sizesOf('SqliteStore')).toEqual(sizes)
    expect(sizesOf('better-sqlite3')).toEqual([10_000, 20_000, 100_000])
  })

  test('writes to no store that others read', () => {
    for (const { purpose, workload } of planned)
      if (purpose === 'growth') expect(workloads[workload].writes).toBe(false)
  })

  test('gives the tables of the store to the store, and to one that shows what they cost', () => {
    for (const { entrants } of planned)
      for (const { name, contender, schema } of entrants)
        expect(schema === 'store', name).toBe(
          contender === 'SqliteStore' || name.includes("the store's tables"),
        )
    expect(contenders.SqliteStore.hasReaders).toBe(true)
  })
})

describe('point reads beside the worst queries', () => {
  test('are made at their times, and queries one after the other', async () => {
    const request = { path: template, units: tiny.units, seed: 7, readers: 2 }
    const told = await measureInterference({ ...request, perSecond: 2_000, seconds: 0.01 })
    expect(told.alone.operations).toBe(20)
    expect(told.beside.operations).toBe(20)
    expect(told.queries.count).toBeGreaterThan(0)
    expect(told.beside.latency.max).toBeGreaterThanOrEqual(told.beside.latency.p50)
  })
})
