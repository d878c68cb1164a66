import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type Metric,
  Registry,
} from 'prom-client'
import type { Store } from '../store.ts'
import type { HistogramFigures } from '../threads/histogram.ts'
import type { LaneFigures } from '../threads/lane-figures.ts'
import { version } from '../version.ts'
import { refusals } from './schemas.ts'

/** What a store may report beyond the Store contract. */
interface ObservedStore {
  readonly figures: {
    readonly read: LaneFigures
    readonly rank: LaneFigures
    readonly write: LaneFigures
    readonly ranking: readonly Readonly<
      Record<'units' | 'bytes' | 'loadMilliseconds' | 'changes', number>
    >[]
    readonly connections?: readonly { readonly sqliteVersion: string }[]
  }
  /** Of a store over a file. */
  fileSizes?(): Promise<{ readonly database: number; readonly wal: number }>
}

const lanes = ['read', 'rank', 'write'] as const
/** The figures of a lane that rise and fall, by the names of their metrics. */
const gauges = { waiting: 'waiting', underWay: 'under_way', held: 'held_bytes' } as const

let processRegistry: Registry | undefined

/** Metrics of the process, such as memory and event loop. There is one process, however many servers. */
function processMetrics(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry()
    collectDefaultMetrics({ register: processRegistry })
  }
  return processRegistry
}

