import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delayed, setImmediate as nextTurn } from 'node:timers/promises'
import { drive } from '../drive.ts'
import { answerTasks } from '../task-process.ts'
import { type EngineContender, type EngineContenderName, engineContenders } from './contenders.ts'
import { newItem, schema, statements } from './item.ts'
import { openDirectly } from './open-directly.ts'

export interface CellRequest {
  readonly contender: EngineContenderName
  readonly workload: 'get' | 'insert'
  readonly durability: 'normal' | 'full'
  readonly inFlight: number
  readonly rows: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

export interface CellFigures {
  readonly perSecond: number
  /** In microseconds. */
  readonly latency: { readonly p50: number; readonly p99: number }
}

export interface DelayRequest {
  readonly contender: EngineContenderName
  /** To which number queries count. */
  readonly most: number
  readonly inFlight: number
  readonly seconds: number
}

export interface DelayFigures {
  /** How much later than due a timer fires that is due each millisecond, in milliseconds. */
  readonly p99: number
  readonly max: number
  /** Queries that were answered. */
  readonly queries: number
}

/** In milliseconds. */
const loopResolution = 1

const tasks = {
  /** To which number a query counts in some milliseconds. */
  async calibrate({ milliseconds }: { readonly milliseconds: number }): Promise<number> {
    return withDatabase(0, async (path) => {
      const sqlite = openDirectly({ path, durability: 'normal' })
      const count = sqlite.prepare(statements.count)
      const trial = 500_000
      count.get(trial)
      const start = performance.now()
      count.get(trial)
      const took = performance.now() - start
      sqlite.close()
      return Math.round((trial * milliseconds) / took)
    })
  },

  async runCell(request: CellRequest): Promise<CellFigures> {
    const { contender, workload, rows, inFlight, warmUpSeconds, seconds } = request
    const { blocks, open } = engineContenders[contender]
    return withDatabase(rows, async (path) => {
      const opened: EngineContender = await open({ ...request, path })
      const operations = 1e9
      const perform = async (call: number) => {
        const result = await opened[workload](call)
        if (!result && workload === 'get') throw new Error(`${contender} found nothing`)
      }
      // Sooner answered where nothing is waited for.
      const call = blocks ? (number: number) => opened[workload](number) : perform
      const warm = { inFlight, operations, blocks, from: 0, seconds: warmUpSeconds }
      const { operations: from } = await drive(call as never, warm)
      const driven = await drive(call as never, { ...warm, from, seconds })
      await opened.close()
      const microseconds = (percentile: number) => driven.latency.percentile(percentile) / 1e3
      return {
        perSecond: driven.operations / driven.seconds,
        latency: { p50: microseconds(50), p99: microseconds(99) },
      }
    })
  },

  /** Has queries run one after the other, so many at a time, and sees how late the event loop is. */
  async measureDelay({ contender, most, inFlight, seconds }: DelayRequest): Promise<DelayFigures> {
    return withDatabase(1_000, async (path) => {
      const opened: EngineContender = await engineContenders[contender].open({
        path,
        rows: 1_000,
        durability: 'normal',
      })
      await opened.count(1)
      const delay = monitorEventLoopDelay({ resolution: loopResolution })
      delay.enable()
      // It counts from when its timer has fired once.
      await delayed(20)
      const end = performance.now() + seconds * 1_000
      let queries = 0
      const client = async () => {
        while (performance.now() < end) {
          await opened.count(most)
          queries++
          await nextTurn()
        }
      }
      const clients = Promise.all(Array.from({ length: inFlight }, client))
      // What is under way then is not waited for.
      await Promise.race([clients, delayed(seconds * 1_000)])
      // A loop that did not turn at all is late by now.
      await delayed(10)
      delay.disable()
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - loopResolution)
      return { p99: late(delay.percentile(99)), max: late(delay.max), queries }
    })
  },
}
export type EngineTasks = typeof tasks

async function withDatabase<Result>(
  rows: number,
  work: (path: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-bench-engine-'))
  try {
    const path = join(directory, 'items.db')
    const sqlite = openDirectly({ path, durability: 'normal' })
    sqlite.exec(schema)
    const insert = sqlite.prepare(statements.insert)
    sqlite.transaction(() => {
      for (let row = 0; row < rows; row++) {
        const { tag, text, number } = newItem(row)
        insert.run(tag, text, number)
      }
    })()
    sqlite.close()
    return await work(path)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

answerTasks(tasks)
