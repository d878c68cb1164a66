import type { FastifyReply } from 'fastify'

/** The content type that Fastify sets for objects. */
const json = 'application/json; charset=utf-8'

/** Answers with JSON that is text already, which is sent as it is. */
export function jsonAnswer<Text extends string | Buffer>(reply: FastifyReply, text: Text): Text {
  reply.header('content-type', json)
  return text
}
