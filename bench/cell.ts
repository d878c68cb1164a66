import { copyFile, open as openFile, rm } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Sqlite from 'better-sqlite3'
import { type Contender, type ContenderName, contenders } from './contender.ts'
import { Corpus } from './corpus.ts'
import { drive } from './drive.ts'
import { type WorkloadName, workloads } from './workload.ts'

/** One measurement: a contender under a workload at one number of calls in flight. */
export interface CellRequest {
  readonly contender: ContenderName
  readonly readers: number
  readonly workload: WorkloadName
  readonly inFlight: number
  readonly units: number
  readonly seed: number
  /** A seeded file, of which this measurement uses a copy. */
  readonly template: string
  /** The copy. */
  readonly path: string
  readonly warmUpSeconds: number
  readonly seconds: number
  readonly operations: number
}

export interface CellFigures {
  readonly operations: number
  readonly seconds: number
  readonly perSecond: number
  /** In microseconds. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number }
  /** How much later than due a timer fires that is due each millisecond, in milliseconds. */
  readonly eventLoopDelay: { readonly p99: number; readonly max: number }
  /** CPU time, in microseconds for each call; the main thread's only where Node tells it. */
  readonly cpu: { readonly mainThread: number | null; readonly process: number }
  /** The part of the time in which the main thread's event loop was busy. */
  readonly eventLoopUtilization: number
  /** Memory of the process at the end, in bytes. */
  readonly rss: number
}

/** What a contender answered to a few calls, to be compared with the others' answers. */
export type Probe = readonly unknown[]

export interface CellReply {
  readonly figures: CellFigures
  readonly probe: Probe
}

/** Enough to compile what runs; all of many slow calls would take longer to answer than to measure. */
const mostInWarmUp = 16
/** The sampling interval, which the loop's own figures include. */
const loopResolution = 1

export async function runCell(request: CellRequest): Promise<CellReply> {
  const { units, seed, template, path } = request
  const corpus = new Corpus(units, seed)
  await copyToDisk(template, path)
  try {
    const contender = await contenders[request.contender].open(request)
    let reply: CellReply & { readonly calls: number }
    try {
      reply = {
        probe: await ask(contender, corpus),
        ...(await measure(contender, corpus, request)),
      }
    } finally {
      await contender.close()
    }
    requireStored(path, corpus, reply.calls, request.workload)
    return { figures: reply.figures, probe: reply.probe }
  } finally {
    for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
  }
}

/** Flushed, so that the disk is not still busy with the copy while it is measured. */
async function copyToDisk(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  const file = await openFile(to, 'r+')
  await file.sync()
  await file.close()
}

async function ask(contender: Contender, corpus: Corpus): Promise<Probe> {
  const [pair = []] = corpus.domainPairs(1)
  return [
    await contender.get(corpus.idAt(0)),
    await contender.get(corpus.idAt(corpus.size)),
    await contender.query(pair),
  ]
}

async function measure(contender: Contender, corpus: Corpus, request: CellRequest) {
  const { inFlight, seconds, operations, warmUpSeconds } = request
  const { blocks } = contenders[request.contender]
  const perform = workloads[request.workload].prepare(contender, corpus)
  const warmUp = await drive(perform, {
    inFlight: Math.min(inFlight, mostInWarmUp),
    seconds: warmUpSeconds,
    operations,
    from: 0,
    blocks,
  })
  const loopDelay = monitorEventLoopDelay({ resolution: loopResolution })
  loopDelay.enable()
  const loop = performance.eventLoopUtilization()
  const mainThread = process.threadCpuUsage?.()
  const cpu = process.cpuUsage()
  const driven = await drive(perform, {
    inFlight,
    seconds,
    operations,
    from: warmUp.operations,
    blocks,
  })
  const cpuUsed = process.cpuUsage(cpu)
  const mainThreadUsed = mainThread && process.threadCpuUsage(mainThread)
  const { utilization } = performance.eventLoopUtilization(loop)
  // The delay that the last call caused shows only once the timer has fired after it.
  await new Promise((resolve) => setTimeout(resolve, 2 * loopResolution))
  loopDelay.disable()
  const each = ({ user, system }: NodeJS.CpuUsage) => (user + system) / driven.operations
  const microseconds = (nanoseconds: number) => nanoseconds / 1e3
  const delay = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - loopResolution)
  const figures: CellFigures = {
    operations: driven.operations,
    seconds: driven.seconds,
    perSecond: driven.operations / driven.seconds,
    latency: {
      p50: microseconds(driven.latency.percentile(50)),
      p99: microseconds(driven.latency.percentile(99)),
      max: microseconds(driven.latency.max),
    },
    eventLoopDelay: { p99: delay(loopDelay.percentile(99)), max: delay(loopDelay.max) },
    cpu: { mainThread: mainThreadUsed ? each(mainThreadUsed) : null, process: each(cpuUsed) },
    eventLoopUtilization: utilization,
    rss: process.memoryUsage.rss(),
  }
  return { figures, calls: warmUp.operations + driven.operations }
}

/** A contender that lost a unit it had acknowledged, or stored one without its domains, has no figures. */
function requireStored(path: string, corpus: Corpus, calls: number, workload: WorkloadName): void {
  const expected = expectedInserts(corpus, calls, workload)
  const sqlite = new Sqlite(path)
  try {
    const count = sqlite.prepare('SELECT count(*) FROM knowledge_units').pluck().get()
    if (count !== corpus.size + expected.units)
      throw new Error(`${corpus.size} + ${expected.units} units should be stored, found ${count}`)
    const domains = sqlite
      .prepare(
        `SELECT count(*) FROM knowledge_unit_domains WHERE unit_id IN
          (SELECT id FROM knowledge_units WHERE status = 'pending')`,
      )
      .pluck()
      .get()
    if (domains !== expected.domains)
      throw new Error(`the inserted units have ${expected.domains} domains, found ${domains}`)
  } finally {
    sqlite.close()
  }
}

/** What the calls so far must have added: they are repeated on a contender that only counts. */
function expectedInserts(corpus: Corpus, calls: number, workload: WorkloadName) {
  const expected = { units: 0, domains: 0 }
  const counting: Contender = {
    get: () => null,
    query: () => [],
    insert({ domains }) {
      expected.units++
      expected.domains += domains.length
    },
    close() {},
  }
  const perform = workloads[workload].prepare(counting, corpus)
  for (let call = 0; call < calls; call++) void perform(call)
  return expected
}
