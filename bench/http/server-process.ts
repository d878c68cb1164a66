import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { hash } from 'bcrypt'
import { SqliteStore } from '../../src/index.ts'
import { createServer } from '../../src/server/index.ts'
import { Corpus } from '../corpus.ts'
import { answerTasks } from '../task-process.ts'

/** What a process of the bench runs as the server: the one that ships, over a store with default options. */

export interface ServeRequest {
  readonly path: string
  readonly units: number
  readonly seed: number
  /** Units to propose and leave pending, for the review queue to hold. */
  readonly pending: number
}

export interface Served {
  readonly url: string
  /** Who may log in there. */
  readonly login: { readonly username: string; readonly password: string }
}

/** What the server's process did between `begin` and `end`. */
export interface ServerFigures {
  /** How much later than due a timer fires that is due each millisecond, in milliseconds. */
  readonly eventLoopDelay: { readonly p50: number; readonly p99: number; readonly max: number }
  /** CPU time in microseconds, of all that was answered; the main thread's only where Node tells it. */
  readonly cpu: { readonly mainThread: number | null; readonly process: number }
  /** The part of the time in which the event loop was busy. */
  readonly eventLoopUtilization: number
  /** The part of the time in which the main thread could have run and no core was free, where Linux tells it. */
  readonly waitedForCore: number | null
  /** Memory of the process at the end, in bytes. */
  readonly rss: number
}

/** The sampling interval, which the loop's own figures include. */
const loopResolution = 1
/** How often it is looked whether there is rest, in milliseconds. */
const restCheck = 5
/** The least that bcrypt takes: logging in is not what is measured. */
const passwordCost = 4

const login = { username: 'bench', password: 'bench' } as const

let store: SqliteStore | undefined

async function serve({ path, units, seed, pending }: ServeRequest): Promise<Served> {
  store = await SqliteStore.open({ path })
  const corpus = new Corpus(units, seed)
  await store.insertMany(Array.from({ length: pending }, (_, number) => corpus.freshUnit(number)))
  await store.createUser(login.username, await hash(login.password, passwordCost))
  const [jwtSecret, apiKeyPepper] = [
    randomBytes(32).toString('hex'),
    randomBytes(32).toString('hex'),
  ]
  const server = await createServer({ store, jwtSecret, apiKeyPepper })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, login }
}

/** Done when nothing is left of requests whose clients are gone: it would be in the way of the next ones. */
async function rest(): Promise<void> {
  const isBusy = () =>
    [store?.figures.read, store?.figures.write].some(
      (lane) => lane && lane.waiting + lane.underWay > 0,
    )
  do await delay(restCheck)
  while (isBusy())
}

let end: (() => Promise<ServerFigures>) | undefined

async function begin(): Promise<void> {
  const loopDelay = monitorEventLoopDelay({ resolution: loopResolution })
  loopDelay.enable()
  const waited = await waitedNanoseconds()
  const start = performance.now()
  const loop = performance.eventLoopUtilization()
  const mainThread = process.threadCpuUsage?.()
  const cpu = process.cpuUsage()
  end = async () => {
    const cpuUsed = process.cpuUsage(cpu)
    const mainThreadUsed = mainThread && process.threadCpuUsage(mainThread)
    const { utilization } = performance.eventLoopUtilization(loop)
    const took = performance.now() - start
    loopDelay.disable()
    const waitedUntilNow = await waitedNanoseconds()
    const sum = ({ user, system }: NodeJS.CpuUsage) => user + system
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - loopResolution)
    return {
      eventLoopDelay: {
        p50: late(loopDelay.percentile(50)),
        p99: late(loopDelay.percentile(99)),
        max: late(loopDelay.max),
      },
      cpu: { mainThread: mainThreadUsed ? sum(mainThreadUsed) : null, process: sum(cpuUsed) },
      eventLoopUtilization: utilization,
      waitedForCore:
        waited === null || waitedUntilNow === null ? null : (waitedUntilNow - waited) / 1e6 / took,
      rss: process.memoryUsage.rss(),
    }
  }
}

/** How long the main thread has been waiting for a core since it began, where Linux tells it. */
async function waitedNanoseconds(): Promise<number | null> {
  try {
    const text = await readFile(`/proc/self/task/${process.pid}/schedstat`, 'utf8')
    return Number(text.split(' ')[1])
  } catch {
    return null
  }
}

const tasks = {
  serve,
  rest: (_: null) => rest(),
  begin: (_: null) => begin(),
  end(_: null): Promise<ServerFigures> {
    if (!end) throw new Error('nothing was begun')
    return end()
  },
}
export type ServerTasks = typeof tasks

answerTasks(tasks)
