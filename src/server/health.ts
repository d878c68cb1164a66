import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { StoreError } from '../errors.ts'
import type { Store } from '../store.ts'
import { answer, responses } from './schemas.ts'

/** How long a probe waits for the store, in milliseconds. */
const patience = 5_000

const probeMethods = 'HEAD answers as well, for probes, without a body.'

/** Whether the process answers. It asks nothing of the database. */
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

/** Whether the store answers, queries too. Until it does, nobody should be sent here. */
export function readyRoute(server: FastifyInstance, store: Store): void {
  server.get(
    '/ready',
    {
      exposeHeadRoute: true,
      schema: {
        tags: ['operations'],
        summary: 'Whether the server can do its work',
        description: probeMethods,
        operationId: 'getReadiness',
        response: responses(200, answer('Status')),
      },
    },
    async () => {
      // A query for no domain finds nothing, and waits for the index. Probes are not kept waiting for long.
      const answers = Promise.all([store.getReviewStatus(''), store.query([' '])])
      const late = Symbol('late')
      const first = await Promise.race([answers, setTimeout(patience, late, { ref: false })])
      if (first === late) throw new StoreError('unavailable', 'the store does not answer yet')
      return { status: 'ready' }
    },
  )
}
