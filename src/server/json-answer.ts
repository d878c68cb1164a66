import type { FastifyReply } from 'fastify'

/** What Fastify says of an object that it is to send. */
const json = 'application/json; charset=utf-8'

/** What a handler returns to answer with JSON that is text already: it is sent as it is. */
export function jsonAnswer<Text extends string | Buffer>(reply: FastifyReply, text: Text): Text {
  reply.header('content-type', json)
  return text
}
