import type { FastifyInstance } from 'fastify'
import { listener } from './listener.ts'
import type { Metrics } from './metrics.ts'
import { speakCq } from './protocol.ts'
import { secureAnswers } from './security-headers.ts'

/** Where `/metrics` is served on its own port. */
export interface MetricsAddress {
  /** 0 for any free port; the log says which. */
  readonly port: number
  /** @default '127.0.0.1' */
  readonly host?: string | undefined
}

/** The address for metrics is not available; the cause says why. */
export class MetricsAddressError extends Error {
  override readonly name = 'MetricsAddressError'
  readonly address: string

  constructor(address: string, cause: Error) {
    super(`can't listen on ${address} for metrics: ${cause.message}`, { cause })
    this.address = address
  }
}

/** Serves metrics beside the server's routes, or at an address of their own while the server runs. */
export function serveMetrics(
  server: FastifyInstance,
  metrics: Metrics,
  where: boolean | MetricsAddress = true,
): void {
  if (typeof where !== 'object') {
    metrics.route(server)
    return
  }
  const { host = '127.0.0.1', port } = where
  const apart = listener({ logger: server.log, closeGrace: 1_000 })
  secureAnswers(apart)
  const closePaths = speakCq(apart)
  metrics.route(apart)
  closePaths()
  server.addHook('onReady', async () => {
    const listenTextResolver = (address: string) => `metrics at ${address}/metrics`
    await apart.listen({ host, port, listenTextResolver }).catch((cause: Error) => {
      throw new MetricsAddressError(`${host}:${port}`, cause)
    })
  })
  server.addHook('onClose', () => apart.close())
}
