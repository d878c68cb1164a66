import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/** Sends with every answer the headers that keep browsers from guessing and from being framed. */
export function secureAnswers(server: FastifyInstance): void {
  const headers = securityHeaders()
  server.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}

/** What helmet sets. Asked once, since it is the same for every answer, and helmet makes it anew each time. */
function securityHeaders(): ReturnType<ServerResponse['getHeaders']> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  const setHeaders = helmet({
    // Without it, a browser could read the pages only over HTTPS.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  })
  setHeaders(request, response, (error) => {
    if (error) throw error
  })
  return response.getHeaders()
}
