import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify'
import { HttpError, notFound } from './errors.ts'

/** What a prefix must be, for whoever gave another. */
export const prefixForm = 'a path that begins with a slash and does not end with one, as in /cq'

/** Whether everything can be served under it. None at all, too, is one. */
export function isPrefix(text: string): boolean {
  // Clients resolve dots before they ask.
  return /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)*$/.test(text)
}

/**
 * Watches the routes that are declared from here on. What comes back is called after the last one: it
 * has their paths answer every other method, and with a slash at their end, as cq does.
 */
export function watchPaths(server: FastifyInstance): () => void {
  const paths = new Map<string, Set<string>>()
  let isComplete = false
  server.addHook('onRoute', (route) => {
    if (isComplete) return
    const path = route.url.slice(server.prefix.length).replace(/(?<=.)\/$/, '')
    const answered = paths.get(path) ?? new Set()
    paths.set(path, answered)
    // Fastify adds HEAD to every GET unless its host says otherwise; here only a route itself may.
    if (route.method === 'HEAD' && !route.exposeHeadRoute) route.onRequest = refusal(answered)
    else for (const name of [route.method].flat()) answered.add(name)
  })
  return () => {
    isComplete = true
    for (const [path, answered] of paths) {
      // Before the body is read.
      addMissing(server, path, refusal(answered))
      if (!/[/*]$/.test(path) && !ignoresSlashes(server)) addMissing(server, `${path}/`, redirect)
    }
  }
}

/** Has a path answer the methods that it does not answer yet. */
function addMissing(
  server: FastifyInstance,
  url: string,
  onRequest: onRequestAsyncHookHandler,
): void {
  const method = server.supportedMethods.filter(
    (name) => !server.hasRoute({ method: name, url: server.prefix + url }),
  )
  const handler = async () => {}
  if (method.length > 0) server.route({ url, method, schema: { hide: true }, onRequest, handler })
}

/** Fastify answers 404 to a known path with another method, where cq answers 405. */
function refusal(answered: ReadonlySet<string>): onRequestAsyncHookHandler {
  return async () => {
    throw new HttpError(405, 'Method Not Allowed', { allow: [...answered].sort().join(', ') })
  }
}

/** Whether a host takes a path for the same with a slash at its end. */
function ignoresSlashes({ initialConfig }: FastifyInstance): boolean {
  const { ignoreTrailingSlash, routerOptions } = initialConfig
  return ignoreTrailingSlash === true || routerOptions?.ignoreTrailingSlash === true
}

/** Sends who adds a slash to a path to the path itself, whatever the method. */
const redirect: onRequestAsyncHookHandler = async (request, reply) =>
  reply.redirect(withoutTrailingSlash(request.originalUrl), 307)

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
