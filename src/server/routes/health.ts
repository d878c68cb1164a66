import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Readiness, Store } from '../../store.ts'
import { HttpError } from '../errors.ts'
import { answer, responses } from '../schemas.ts'

/** How long a probe waits for the store, in milliseconds. */
const patience = 5_000

const probeMethods = 'HEAD answers as well, for probes, without a body.'

/** Whether the process answers. It does not ask the database. */
export function healthRoute(server: FastifyInstance): void {
  server.get(
    '/health',
    {
      exposeHeadRoute: true,
      schema: {
        tags: ['operations'],
        summary: 'Whether the server is up',
        description: probeMethods,
        operationId: 'getHealth',
        response: responses(200, answer('Status')),
      },
    },
    async () => ({ status: 'ok' }),
  )
}

const lateReadiness: Readiness = {
  isReady: false,
  reason: 'the store does not answer yet',
}

/** Whether the store works, and why not. Until it does, it should get no traffic. */
export function readyRoute(server: FastifyInstance, store: Store): void {
  server.get(
    '/ready',
    {
      exposeHeadRoute: true,
      schema: {
        tags: ['operations'],
        summary: 'Whether the store works',
        description: probeMethods,
        operationId: 'getReadiness',
        response: responses(200, answer('Status')),
      },
    },
    async () => {
      // Probes get an answer soon.
      const late = setTimeout(patience, lateReadiness, { ref: false })
      const readiness = await Promise.race([store.readiness(), late])
      if (readiness.isReady) return { status: 'ready' }
      throw new HttpError(503, `Not ready: ${readiness.reason}`, { 'retry-after': '1' })
    },
  )
}