/** What operators monitor, in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = new Histogram({
    name: 'cq_http_request_duration_seconds',
    help: 'How long requests took, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.#registry],
  })

  readonly #failedLogins = new Counter({
    name: 'cq_failed_logins_total',
    help: 'Logins that were refused, for what they said or since too many had failed',
    registers: [this.#registry],
  })

  constructor(store: Store) {
    const observed = isObserved(store) ? store : undefined
    this.#addBuild(observed)
    if (observed) {
      this.#addLanes(observed)
      this.#addFiles(observed)
      this.#addRanking(observed)
    }
    // Last, so that the lanes' figures are read before this adds to them.
    this.#addPendingUnits(store)
  }

  countFailedLogin(): void {
    this.#failedLogins.inc()
  }

  /** Observes the server's routes. */
  observe(server: FastifyInstance): void {
    server.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none'
      this.#requests.observe(
        { method: request.method, route, status: reply.statusCode },
        reply.elapsedTime / 1000,
      )
      done()
    })
  }

  /** Serves what was observed. */
  route(server: FastifyInstance): void {
    server.get(
      '/metrics',
      {
        exposeHeadRoute: true,
        schema: {
          tags: ['operations'],
          summary: 'Figures for Prometheus',
          description: 'HEAD answers as well, without a body.',
          operationId: 'getMetrics',
          response: {
            200: {
              description: "Prometheus' text format",
              content: { 'text/plain': { schema: { type: 'string' } } },
            },
            ...refusals(500),
          },
        },
      },
      async (_request, reply) => {
        reply.type(Registry.PROMETHEUS_CONTENT_TYPE)
        return Registry.merge([processMetrics(), this.#registry]).metrics()
      },
    )
  }

  #addBuild(store: ObservedStore | undefined): void {
    new Gauge({
      name: 'cq_store_build_info',
      help: 'What is running: always 1',
      labelNames: ['version', 'node', 'sqlite'],
      registers: [this.#registry],
      collect() {
        const sqlite = store?.figures.connections?.[0]?.sqliteVersion ?? ''
        this.set({ version, node: process.versions.node, sqlite }, 1)
      },
    })
  }

  #addPendingUnits(store: Store): void {
    new Gauge({
      name: 'cq_store_pending_units',
      help: 'Units that wait for review; absent while the store does not answer',
      registers: [this.#registry],
      async collect() {
        const count = await unlessLate(store.pendingCount())
        if (count === undefined) this.remove()
        else this.set(count)
      },
    })
  }

  #addLanes(store: ObservedStore): void {
    this.#addGauge('waiting', 'Calls that wait', store)
    this.#addGauge('underWay', 'Calls that were sent to a worker and not answered', store)
    this.#addGauge(
      'held',
      'Bytes of text in calls that wait or are under way; of writes only',
      store,
    )
    this.#addCounter('calls', 'Calls that were accepted', store)
    this.#addCounter('batches', 'Batches that were sent to a worker', store)
    this.#addCounter('overloads', 'Calls refused because too many waited', store)
    this.#addCounter('timeouts', 'Calls that were not answered in time', store)
    this.#addCounter('restarts', 'Restarts of workers that crashed or hung', store)
    const inSeconds = 1 / 1000
    this.#addHistogram('batch_calls', 'Calls in each batch', 1, (lane) => {
      return store.figures[lane].batchSizes
    })
    this.#addHistogram(
      'wait_seconds',
      'How long the first call of each batch waited',
      inSeconds,
      (lane) => {
        return store.figures[lane].waits
      },
    )
    this.#addHistogram('run_seconds', 'How long batches took', inSeconds, (lane) => {
      return store.figures[lane].runs
    })
  }

  #addGauge(figure: keyof typeof gauges, help: string, store: ObservedStore): void {
    new Gauge({
      name: `cq_store_lane_${gauges[figure]}`,
      help,
      labelNames: ['lane'],
      registers: [this.#registry],
      collect() {
        for (const lane of lanes) this.set({ lane }, store.figures[lane][figure])
      },
    })
  }

  #addCounter(
    figure: 'calls' | 'batches' | 'overloads' | 'timeouts' | 'restarts',
    help: string,
    store: ObservedStore,
  ): void {
    new Counter({
      name: `cq_store_lane_${figure}_total`,
      help,
      labelNames: ['lane'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const lane of lanes) this.inc({ lane }, store.figures[lane][figure])
      },
    })
  }

  /** prom-client's own histograms can only be filled value by value. */
  #addHistogram(
    suffix: string,
    help: string,
    scale: number,
    figuresOf: (lane: (typeof lanes)[number]) => HistogramFigures,
  ): void {
    const name = `cq_store_lane_${suffix}`
    const get = async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: lanes.flatMap((lane) => histogramValues(name, lane, scale, figuresOf(lane))),
    })
    this.#registry.registerMetric({ name, get, reset: () => {} } as unknown as Metric)
  }

  #addRanking(store: ObservedStore): void {
    const figures = {
      units: ['units', 'Units in the index of queries; 0 until it is loaded', 1],
      bytes: ['bytes', 'Approximate memory of the index', 1],
      load_seconds: ['loadMilliseconds', 'How long the index took to load', 1 / 1000],
      changes: ['changes', 'Changes of units applied to the index since it was loaded', 1],
    } as const
    for (const [name, [figure, help, scale]] of Object.entries(figures))
      new Gauge({
        name: `cq_store_ranking_${name}`,
        help,
        labelNames: ['ranker'],
        registers: [this.#registry],
        collect() {
          for (const [index, ranking] of store.figures.ranking.entries())
            this.set({ ranker: index + 1 }, ranking[figure] * scale)
        },
      })
  }

  #addFiles(store: ObservedStore): void {
    if (!store.fileSizes) return
    const sizes = store.fileSizes.bind(store)
    const files = { database: 'The database file', wal: 'The write-ahead log' } as const
    for (const [file, help] of Object.entries(files) as ['database' | 'wal', string][])
      new Gauge({
        name: `cq_store_${file}_bytes`,
        help,
        registers: [this.#registry],
        async collect() {
          this.set((await sizes())[file])
        },
      })
  }
}

function isObserved(store: Store): store is Store & ObservedStore {
  return 'figures' in store
}

const patienceMilliseconds = 1000

/**
 * The answer of a store; `undefined` if it is late, so that its other metrics are served even when it is in
 * trouble.
 */
function unlessLate<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  const late = setTimeout(patienceMilliseconds, undefined, { ref: false })
  return Promise.race([answer.catch(() => undefined), late])
}

function histogramValues(
  name: string,
  lane: string,
  scale: number,
  { count, sum, buckets }: HistogramFigures,
) {
  return [
    ...buckets.map((bucket) => ({
      metricName: `${name}_bucket`,
      labels: { le: bucket.atMost * scale, lane },
      value: bucket.count,
    })),
    { metricName: `${name}_bucket`, labels: { le: '+Inf', lane }, value: count },
    { metricName: `${name}_sum`, labels: { lane }, value: sum * scale },
    { metricName: `${name}_count`, labels: { lane }, value: count },
  ]
}
