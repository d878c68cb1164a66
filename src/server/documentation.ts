import { createRequire } from 'node:module'
import { fastifySwagger } from '@fastify/swagger'
import { fastifySwaggerUi } from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

// By name, since the file lies elsewhere once it is built.
const { version } = createRequire(import.meta.url)('cq-store/package.json') as { version: string }

/** Collects every route that is declared after it. */
export async function documentRoutes(server: FastifyInstance): Promise<void> {
  await server.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'cq-store',
        description:
          "cq's wire protocol: knowledge units that agents propose, query, confirm and flag, and people review.",
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'knowledge', description: 'For agents' },
        { name: 'review', description: 'For people who review what agents propose' },
        { name: 'accounts', description: 'Logins and API keys' },
        { name: 'operations', description: 'For whoever runs the server' },
      ],
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: cqa.v1...' },
          login: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        },
      },
    },
    refResolver: {
      buildLocalReference: ({ $id }, _baseUri, _fragment, index) => String($id ?? `schema${index}`),
    },
  })
}

/** The OpenAPI document, and pages to browse it. */
export async function servePages(server: FastifyInstance): Promise<void> {
  server.get('/openapi.json', { schema: { hide: true } }, async () => server.swagger())
  await server.register(fastifySwaggerUi, { routePrefix: '/docs' })
}
