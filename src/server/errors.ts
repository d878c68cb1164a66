import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { StoreError, type StoreErrorCode } from '../errors.ts'
import { RepeatedFaults } from '../logging.ts'

/** One fault of a request, as cq's clients know it. */
export interface Fault {
  readonly type: string
  /** Where: `['body', 'domains', 1]`. */
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input: unknown
  readonly ctx?: Readonly<Record<string, unknown>>
}

/** A refusal: a status, and a body with the detail. */
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

/** At a 503, clients keep what they proposed and retry; at a 4xx they drop it for good. */
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
  // Agents treat it like a 503, but are not told to retry soon.
  read_only: 403,
  migration_needed: 503,
  newer_schema: 503,
}

/** What clients see of a 503; the original message may be about this machine. */
const unavailable = 'Service temporarily unavailable, please try again'
/** A client that retries at once might do it twice. */
const outcomeUnknown =
  'It is unknown whether this took effect: the server did not learn how it ended. Look before you do it again'
const readOnly = 'This server is read only'
const retryAfterSeconds = '1'

/** Answers a request that failed. Faults of this server are logged. */
export function answerError(
  error: FastifyError | StoreError | HttpError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, detail, headers } = refusalOf(error, request)
  return reply.code(status).headers(headers).send({ detail })
}

/** How a request that failed is refused. Faults of this server are logged. */
export function refusalOf(
  error: FastifyError | StoreError | HttpError,
  request: FastifyRequest,
): HttpError {
  const refusal = toHttpError(error)
  if (refusal.status >= 500) logFault(error, refusal.status, request)
  return refusal
}

/** By server. */
const repeated = new WeakMap<object, RepeatedFaults>()

/** Counts repeated faults in place of logging each, and logs the counts when the server closes at the latest. */
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
  // What follows in parentheses or quotes differs from case to case.
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
  // Fastify's own refusals, such as a body that is too large or incomplete.
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

/** Replaces the message of `not_found` by the one that the route's clients expect. */
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
