import { Ajv, type ValidateFunction } from 'ajv'
import { isTimestamp } from '../../src/knowledge/timestamps.ts'

export interface OpenApi {
  readonly openapi: string
  readonly info: object
  readonly servers: readonly { readonly url: string }[]
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: { readonly schemas: object; readonly securitySchemes: object }
}

export interface OpenApiOperation {
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly deprecated?: boolean
  readonly security?: readonly object[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<
    Record<string, { readonly content?: object; readonly headers?: object }>
  >
}

/** A body's schema, and what it may look like. */
export interface Media {
  readonly schema: object
  readonly example?: unknown
}

/** What an OpenAPI document promises of answers, and whether one keeps it. */
export class Documented {
  readonly document: OpenApi
  readonly #ajv = new Ajv({ strict: false, allErrors: true })
  readonly #checks = new Map<string, ValidateFunction>()
  readonly #routes: readonly { readonly path: string; readonly pattern: RegExp }[]

  constructor(document: OpenApi) {
    this.document = document
    this.#ajv.addFormat('timestamp', { type: 'string', validate: isTimestamp })
    this.#ajv.addSchema({ $id: 'document', ...document })
    this.#routes = Object.keys(document.paths)
      .map((path) => ({ path, pattern: new RegExp(`^${path.replaceAll(/{\w+}/g, '[^/]+')}$`) }))
      // A path that is spelled out goes before one that has gaps.
      .sort((one, other) => gaps(one.path) - gaps(other.path))
  }

  /** Why this answer is none that the document knows, if so. */
  fault(method: string, url: string, status: number, body: unknown): string | undefined {
    const pathname = url.split('?', 1)[0] as string
    const path = this.#routes.find(({ pattern }) => pattern.test(pathname))?.path
    const verb = method.toLowerCase()
    const operation = path === undefined ? undefined : this.document.paths[path]?.[verb]
    if (path === undefined || operation === undefined) return undocumented(status, body)
    if (!operation.responses[status]) return `${status} is not documented`
    const pointer = ['paths', path, verb, 'responses', String(status), 'content']
      .map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/')
    const check = this.#check(`document#/${pointer}/application~1json/schema`)
    return check(body) ? undefined : this.#ajv.errorsText(check.errors)
  }

  #check($ref: string): ValidateFunction {
    const check = this.#checks.get($ref) ?? this.#ajv.compile({ $ref })
    this.#checks.set($ref, check)
    return check
  }
}

function gaps(path: string): number {
  return path.split('{').length
}

/** Of a path or a method that nobody documents, only refusals of one sentence are known. */
function undocumented(status: number, body: unknown): string | undefined {
  const { detail } = (body ?? {}) as { detail?: unknown }
  if (status >= 400 && status < 500 && typeof detail === 'string') return undefined
  return `${status} ${JSON.stringify(body)} on a path that is not documented`
}
