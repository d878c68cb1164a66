import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { StoreError, type StoreErrorCode } from '../errors.ts'
import { RepeatedFaults } from '../logging.ts'

/** One thing that is wrong with a request, as cq's clients know it. */
export interface Fault {
  readonly type: string
  /** Where: `['body', 'domains', 1]`. */
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input: unknown
  readonly ctx?: Readonly<Record<string, unknown>>
}

/** A refusal as it is answered: a status, and a body that holds the detail. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly detail: string | readonly Fault[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    detail: string | readonly Fault[],
    headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(typeof detail === 'string' ? detail : detail.map(({ msg }) => msg).join('; '), options)
    this.status = status
    this.detail = detail
    this.headers = headers
  }
}

/** Clients keep what they proposed and try again at a 503, and drop it for good at a 4xx. */
const statuses: Partial<Record<StoreErrorCode, number>> = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  limit_reached: 409,
  overloaded: 503,
  timeout: 503,
  outcome_unknown: 503,
  unavailable: 503,
  closed: 503,
  // Which clients of agents take as a 503, and nobody is told to come back in a moment.
  read_only: 403,
  migration_needed: 503,
  newer_schema: 503,
}

/** What clients are told of a 503, whose own message is about this machine. */
const unavailable = 'Service temporarily unavailable, please try again'
/** Who does it again at once may have done it twice. */
const outcomeUnknown =
  'It is unknown whether this took effect: the server did not learn how it ended. Look before you do it again'
const readOnly = 'This server is read only'
const retryAfterSeconds = '1'

/** The answer to a request that failed. What is nobody's fault but this server's is logged. */
export function answerError(
  error: FastifyError | StoreError | HttpError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, detail, headers } = toHttpError(error)
  if (status >= 500) logFault(error, status, request)
  return reply.code(status).headers(headers).send({ detail })
}

/** Of each server. */
const repeated = new WeakMap<object, RepeatedFaults>()

/** Has faults that come again and again counted, and told at the latest as the server closes. */
export function countFaults(server: FastifyInstance): void {
  if (repeated.has(server.server)) return
  const faults = new RepeatedFaults()
  repeated.set(server.server, faults)
  server.addHook('onClose', (_server, done) => {
    faults[Symbol.dispose]()
    done()
  })
}

function logFault(
  error: FastifyError | StoreError | HttpError,
  status: number,
  { log, server }: FastifyRequest,
): void {
  const level = status === 500 ? 'error' : 'warn'
  const { code = error.name } = error as { code?: string }
  // What follows in parentheses or quotes tells one case from another.
  const [what = ''] = error.message.split(/[("']/, 1)
  const first = () => log[level]({ err: error }, `answered ${status}`)
  const faults = repeated.get(server.server)
  if (!faults) first()
  else
    faults.note(`${status} ${code} ${what}`, first, (times) => {
      server.log[level]({ code, times }, `answered ${status} ${times} more times: ${error.message}`)
    })
}

function toHttpError(error: FastifyError | StoreError | HttpError): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof StoreError) return fromStore(error)
  // What Fastify itself refuses: a body that is too large or does not come.
  const { statusCode = 500, message } = error
  if (statusCode >= 400 && statusCode < 500) return new HttpError(statusCode, message)
  return new HttpError(500, 'Internal Server Error')
}

function fromStore({ code, message }: StoreError): HttpError {
  const status = statuses[code]
  if (status === undefined) return new HttpError(500, 'Internal Server Error')
  if (code === 'read_only') return new HttpError(status, readOnly)
  if (code === 'outcome_unknown') return new HttpError(status, outcomeUnknown)
  if (status === 503) return new HttpError(503, unavailable, { 'retry-after': retryAfterSeconds })
  return new HttpError(status, message)
}

export const notFound = () => new HttpError(404, 'Not Found')

/** Says of a record that does not exist what the route's clients know it by. */
export const notFoundAs =
  (detail: string) =>
  async <Result>(outcome: Promise<Result>): Promise<Result> => {
    try {
      return await outcome
    } catch (error) {
      if (error instanceof StoreError && error.code === 'not_found')
        throw new HttpError(404, detail, {}, { cause: error })
      throw error
    }
  }
