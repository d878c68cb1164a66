import type { FastifyInstance } from 'fastify'
import { readBodies } from './body.ts'
import { answerError, countFaults } from './errors.ts'
import { refuseEmptyNames, watchPaths } from './paths.ts'
import { declareAnswers } from './schemas.ts'
import { compileValidator } from './validation.ts'

/** Makes a server accept and refuse requests as cq does. Call the result after its last route. */
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
