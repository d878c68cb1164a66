import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/** Sends the headers that keep browsers from guessing types and from framing, with every answer. */
export function secureAnswers(server: FastifyInstance): void {
  const headers = securityHeaders()
  server.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}

/** The headers that helmet sets. Computed once: they are the same for every answer. */
function securityHeaders(): ReturnType<ServerResponse['getHeaders']> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  const setHeaders = helmet({
    // Otherwise browsers would load the pages over HTTPS only.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  })
  setHeaders(request, response, (error) => {
    if (error) throw error
  })
  return response.getHeaders()
}
