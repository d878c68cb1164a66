import type { FastifyInstance } from 'fastify'
import { readBodies } from './body.ts'
import { answerError, countFaults } from './errors.ts'
import { refuseEmptyNames, watchPaths } from './paths.ts'
import { declareAnswers } from './schemas.ts'
import { compileValidator } from './validation.ts'

/** Has a server take and refuse requests as cq does. What comes back is called after its last route. */
export function speakCq(server: FastifyInstance): () => void {
  server.setValidatorCompiler(compileValidator)
  server.setSerializerCompiler(() => JSON.stringify)
  server.setErrorHandler(answerError)
  countFaults(server)
  declareAnswers(server)
  readBodies(server)
  refuseEmptyNames(server)
  return watchPaths(server)
}
