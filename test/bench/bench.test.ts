import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BenchOptions, inOrderOf, runBench } from '../../bench/bench.ts'
import { type CellReply, type CellRequest, runCell } from '../../bench/cell.ts'
import { type ContenderName, contenderNames, contenders } from '../../bench/contender.ts'
import { contendersHere } from '../../bench/contenders-here.ts'
import { measureInterference } from '../../bench/interference.ts'
import { plan, targetInFlight } from '../../bench/plan.ts'
import { figuresPage, summaryPage } from '../../bench/report.ts'
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
      const { latency, eventLoopDelay, cpu, bytes, ...rest } = reply.figures
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

  test('have no figures where a write that they acknowledged is not stored', async () => {
    const losing = join(directory, 'losing.db')
    await makeTemplate({ ...tiny, path: losing })
    const sqlite = new Sqlite(losing)
    sqlite.exec(`CREATE TRIGGER lose AFTER INSERT ON knowledge_unit_domains
      BEGIN DELETE FROM knowledge_unit_domains WHERE rowid = new.rowid; END`)
    sqlite.close()
    const request = { ...cellRequest('better-sqlite3', 'insert'), template: losing }
    await expect(runCell(request)).rejects.toThrow(/domains should be stored/)
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
    const asked: BenchOptions = { ...options, interference: { perSecond: 1_000, seconds: 0.02 } }
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
    expect(bench.interference?.alone.operations).toBe(20)
    expect(Object.keys(bench.versions)).toEqual(
      expect.arrayContaining(['node', 'better-sqlite3', 'SQLite of node:sqlite', 'cq-store']),
    )
    expect(JSON.parse(JSON.stringify(bench))).toEqual(bench)
    for (const page of [summaryPage(bench), figuresPage(bench)])
      expect(page).not.toMatch(/NaN|undefined|Infinity/)
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

describe('the plan', () => {
  const sizes = [10_000, 100_000, 1_000_000]
  const planned = plan({
    workloads: workloadNames,
    contenders: contenderNames,
    sizes,
    inFlight: [1, 16, 64, 256],
    readers: 1,
  })

  test('compares all contenders under every workload that all of them offer', () => {
    for (const workload of ['get', 'query-rare', 'insert', 'confirm', 'mix', 'stats'] as const) {
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

  test('has everything that writes compared with durability full, too', () => {
    const durable = planned.filter(({ durability }) => durability === 'full')
    expect(durable.map(({ workload }) => workload)).toEqual(['insert', 'confirm'])
    expect(durable.every(({ workload }) => workloads[workload].writes)).toBe(true)
  })

  test('has the store grow to the end, and what scans only as far as one can wait', () => {
    const sizesOf = (contender: ContenderName) =>
      planned
        .filter(({ workload, purpose }) => purpose === 'growth' && workload === 'query-top-two')
        .filter(({ entrants }) => entrants.some((entrant) => entrant.contender === contender))
        .map(({ units }) => units)
    expect(sizesOf('SqliteStore')).toEqual(sizes)
    expect(sizesOf('better-sqlite3')).toEqual([10_000, 100_000])
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
