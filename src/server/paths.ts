import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify'
import { HttpError, notFound } from './errors.ts'

/** The form of a prefix, for error messages. */
export const prefixForm = 'a path that begins with a slash and does not end with one, as in /cq'

/** Whether it is a valid prefix; the empty one is. */
export function isPrefix(text: string): boolean {
  // Clients resolve dots before they send a request.
  return /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)*$/.test(text)
}

/**
 * Watches the routes declared from here on. Call the result after the last one: it makes their paths answer every
 * other method, and with a trailing slash, as cq does.
 */
export function watchPaths(server: FastifyInstance): () => void {
  const paths = new Map<string, Set<string>>()
  let isComplete = false
  server.addHook('onRoute', (route) => {
    if (isComplete) return
    const path = route.url.slice(server.prefix.length).replace(/(?<=.)\/$/, '')
    const answered = paths.get(path) ?? new Set()
    paths.set(path, answered)
    // Fastify adds HEAD to every GET unless its host says otherwise; here only a route may.
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

/** Makes a path answer the methods that it does not answer yet. */
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

/** Fastify answers 404 to another method of a known path; cq answers 405. */
function refusal(answered: ReadonlySet<string>): onRequestAsyncHookHandler {
  return async () => {
    throw new HttpError(405, 'Method Not Allowed', { allow: [...answered].sort().join(', ') })
  }
}

/** Whether the host ignores trailing slashes. */
function ignoresSlashes({ initialConfig }: FastifyInstance): boolean {
  const { ignoreTrailingSlash, routerOptions } = initialConfig
  return ignoreTrailingSlash === true || routerOptions?.ignoreTrailingSlash === true
}

/** Redirects a path with a trailing slash to the path itself, whatever the method. */
const redirect: onRequestAsyncHookHandler = async (request, reply) =>
  reply.redirect(withoutTrailingSlash(request.originalUrl), 307)

/**
 * Relative to the requested URL. An absolute URL would be made of the `Host` that a client claims, and would be
 * wrong behind a proxy that ends TLS or strips a prefix.
 */
function withoutTrailingSlash(url: string): string {
  const [, name = '', search = ''] = /^[^?#]*?([^/?#]*)\/((?:[?#].*)?)$/s.exec(url) ?? []
  return `../${name}${search}`
}

/** `/review/` is not the path of a unit with an empty id. */
export function refuseEmptyNames(server: FastifyInstance): void {
  server.addHook('onRequest', ({ params }, _reply, done) => {
    const isEmpty = Object.values((params ?? {}) as Record<string, string>).includes('')
    done(isEmpty ? notFound() : undefined)
  })
}
