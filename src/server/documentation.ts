import { fastifySwagger } from '@fastify/swagger'
import { fastifySwaggerUi } from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { version } from '../version.ts'
import { jsonAnswer } from './json-answer.ts'

/** The parts of an OpenAPI document that are changed here. */
interface Document {
  readonly paths?: Readonly<Record<string, object>>
}

const legacyTag = 'legacy'
const currentApi = '/api/v1/'
/** The tags of what is current at the root. */
const atRoot = ['operations', 'mcp']

/**
 * Marks the routes declared after it as current or legacy. Legacy are those that say so, and everything at the
 * root that is neither for operators nor MCP.
 */
export function describeMounts(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    const { schema } = route
    if (schema === undefined || schema.hide) return
    const isAtRoot = !route.url.slice(server.prefix.length).startsWith(currentApi)
    const isCurrentAtRoot = schema.tags?.some((tag) => atRoot.includes(tag)) === true
    const isLegacy = schema.deprecated === true || (isAtRoot && !isCurrentAtRoot)
    route.schema = {
      ...schema,
      security: schema.security ?? [],
      deprecated: isLegacy,
      ...(isLegacy && { tags: [legacyTag] }),
      ...nameOf(schema, isLegacy, isAtRoot !== isCurrentAtRoot),
    }
  })
}

/** A route's handler has the same name wherever it is mounted; operations need distinct names. */
function nameOf({ operationId }: FastifySchema, isLegacy: boolean, isElsewhere: boolean) {
  if (operationId === undefined) return {}
  const name = isLegacy
    ? `legacy${operationId[0]?.toUpperCase()}${operationId.slice(1)}`
    : operationId
  return { operationId: isElsewhere ? `${name}${isLegacy ? 'AtRoot' : 'InApi'}` : name }
}

/**
 * Collects every route declared after it.
 * @throws {TypeError} if the server collects its own
 */
export async function documentRoutes(server: FastifyInstance): Promise<void> {
  if (server.hasDecorator('swagger'))
    throw new TypeError(
      'docs must be off, since this server has @fastify/swagger, which shows these routes, too',
    )
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
        { name: 'review', description: 'For reviewers' },
        { name: 'accounts', description: 'Logins and API keys' },
        { name: 'operations', description: 'For operators' },
        { name: 'mcp', description: 'For agents, by the Model Context Protocol' },
        { name: legacyTag, description: 'The API of older clients.' },
      ],
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: cqa.v1...' },
          login: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'The token of a login',
          },
        },
      },
    },
    // `servers` says where the server is mounted.
    transform: ({ schema, url }) => ({ schema, url: url.slice(server.prefix.length) }),
    refResolver: {
      buildLocalReference: ({ $id }, _baseUri, _fragment, index) => String($id ?? `schema${index}`),
    },
  })
}

/** Serves the OpenAPI document, and pages to browse it. */
export async function servePages(server: FastifyInstance): Promise<void> {
  // Serialised once, since that takes milliseconds and anybody may request it any number of times.
  let document: Buffer | undefined
  server.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    document ??= Buffer.from(JSON.stringify(served(server.swagger() as Document, '.')))
    return jsonAnswer(reply, document)
  })
  await server.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    // The pages' links are relative, and so right under any prefix, a proxy's included.
    indexPrefix: '.',
    uiConfig: { docExpansion: 'list', onComplete: foldLegacy },
    transformSpecification: (document) => served(document as Document, '..'),
    transformSpecificationClone: false,
  })
}

/** The document with the current API first, and the address of the API relative to the document. */
function served(document: Document, url: string) {
  const paths = Object.entries(document.paths ?? {}).sort(
    ([, one], [, other]) => Number(isLegacy(one)) - Number(isLegacy(other)),
  )
  return { ...document, servers: [{ url }], paths: Object.fromEntries(paths) }
}

function isLegacy(path: object): boolean {
  return Object.values(path).every(({ deprecated }: { deprecated?: boolean }) => deprecated)
}

/** Runs in the browser when the pages are shown: its source is embedded in their script. */
declare const ui: { layoutActions: { show(thing: readonly string[], isShown: boolean): void } }
const foldLegacy = () => ui.layoutActions.show(['operations-tag', 'legacy'], false)
