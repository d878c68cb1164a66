import type { FastifyInstance } from 'fastify'
import type { Store } from '../store.ts'
import { answer, responses } from './schemas.ts'

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

/** Whether the store answers. Until it does, nobody should be sent here. */
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
      await store.getReviewStatus('')
      return { status: 'ready' }
    },
  )
}
