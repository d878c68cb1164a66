import type { FastifyInstance } from 'fastify'
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type Metric,
  Registry,
} from 'prom-client'
import type { HistogramFigures } from '../offload/histogram.ts'
import type { LaneFigures } from '../offload/lane.ts'
import type { Store } from '../store.ts'

/** What a store may tell of itself beyond what every Store does. */
interface ObservedStore {
  readonly figures: { readonly read: LaneFigures; readonly write: LaneFigures }
  fileSizes(): Promise<{ readonly database: number; readonly wal: number }>
}

const lanes = ['read', 'write'] as const

let processRegistry: Registry | undefined

/** Figures of the process, event loop and memory among them. There is one process, however many servers. */
function processMetrics(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry()
    collectDefaultMetrics({ register: processRegistry })
  }
  return processRegistry
}

/** What an operator watches, in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = new Histogram({
    name: 'cq_http_request_duration_seconds',
    help: 'How long requests took, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.#registry],
  })

  constructor(store: Store) {
    if ('figures' in store && 'fileSizes' in store) {
      this.#addLanes(store as Store & ObservedStore)
      this.#addFiles(store as Store & ObservedStore)
    }
  }

  /** Watches the server's routes, and serves what was seen. */
  observe(server: FastifyInstance): void {
    server.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none'
      this.#requests.observe(
        { method: request.method, route, status: reply.statusCode },
        reply.elapsedTime / 1000,
      )
      done()
    })
    server.get(
      '/metrics',
      { schema: { tags: ['operations'], summary: 'Figures for Prometheus' } },
      async (_request, reply) => {
        reply.type(Registry.PROMETHEUS_CONTENT_TYPE)
        return Registry.merge([processMetrics(), this.#registry]).metrics()
      },
    )
  }

  #addLanes(store: ObservedStore): void {
    this.#addGauge('waiting', 'Calls that wait', store)
    this.#addGauge('underWay', 'Calls that a worker is about to answer', store)
    this.#addCounter('calls', 'Calls that were taken', store)
    this.#addCounter('batches', 'Batches that were sent to a worker', store)
    this.#addCounter('overloads', 'Calls turned away since too many waited', store)
    this.#addCounter('timeouts', 'Calls that were not answered in time', store)
    this.#addCounter('restarts', 'Workers started anew after they had died', store)
    this.#addCounter('madeAlone', 'Calls too long for their batch, made again alone', store)
    const inSeconds = 1 / 1000
    this.#addHistogram('batch_calls', 'How many calls travelled as one batch', 1, (lane) => {
      return store.figures[lane].batchSizes
    })
    this.#addHistogram('wait_seconds', 'How long batches waited', inSeconds, (lane) => {
      return store.figures[lane].waits
    })
    this.#addHistogram('run_seconds', 'How long batches were under way', inSeconds, (lane) => {
      return store.figures[lane].runs
    })
  }

  #addGauge(figure: 'waiting' | 'underWay', help: string, store: ObservedStore): void {
    new Gauge({
      name: figure === 'waiting' ? 'cq_store_lane_waiting' : 'cq_store_lane_under_way',
      help,
      labelNames: ['lane'],
      registers: [this.#registry],
      collect() {
        for (const lane of lanes) this.set({ lane }, store.figures[lane][figure])
      },
    })
  }

  #addCounter(
    figure: 'calls' | 'batches' | 'overloads' | 'timeouts' | 'restarts' | 'madeAlone',
    help: string,
    store: ObservedStore,
  ): void {
    new Counter({
      name: `cq_store_lane_${figure === 'madeAlone' ? 'made_alone' : figure}_total`,
      help,
      labelNames: ['lane'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const lane of lanes) this.inc({ lane }, store.figures[lane][figure])
      },
    })
  }

  /** prom-client's own histograms only count what they are told one by one. */
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

  #addFiles(store: ObservedStore): void {
    const files = { database: 'The database file', wal: 'The write-ahead log' } as const
    for (const [file, help] of Object.entries(files) as ['database' | 'wal', string][])
      new Gauge({
        name: `cq_store_${file}_bytes`,
        help,
        registers: [this.#registry],
        async collect() {
          this.set((await store.fileSizes())[file])
        },
      })
  }
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
