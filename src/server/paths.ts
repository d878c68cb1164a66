import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HttpError, notFound } from './errors.ts'

/** What a prefix must be, for whoever gave another. */
export const prefixForm = 'a path that begins with a slash and does not end with one, as in /cq'

/** Whether everything can be served under it. None at all, too, is one. */
export function isPrefix(text: string): boolean {
  return /^(\/[\w.~-]+)*$/.test(text)
}

/** The methods that a path answers, and those that somebody has declared for it. */
interface Methods {
  readonly answered: Set<string>
  readonly declared: Set<string>
}

/**
 * Watches the routes that are declared from here on. What comes back is called after the last one: it
 * has their paths answer every other method, and with a slash at their end, as cq does.
 */
export function watchPaths(server: FastifyInstance): () => void {
  const paths = new Map<string, Methods>()
  let isComplete = false
  server.addHook('onRoute', (route) => {
    if (isComplete) return
    const path = route.url.slice(server.prefix.length)
    const methods = paths.get(path) ?? { answered: new Set(), declared: new Set() }
    paths.set(path, methods)
    for (const name of [route.method].flat()) {
      methods.declared.add(name)
      // Fastify adds HEAD to every GET unless its host says otherwise; here only a route itself may.
      if (route.method === 'HEAD' && !route.exposeHeadRoute) route.onRequest = refusal(methods)
      else methods.answered.add(name)
    }
  })
  return () => {
    isComplete = true
    for (const [path, methods] of paths) {
      refuseOtherMethods(server, path, methods)
      redirectTrailingSlash(server, path)
    }
  }
}

/** Fastify answers 404 to a known path with another method, where cq answers 405. */
function refuseOtherMethods(server: FastifyInstance, url: string, methods: Methods): void {
  const method = server.supportedMethods.filter((name) => !methods.declared.has(name))
  // Before the body is read.
  const onRequest = refusal(methods)
  server.route({ url, method, schema: { hide: true }, onRequest, handler: onRequest })
}

function refusal({ answered }: Methods) {
  return () => {
    const allow = [...answered].sort().join(', ')
    return Promise.reject(new HttpError(405, 'Method Not Allowed', { allow }))
  }
}

/** Sends who adds a slash to a path to the path itself, whatever the method. */
function redirectTrailingSlash(server: FastifyInstance, path: string): void {
  const { ignoreTrailingSlash, routerOptions } = server.initialConfig
  // A host may take both for the same.
  const isSame = ignoreTrailingSlash === true || routerOptions?.ignoreTrailingSlash === true
  if (isSame || /[/*]$/.test(path)) return
  const url = `${path}/`
  const method = server.supportedMethods.filter(
    (name) => !server.hasRoute({ method: name, url: server.prefix + url }),
  )
  if (method.length === 0) return
  // Before the body is read: it is sent again.
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) =>
    reply.redirect(withoutTrailingSlash(request.originalUrl), 307)
  server.route({ url, method, schema: { hide: true }, onRequest, handler: onRequest })
}

/**
 * Relative to the URL that was asked for. An absolute one would be made of the `Host` that a client claims,
 * and lead astray behind a proxy that ends TLS or strips a prefix.
 */
function withoutTrailingSlash(url: string): string {
  const [, name = '', search = ''] = /^[^?#]*?([^/?#]*)\/((?:[?#].*)?)$/s.exec(url) ?? []
  return `../${name}${search}`
}

/** `/review/` is not the path of a unit without a name. */
export function refuseEmptyNames(server: FastifyInstance): void {
  server.addHook('onRequest', ({ params }, _reply, done) => {
    const isEmpty = Object.values((params ?? {}) as Record<string, string>).includes('')
    done(isEmpty ? notFound() : undefined)
  })
}
