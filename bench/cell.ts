import { copyFile, open as openFile, rm, stat } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Sqlite from 'better-sqlite3'
import type { KnowledgeUnit } from '../src/index.ts'
import type { Contender, Durability } from './contender.ts'
import { insertDomains, insertUnit, unitValues } from './contenders/by-hand.ts'
import { type ContenderName, contenders } from './contenders.ts'
import { Corpus } from './corpus.ts'
import { drive } from './drive.ts'
import { type Perform, type WorkloadDescription, type WorkloadName, workloads } from './workload.ts'

/** One measurement: a contender under a workload at one number of calls in flight. */
export interface CellRequest {
  readonly contender: ContenderName
  readonly readers: number
  readonly durability: Durability
  readonly workload: WorkloadName
  readonly inFlight: number
  readonly units: number
  readonly seed: number
  /** A seeded file. A workload that writes gets a copy of it. */
  readonly template: string
  readonly warmUpSeconds: number
  readonly seconds: number
  /** The most calls, warming up as well as measured. */
  readonly operations: number
}

export interface CellFigures {
  readonly operations: number
  readonly seconds: number
  readonly perSecond: number
  /** Of a few calls made in turns, what the slowest took on average, in microseconds; else `null`. */
  readonly slowest: number | null
  /** In microseconds. */
  readonly latency: {
    readonly p50: number
    readonly p99: number
    readonly p999: number
    readonly max: number
  }
  /** How much later than due a timer fires that is due each millisecond, in milliseconds. */
  readonly eventLoopDelay: { readonly p99: number; readonly max: number }
  /** CPU time, in microseconds for each call; the main thread's only where Node tells it. */
  readonly cpu: { readonly mainThread: number | null; readonly process: number }
  /** The part of the time in which the main thread's event loop was busy. */
  readonly eventLoopUtilization: number
  /** Memory of the process at the end, in bytes. */
  readonly rss: number
  /** The file and its write-ahead log at the end, in bytes. */
  readonly bytes: { readonly database: number; readonly wal: number }
}

/** What a contender answered to a few calls, to be compared with the others' answers. */
export type Probe = readonly unknown[]

export interface CellReply {
  readonly figures: CellFigures
  readonly probe: Probe
}

/** How many calls are under way when warming up begins: many slow ones would take longer than to measure. */
const mostAtFirst = 4
/** The part of warming up that tells how slow they are. */
const firstPart = 0.25
/** The sampling interval, which the loop's own figures include. */
export const loopResolution = 1
/** The most that are decided within a second: as many units have to be made for it. */
const mostDecisions = 40_000
/** Calls whose answers are compared. */
const probes = 2

export async function runCell(request: CellRequest): Promise<CellReply> {
  const { template, workload, seconds } = request
  const corpus = new Corpus(request.units, request.seed)
  if (!workloads[workload].writes) return runOn(template, corpus, request)
  const path = `${template}.copy`
  await copyFile(template, path)
  try {
    let { operations } = request
    if (workload === 'decide') {
      operations = Math.min(operations, Math.ceil(mostDecisions * seconds))
      addPending(path, corpus, probes + 2 * operations)
    }
    await flush(path)
    return await runOn(path, corpus, { ...request, operations })
  } finally {
    for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
  }
}

async function runOn(path: string, corpus: Corpus, request: CellRequest): Promise<CellReply> {
  const { workload } = request
  const before = tally(path, workload)
  const contender = await contenders[request.contender].open({ ...request, path })
  let reply: CellReply & { readonly calls: number }
  try {
    const probe = await ask(contender, corpus, workload)
    reply = { probe, ...(await measure(contender, corpus, path, request)) }
  } finally {
    await contender.close()
  }
  requireStored(before, tally(path, workload), expectedOf(corpus, reply.calls, workload))
  return { figures: reply.figures, probe: reply.probe }
}

/** Units to decide, as many as there may be calls. */
function addPending(path: string, corpus: Corpus, count: number): void {
  const sqlite = new Sqlite(path)
  try {
    const [unit, domains] = [sqlite.prepare(insertUnit), sqlite.prepare(insertDomains)]
    sqlite.transaction(() => {
      for (let number = 0; number < count; number++) {
        const fresh = corpus.freshUnit(number)
        unit.run(...unitValues(fresh))
        domains.run(fresh.id, JSON.stringify(fresh.domains))
      }
    })()
  } finally {
    sqlite.close()
  }
}

/** So that the disk is not still busy with a file while it is measured. */
export async function flush(path: string): Promise<void> {
  const file = await openFile(path, 'r+')
  await file.sync()
  await file.close()
}

/** Also what is not asked for in calls to come: a unit, none, and the first calls' own answers. */
async function ask(contender: Contender, corpus: Corpus, workload: WorkloadName): Promise<Probe> {
  const answers = [
    await contender.get(corpus.idAt(0)),
    await contender.get(corpus.idAt(corpus.size)),
  ]
  const perform = workloads[workload].prepare(contender, corpus)
  for (let call = 0; call < probes; call++) answers.push(withoutTime(await perform(call)))
  return answers
}

/** When a unit was confirmed is all that may differ. */
function withoutTime(answer: unknown): KnowledgeUnit | null {
  const unit = (answer ?? null) as KnowledgeUnit | null
  if (unit?.evidence === undefined) return unit
  return { ...unit, evidence: { ...unit.evidence, last_confirmed: '' } }
}

/**
 * Has what runs compiled, which for a contender's threads begins anew with each measurement. Answers how
 * many calls that took.
 */
