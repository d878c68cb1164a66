import type { FastifyInstance } from 'fastify'
import type { Store } from '../store.ts'
import { answer, responses } from './schemas.ts'

/** Whether the process answers. It asks nothing of the database. */
export function healthRoute(server: FastifyInstance): void {
  server.get(
    '/health',
    {
      schema: {
        tags: ['operations'],
        summary: 'Whether the server is up',
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
      schema: {
        tags: ['operations'],
        summary: 'Whether the server can do its work',
        response: responses(200, answer('Status')),
      },
    },
    async () => {
      await store.getReviewStatus('')
      return { status: 'ready' }
    },
  )
}
