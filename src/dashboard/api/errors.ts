/** Why a call failed, in words for the person in front of the page. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  /** The HTTP status; 0 if there was no answer. */
  readonly status: number

  /** Seconds after which the server wants to be asked again, if it said so. */
  readonly retryAfter: number | null

  constructor(message: string, status: number, retryAfter: number | null = null) {
    super(message)
    this.status = status
    this.retryAfter = retryAfter
  }

  /** Whether no server answered, or one that cannot serve at the moment. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

/** The error that stands for `response`, whose parsed body is `body`. */
export function refusal(response: Response, body: unknown): ApiError {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new ApiError(
    describe(body) ??
      (response.status >= 500
        ? `The server failed (status ${response.status}).`
        : `The server refused (status ${response.status}).`),
    response.status,
    Number.isFinite(seconds) && seconds >= 0 ? seconds : null,
  )
}

function describe(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('detail' in body)) return undefined
  const { detail } = body
  if (typeof detail === 'string') return detail || undefined
  if (!Array.isArray(detail)) return undefined
  const reasons = detail.map((fault: { msg?: unknown; loc?: unknown }) => {
    const where = Array.isArray(fault.loc) ? fault.loc.filter((part) => part !== 'body') : []
    return where.length > 0 ? `${where.join('.')}: ${fault.msg}` : String(fault.msg)
  })
  return reasons.join('; ') || undefined
}

/** `error` in words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