async function warmUp(perform: Perform, request: CellRequest): Promise<number> {
  const { inFlight, operations, warmUpSeconds } = request
  const { blocks } = contenders[request.contender]
  const few = Math.min(inFlight, mostAtFirst)
  const seconds = firstPart * warmUpSeconds
  const first = await drive(perform, { inFlight: few, seconds, operations, from: probes, blocks })
  const left = warmUpSeconds - first.seconds
  const fitsAll = (first.seconds / first.operations) * inFlight < left
  const rest = await drive(perform, {
    inFlight: fitsAll ? inFlight : few,
    seconds: left,
    operations: operations - first.operations,
    from: probes + first.operations,
    blocks,
  })
  return first.operations + rest.operations
}

async function measure(contender: Contender, corpus: Corpus, path: string, request: CellRequest) {
  const { inFlight, seconds, operations } = request
  const { blocks } = contenders[request.contender]
  const workload: WorkloadDescription = workloads[request.workload]
  const perform = workload.prepare(contender, corpus)
  const before = probes + (await warmUp(perform, request))
  const inTurns = workload.turns && timedInTurns(perform, workload.turns(corpus))
  const loopDelay = monitorEventLoopDelay({ resolution: loopResolution })
  loopDelay.enable()
  const loop = performance.eventLoopUtilization()
  const mainThread = process.threadCpuUsage?.()
  const cpu = process.cpuUsage()
  const driven = await drive(inTurns?.perform ?? perform, {
    inFlight,
    seconds,
    operations,
    from: before,
    blocks,
  })
  const cpuUsed = process.cpuUsage(cpu)
  const mainThreadUsed = mainThread && process.threadCpuUsage(mainThread)
  const { utilization } = performance.eventLoopUtilization(loop)
  // The delay that the last call caused shows only once the timer has fired after it.
  await new Promise((resolve) => setTimeout(resolve, 2 * loopResolution))
  loopDelay.disable()
  const each = ({ user, system }: NodeJS.CpuUsage) => (user + system) / driven.operations
  const microseconds = (percentile: number) => driven.latency.percentile(percentile) / 1e3
  const delay = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - loopResolution)
  const figures: CellFigures = {
    operations: driven.operations,
    seconds: driven.seconds,
    perSecond: driven.operations / driven.seconds,
    slowest: inTurns ? inTurns.slowest() : null,
    latency: {
      p50: microseconds(50),
      p99: microseconds(99),
      p999: microseconds(99.9),
      max: driven.latency.max / 1e3,
    },
    eventLoopDelay: { p99: delay(loopDelay.percentile(99)), max: delay(loopDelay.max) },
    cpu: { mainThread: mainThreadUsed ? each(mainThreadUsed) : null, process: each(cpuUsed) },
    eventLoopUtilization: utilization,
    rss: process.memoryUsage.rss(),
    bytes: { database: await sizeOf(path), wal: await sizeOf(`${path}-wal`) },
  }
  return { figures, calls: before + driven.operations }
}

/** Tells the calls apart that are made in turns, since the worst must not hide among the others. */
function timedInTurns(perform: Perform, turns: number) {
  const times = Array.from({ length: turns }, () => ({ calls: 0, milliseconds: 0 }))
  return {
    async perform(number: number): Promise<void> {
      const start = performance.now()
      await perform(number)
      const time = times[number % turns]
      if (!time) return
      time.calls++
      time.milliseconds += performance.now() - start
    },
    slowest: () => 1e3 * Math.max(...times.map((time) => time.milliseconds / (time.calls || 1))),
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    // A write-ahead log comes and goes.
    return 0
  }
}

/** What a file holds, as far as calls of a workload change it. */
interface Tally {
  readonly units: number
  readonly domains: number
  readonly confirmations: number
  readonly approvals: number
}

const nothing: Tally = { units: 0, domains: 0, confirmations: 0, approvals: 0 }

/** Counted only where something is written: of a large file it takes its time. */
function tally(path: string, workload: WorkloadName): Tally {
  if (!workloads[workload].writes) return nothing
  const sqlite = new Sqlite(path)
  try {
    const count = (sql: string) => sqlite.prepare<[], number>(sql).pluck().get() ?? 0
    return {
      units: count('SELECT count(*) FROM knowledge_units'),
      domains: count('SELECT count(*) FROM knowledge_unit_domains'),
      confirmations: count(
        "SELECT sum(json_extract(data, '$.evidence.confirmations')) FROM knowledge_units",
      ),
      approvals: count("SELECT count(*) FROM knowledge_units WHERE status = 'approved'"),
    }
  } finally {
    sqlite.close()
  }
}

/** A contender that lost a write it had acknowledged, or did half of one, has no figures. */
function requireStored(before: Tally, after: Tally, expected: Tally): void {
  for (const what of ['units', 'domains', 'confirmations', 'approvals'] as const)
    if (after[what] !== before[what] + expected[what])
      throw new Error(
        `${expected[what]} ${what} should be stored beside ${before[what]}, and there are ${after[what]}`,
      )
}

/** What the calls must have added: they are repeated on a contender that only counts. */
function expectedOf(corpus: Corpus, calls: number, workload: WorkloadName): Tally {
  if (!workloads[workload].writes) return nothing
  const expected = { ...nothing }
  const some = corpus.unitAt(0)
  const counting: Pick<Contender, 'get' | 'insert' | 'confirm' | 'decide'> = {
    get: () => null,
    insert({ domains, evidence }) {
      expected.units++
      expected.domains += domains.length
      expected.confirmations += evidence.confirmations
    },
    confirm() {
      expected.confirmations++
      return some
    },
    decide() {
      expected.approvals++
    },
  }
  const perform = workloads[workload].prepare(counting as Contender, corpus)
  for (let call = 0; call < calls; call++) void perform(call)
  return expected
}
