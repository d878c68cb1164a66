import { createRequire } from 'node:module'
import type { Ajv as AjvClass, ErrorObject, ValidateFunction } from 'ajv'
import { StoreError } from '../errors.ts'
import { isTimestamp } from './timestamps.ts'

/**
 * Text that SQLite and PostgreSQL can both store: no NUL and no lone surrogate. Lengths count code points, as
 * JSON Schema's do.
 */
export const storableText = '^[^\\u0000\\ud800-\\udfff]*$'

/** One thing that is wrong with an input: where (`insight.summary`, `domains[1]`), and what would be right. */
export interface Issue {
  readonly path: string
  readonly message: string
}

/** The most issues that an error lists, so that a large input cannot cause a large message. */
const mostIssues = 50

/**
 * Makes a check against a JSON Schema: it returns a valid input, and throws `invalid`, naming everything that is
 * wrong, for any other. The validator is loaded and compiled at its first use, since workers import schemas and
 * never validate.
 * @param what what the input is, as errors name it
 * @param findMore finds faults that a schema cannot express, in inputs that may not fit it
 */
export function checker<T>(
  what: string,
  schema: object,
  findMore: (input: unknown) => readonly Issue[] = () => [],
): (input: unknown) => T {
  let validate: ValidateFunction<T> | undefined
  return (input) => {
    validate ??= ajv().compile<T>(schema)
    const more = findMore(input)
    if (validate(input) && more.length === 0) return input
    const errors = (validate.errors ?? []).filter(saysWhatIsWrong)
    const issues = [...errors.slice(0, mostIssues).map(issue), ...more]
    const list = issues.map(({ path, message }) => `${path || 'it'} ${message}`)
    if (errors.length > mostIssues) list.push(`and ${errors.length - mostIssues} more`)
    throw new StoreError('invalid', `invalid ${what}: ${list.join('; ')}`)
  }
}

/** What is wrong with a property's name, or under a condition, stands in an error of its own. */
export function saysWhatIsWrong({ keyword }: ErrorObject): boolean {
  return keyword !== 'propertyNames' && keyword !== 'if'
}

let instance: AjvClass | undefined

function ajv(): AjvClass {
  if (instance) return instance
  requireCompiling()
  const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv')
  instance = new Ajv({ allErrors: true, allowUnionTypes: true, verbose: true })
  instance.addFormat('timestamp', { type: 'string', validate: isTimestamp })
  return instance
}

/**
 * The validator, the SQLite driver and the HTTP server each make functions of text.
 * @throws {StoreError} `unavailable` where Node is told to let nobody do that
 */
export function requireCompiling(): void {
  try {
    Function('')
  } catch (error) {
    const why =
      'cq-store needs functions that are made of text, as its SQLite driver, its validator and its ' +
      'HTTP server make them: start Node without --disallow-code-generation-from-strings'
    throw new StoreError('unavailable', why, { cause: error })
  }
}

function issue(error: ErrorObject): Issue {
  const path = error.instancePath
    .slice(1)
    .replaceAll(/(^|\/)(\d+)/g, '[$2]')
    .replaceAll('/', '.')
  if (error.propertyName !== undefined)
    return {
      path,
      message: `must not have the key ${quoted(error.propertyName)}: ${explanation(error)}`,
    }
  return { path, message: explanation(error) }
}

function explanation(error: ErrorObject): string {
  const { keyword, params, message = 'is wrong', data, parentSchema } = error
  switch (keyword) {
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).map(quoted).join(', ')}, got ${quoted(data)}`
    case 'maxLength':
      return `must be at most ${params.limit} characters, got ${[...(data as string)].length}`
    case 'maxItems':
      return `must have at most ${params.limit} items, got ${(data as unknown[]).length}`
    case 'format':
      return `must be an RFC 3339 timestamp, got ${quoted(data)}`
    case 'pattern':
      if (params.pattern === storableText) return 'must hold no NUL and no lone surrogate'
      return `${message}, got ${quoted(data)}`
    case 'additionalProperties':
      return noSuchName(params.additionalProperty, Object.keys(parentSchema?.properties))
    default:
      return message
  }
}

/** Says of a name that nothing has what could have been meant. */
function noSuchName(name: string, known: readonly string[]): string {
  return `must not have ${quoted(name)}; known names are ${known.join(', ')}`
}

/** What is wrong with the names in an object of options, one of which may be misspelt. */
export function findUnknownName(options: object, known: readonly string[]): string | undefined {
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  return unknown === undefined ? undefined : noSuchName(unknown, known)
}

/** A value as an error shows it: not longer than a line, and without a look into what it holds. */
export function quoted(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  const start = [...value.slice(0, 128)].slice(0, 64).join('')
  return JSON.stringify(start) + (start === value ? '' : '…')
}
